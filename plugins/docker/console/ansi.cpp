#include "ansi.hpp"

#include <algorithm>

namespace agenthost::docker::console {

namespace {

constexpr char escape = '\x1b', bell = '\a';

bool is_control(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

// Returns the offset after the escape sequence that begins at text[at]. An unterminated sequence extends to
// the end of the text.
std::size_t after_sequence(std::string_view text, std::size_t at)
{
    if (++at >= text.size()) return at;
    const char kind = text[at++];
    if (kind == '[') { // CSI: parameters, then one final byte
        while (at < text.size() && (text[at] < '@' || text[at] > '~')) ++at;
        return std::min(at + 1, text.size());
    }
    if (kind == ']' || kind == 'P' || kind == '_' || kind == '^') { // strings, until BEL or ESC backslash
        while (at < text.size() && text[at] != bell && text[at] != escape) ++at;
        if (at >= text.size()) return at;
        return std::min(at + (text[at] == escape ? 2 : 1), text.size());
    }
    if (kind == '(' || kind == ')' || kind == '#') return std::min(at + 1, text.size());
    return at;
}

} // namespace

bool has_escapes(std::string_view line) { return std::any_of(line.begin(), line.end(), is_control); }

std::string without_escapes(std::string_view line)
{
    std::string out;
    out.reserve(line.size());
    for (std::size_t at = 0; at < line.size();) {
        if (line[at] == escape) {
            at = after_sequence(line, at);
        } else {
            if (!is_control(line[at])) out += line[at];
            ++at;
        }
    }
    return out;
}

} // namespace agenthost::docker::console

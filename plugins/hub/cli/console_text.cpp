#include "console_text.hpp"

#include "base/utf8.hpp"
#include "base/visible.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub::cli {

namespace {

constexpr char escape = '\x1b', bell = '\x07', cancel = '\x18', substitute = '\x1a';

bool is_colour(std::string_view parameters)
{
    return std::all_of(parameters.begin(), parameters.end(),
                       [](char c) { return (c >= '0' && c <= '9') || c == ';' || c == ':'; });
}

// Bytes of a character that begins with `c`; 1 also for a byte that begins none.
std::size_t length_of(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0xf0 && byte < 0xf5   ? 4
           : byte >= 0xe0 && byte < 0xf0 ? 3
           : byte >= 0xc2 && byte < 0xe0 ? 2
                                         : 1;
}

} // namespace

std::string ConsoleText::feed(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size());
    for (const char c : bytes) take(c, out);
    return out;
}

std::string ConsoleText::finish()
{
    std::string out = base::visible(std::exchange(character_, {}));
    if (std::exchange(coloured_, false)) out += "\x1b[0m";
    state_ = State::text;
    held_.clear();
    return out;
}

void ConsoleText::take(char c, std::string& out)
{
    switch (state_) {
    case State::text: return take_text(c, out);
    case State::escape: return take_escape(c);
    case State::intermediate:
        if (c < ' ' || c > '/') state_ = c == escape ? State::escape : State::text;
        return;
    case State::csi: return take_csi(c, out);
    case State::string:
        if (c == escape)
            state_ = State::string_escape;
        else if (c == '\xc2')
            state_ = State::string_c1;
        else if (c == bell || c == cancel || c == substitute)
            state_ = State::text;
        return;
    case State::string_escape:
        if (c == '\\')
            state_ = State::text;
        else
            take_escape(c); // it ends the string, and begins another sequence
        return;
    case State::string_c1: state_ = c == '\x9c' ? State::text : State::string; return;
    }
}

void ConsoleText::take_text(char c, std::string& out)
{
    if (!character_.empty() || static_cast<unsigned char>(c) >= 0x80) return add_character(c, out);
    // A sequence in between, such as one that clears the line, changes nothing about that.
    if (c != escape && std::exchange(returned_, false) && c != '\n' && c != '\r') out += '\n';
    if (c == escape) {
        state_ = State::escape;
    } else if (c == '\r') {
        returned_ = true;
    } else if (c == '\n' || c == '\t' || (c >= ' ' && c != '\x7f')) {
        out += c;
    }
}

void ConsoleText::add_character(char c, std::string& out)
{
    // What does not go on the character ends it.
    if (!character_.empty() && (static_cast<unsigned char>(c) & 0xc0) != 0x80) {
        out += base::visible(std::exchange(character_, {}));
        return take_text(c, out);
    }
    if (std::exchange(returned_, false)) out += '\n';
    character_ += c;
    if (character_.size() < length_of(character_.front())) return;
    const std::string whole = std::exchange(character_, {});
    if (whole == "\xc2\x9b")
        state_ = State::csi;
    else if (whole == "\xc2\x90" || whole == "\xc2\x98" || whole == "\xc2\x9d" || whole == "\xc2\x9e" ||
             whole == "\xc2\x9f")
        state_ = State::string;
    else
        out += base::visible(whole);
    held_.clear();
}

void ConsoleText::take_escape(char c)
{
    held_.clear();
    if (c == '[')
        state_ = State::csi;
    else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_')
        state_ = State::string;
    else if (c >= ' ' && c <= '/')
        state_ = State::intermediate;
    else
        state_ = c == escape ? State::escape : State::text;
}

void ConsoleText::take_csi(char c, std::string& out)
{
    if (c == escape) {
        state_ = State::escape;
    } else if (c == cancel || c == substitute) {
        state_ = State::text;
    } else if (c >= '@' && c <= '~') {
        state_ = State::text;
        if (c != 'm' || held_.size() >= max_held || !is_colour(held_)) return;
        coloured_ = !held_.empty() && held_ != "0";
        out += "\x1b[" + held_ + "m";
    } else if (c >= ' ' && c <= '?' && held_.size() < max_held) {
        held_ += c;
    } else if (c == '\n') { // it was no sequence, or one that is broken: the line goes on after it
        state_ = State::text;
        out += c;
    }
}

} // namespace agenthost::hub::cli

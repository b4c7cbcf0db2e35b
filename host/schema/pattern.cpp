#include "pattern.hpp"

#include <limits>

namespace agenthost::host {
namespace {

using Bytes = std::bitset<256>;
constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
constexpr std::size_t max_count = 100'000; // of a {n,m}: more is a typo

void add_range(Bytes& set, int from, int to)
{
    for (int c = from; c <= to; ++c) set.set(static_cast<std::size_t>(c));
}

// \d \w \s and their capitals; nullopt for any other letter or digit (\b, \1, \u...: not simple).
std::optional<Bytes> escaped(char c)
{
    Bytes set;
    switch (c) {
    case 'd':
    case 'D': add_range(set, '0', '9'); break;
    case 'w':
    case 'W':
        add_range(set, '0', '9');
        add_range(set, 'a', 'z');
        add_range(set, 'A', 'Z');
        set.set('_');
        break;
    case 's':
    case 'S':
        for (const char w : {' ', '\t', '\n', '\v', '\f', '\r'}) set.set(static_cast<unsigned char>(w));
        break;
    case 'n': set.set('\n'); return set;
    case 't': set.set('\t'); return set;
    case 'r': set.set('\r'); return set;
    default:
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            static_cast<unsigned char>(c) >= 0x80)
            return std::nullopt;
        set.set(static_cast<unsigned char>(c));
        return set;
    }
    if (c >= 'A' && c <= 'Z') set.flip();
    return set;
}

// Reads a class after its '[', including the ']'.
std::optional<Bytes> bracket(std::string_view& rest)
{
    Bytes set;
    const bool negated = rest.starts_with('^');
    if (negated) rest.remove_prefix(1);
    if (rest.starts_with(']')) return std::nullopt; // "[]" and "[^]": dialects differ
    while (!rest.empty() && rest.front() != ']') {
        const char c = rest.front();
        rest.remove_prefix(1);
        if (static_cast<unsigned char>(c) >= 0x80 || c == '[') return std::nullopt;
        if (c == '\\') {
            if (rest.empty()) return std::nullopt;
            const auto inner = escaped(rest.front());
            rest.remove_prefix(1);
            if (!inner || (inner->count() > 1 && rest.starts_with('-'))) return std::nullopt;
            if (rest.starts_with('-') && rest.size() > 1 && rest[1] != ']') return std::nullopt;
            set |= *inner;
        } else if (rest.size() > 1 && rest.front() == '-' && rest[1] != ']') {
            const char to = rest[1];
            if (static_cast<unsigned char>(to) >= 0x80 || to == '\\' || to == '[' || to < c)
                return std::nullopt;
            add_range(set, c, to);
            rest.remove_prefix(2);
        } else {
            set.set(static_cast<unsigned char>(c));
        }
    }
    if (rest.empty()) return std::nullopt;
    rest.remove_prefix(1);
    if (negated) set.flip();
    return set;
}

std::optional<std::size_t> number(std::string_view& rest)
{
    std::size_t n = 0, digits = 0;
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
        n = n * 10 + static_cast<std::size_t>(rest.front() - '0');
        rest.remove_prefix(1);
        if (++digits > 6) return std::nullopt;
    }
    if (digits == 0 || n > max_count) return std::nullopt;
    return n;
}

// `? * + {n} {n,} {n,m}` or nothing. False: malformed, or lazy.
bool quantifier(std::string_view& rest, std::size_t& min, std::size_t& max)
{
    if (rest.empty()) return true;
    switch (rest.front()) {
    case '?': min = 0; break;
    case '*':
        min = 0;
        max = unlimited;
        break;
    case '+': max = unlimited; break;
    case '{': {
        rest.remove_prefix(1);
        const auto from = number(rest);
        if (!from) return false;
        min = max = *from;
        if (rest.starts_with(',')) {
            rest.remove_prefix(1);
            max = unlimited;
            if (!rest.starts_with('}')) {
                const auto to = number(rest);
                if (!to || *to < min) return false;
                max = *to;
            }
        }
        if (!rest.starts_with('}')) return false;
        break;
    }
    default: return true;
    }
    rest.remove_prefix(1);
    return rest.empty() || std::string_view{"?*+{"}.find(rest.front()) == std::string_view::npos;
}

} // namespace

std::optional<Pattern> Pattern::compile(std::string_view rest)
{
    if (!rest.starts_with('^') || rest.size() > 1024) return std::nullopt;
    rest.remove_prefix(1);
    Pattern out;
    while (!rest.empty()) {
        if (rest == "$") {
            out.to_the_end_ = true;
            break;
        }
        const char c = rest.front();
        rest.remove_prefix(1);
        Atom atom;
        bool high = false;
        if (c == '[') {
            const auto set = bracket(rest);
            if (!set) return std::nullopt;
            atom.bytes = *set;
        } else if (c == '\\') {
            if (rest.empty()) return std::nullopt;
            const auto set = escaped(rest.front());
            if (!set) return std::nullopt;
            rest.remove_prefix(1);
            atom.bytes = *set;
        } else if (c == '.') {
            atom.bytes.set().reset('\n').reset('\r');
        } else if (std::string_view{"^$()|?*+{}]"}.find(c) != std::string_view::npos) {
            return std::nullopt;
        } else {
            atom.bytes.set(static_cast<unsigned char>(c));
            high = static_cast<unsigned char>(c) >= 0x80;
        }
        if (!quantifier(rest, atom.min, atom.max)) return std::nullopt;
        if (high && (atom.min != 1 || atom.max != 1))
            return std::nullopt; // would match a single byte of a character
        out.atoms_.push_back(atom);
    }
    for (std::size_t i = 0; i < out.atoms_.size(); ++i) {
        if (out.atoms_[i].min == out.atoms_[i].max) continue;
        for (std::size_t j = i + 1; j < out.atoms_.size(); ++j) {
            if ((out.atoms_[i].bytes & out.atoms_[j].bytes).any()) return std::nullopt;
            if (out.atoms_[j].min > 0) break;
        }
    }
    return out;
}

bool Pattern::matches(std::string_view text) const
{
    std::size_t at = 0;
    for (const Atom& atom : atoms_) {
        std::size_t count = 0;
        while (count < atom.max && at < text.size() && atom.bytes[static_cast<unsigned char>(text[at])])
            ++at, ++count;
        if (count < atom.min) return false;
    }
    return !to_the_end_ || at == text.size();
}

} // namespace agenthost::host

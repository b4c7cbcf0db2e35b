// The simple patterns of a schema, matched without backtracking and without recursion: std::regex overflows
// the stack on long input, and a server chooses the input.
//
// Simple: `^` then atoms then `$` or nothing; an atom is a byte, `.`, `\d \w \s` (and capitals), an escaped
// byte or a `[class]` of ASCII, with `? * + {n} {n,} {n,m}`; after an atom of varying count, what may follow
// starts with other bytes, so that taking as many as possible is right. No groups, no alternatives. Bytes,
// not code points, as std::regex over char does it.
#pragma once

#include <bitset>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace agenthost::host {

class Pattern {
public:
    static std::optional<Pattern> compile(std::string_view text); // nullopt: not a simple one
    [[nodiscard]] bool matches(std::string_view text) const;

private:
    struct Atom {
        std::bitset<256> bytes;
        std::size_t min = 1, max = 1;
    };
    std::vector<Atom> atoms_;
    bool to_the_end_ = false;
};

} // namespace agenthost::host

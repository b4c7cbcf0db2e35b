// Regular expressions of eggs, in time linear in the text: rules of variables, and lines that say a server is
// ready.
//
// A server chooses both the expression and the text, so neither backtracking nor recursion over the text is
// possible. The expression becomes a program of at most 2,000 steps whose alternatives run side by side
// (Thompson's construction).
//
// Syntax: . [class] [^class] [[:alpha:]] \d \w \s \D \W \S \t \xHH (group) (?:group) a|b * + ? {n} {n,} {n,m}
// ^ $ \A \z \Z \b \B. Lazy forms are accepted and mean the same, since only the fact of a match counts.
// Refused, with a reason: look-around, back-references, possessive and atomic forms, \p{}, inline flags, and
// characters beyond ASCII in a class. Bytes, not code points.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

class Pattern {
public:
    // nullopt and `why`, a clause such as "look-around, (?=...), is not supported".
    static std::optional<Pattern> compile(std::string_view expression, bool ignore_case, std::string& why);
    // "/^[a-z]+$/i": as PHP writes it, between delimiters and with flags.
    static std::optional<Pattern> compile_delimited(std::string_view text, std::string& why);

    // Whether a part of `text` matches; anchors decide about the whole.
    [[nodiscard]] bool found_in(std::string_view text) const;

private:
    friend class PatternCompiler;
    enum class Op : std::uint8_t { byte, split, jump, begin, end, boundary, no_boundary, match };
    // byte: class index a; split: continue at a and at b; jump: at a.
    struct Step {
        Op op;
        std::uint32_t a = 0, b = 0;
    };
    using Bytes = std::bitset<256>;

    class Threads;
    void follow(Threads&, std::uint32_t step, std::string_view text, std::size_t at) const;

    std::vector<Step> steps_;
    std::vector<Bytes> classes_;
};

} // namespace agenthost::docker

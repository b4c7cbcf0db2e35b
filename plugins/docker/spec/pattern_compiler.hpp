// Translates one regular expression into the steps of a Pattern. Recursive descent, at most 32 groups deep.
#pragma once

#include "pattern.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker {

class PatternCompiler {
public:
    PatternCompiler(std::string_view expression, bool ignore_case)
        : in_{expression}, ignore_case_{ignore_case}
    {}

    std::optional<Pattern> compile(std::string& why);

private:
    using Op = Pattern::Op;
    using Step = Pattern::Step;
    using Bytes = Pattern::Bytes;
    // Steps whose targets are relative to their own first step, so that a repetition can copy them.
    using Code = std::vector<Step>;

    struct Cursor {
        std::string_view text;
        std::size_t at = 0;
        [[nodiscard]] bool more() const { return at < text.size(); }
        [[nodiscard]] char next() const { return text[at]; }
        [[nodiscard]] bool next_is(char c) const { return more() && next() == c; }
        bool take(char c) { return next_is(c) && ++at > 0; }
    };
    struct Counts {
        unsigned least, most;
        bool unlimited;
    };

    Code alternatives();
    Code sequence();
    Code repeated();
    Code atom();
    Code group();
    Code escaped();
    std::optional<Counts> counts();
    bool braces(Counts&);
    Code repeat(const Code& once, Counts);

    Bytes bracket();
    void bracket_item(Bytes&);
    bool posix_class(Bytes&);
    std::optional<unsigned char> escaped_byte();

    Code byte_of(Bytes);
    Code fail(std::string why);
    void append(Code& to, const Code& from);

    Cursor in_;
    bool ignore_case_;
    unsigned depth_ = 0;
    std::string why_;
    std::vector<Bytes> classes_;
};

} // namespace agenthost::docker

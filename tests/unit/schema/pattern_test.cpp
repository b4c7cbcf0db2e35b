#include "host/schema/pattern.hpp"

#include <gtest/gtest.h>

#include <random>
#include <regex>
#include <string>

using agenthost::host::Pattern;

namespace {

TEST(Pattern, AcceptsSimplePatternsOnly)
{
    for (const char* simple : {"^[0-9a-f]{64}$", "^[a-z][a-z0-9_-]{0,31}$", "^https?://", "^\\d+\\.\\d+$",
                               "^$", "^[^/\\\\]+$", "^a.?$"})
        EXPECT_TRUE(Pattern::compile(simple)) << simple;
    for (const char* not_simple : {"abc", "^(a|b)$", "^a|b$", "^.*x$", "^a*a$", "^[a-z]+?$", "^\\bfoo$",
                                   "^[]$", "^a{2,1}$", "^[é]$", "^é?$", "^[a"})
        EXPECT_FALSE(Pattern::compile(not_simple)) << not_simple;
}

// What it takes, it matches as std::regex does.
TEST(Pattern, AgreesWithStdRegex)
{
    const std::vector<std::string> patterns{"^[0-9a-f]{4}$",
                                            "^[a-c][a-c0-9_-]{0,3}$",
                                            "^ab?c*d+",
                                            "^\\d+\\.\\d*$",
                                            "^[^/a]+$",
                                            "^.{2,3}$",
                                            "^$",
                                            "^\\w\\s\\W$",
                                            "^a{2,}b{0,2}$",
                                            "^[.\\-a]+$",
                                            "^[a-]b$"};
    std::mt19937 random{7};
    const std::string_view alphabet = "aabbccd01f._-/ \n";
    int matched = 0;
    for (const std::string& text : patterns) {
        const auto mine = Pattern::compile(text);
        ASSERT_TRUE(mine) << text;
        const std::regex theirs{text};
        for (int i = 0; i < 3000; ++i) {
            std::string word(random() % 7, ' ');
            for (char& c : word) c = alphabet[random() % alphabet.size()];
            EXPECT_EQ(mine->matches(word), std::regex_search(word, theirs))
                << text << " on \"" << word << '"';
            matched += mine->matches(word);
        }
    }
    EXPECT_GT(matched, 500); // the comparison saw both answers
}

TEST(Pattern, MatchesAMegabyteOfText)
{
    const auto pattern = Pattern::compile("^[a-z]+$");
    ASSERT_TRUE(pattern);
    EXPECT_TRUE(pattern->matches(std::string(1 << 20, 'x')));
    EXPECT_FALSE(pattern->matches(std::string(1 << 20, 'x') + "!"));
}

} // namespace

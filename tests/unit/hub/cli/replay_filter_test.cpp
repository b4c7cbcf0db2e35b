// Removes from a replay all sequences that a terminal would answer, however the bytes are split, and changes
// nothing else.
#include "plugins/hub/cli/replay_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using agenthost::hub::cli::ReplayFilter;
using namespace std::string_literals;

namespace {

std::string filtered(std::string_view text)
{
    ReplayFilter filter;
    std::string out = filter.feed(text);
    return out + filter.finish();
}

const std::vector<std::string> queries{"\x1b[c",
                                       "\x1b[0c",
                                       "\x1b[>c",
                                       "\x1b[>0c",
                                       "\x1b[=c",
                                       "\x1bZ",
                                       "\xc2\x9a", // DA1 to DA3, DECID
                                       "\x1b[5n",
                                       "\x1b[6n",
                                       "\x1b[?6n",
                                       "\x1b[?15n",
                                       "\x1b[?996n",
                                       "\xc2\x9b"
                                       "6n", // DSR, CPR, the theme
                                       "\x1b[?2026$p",
                                       "\x1b[4$p", // DECRQM
                                       "\x1b[>q",
                                       "\x1b[>0q", // XTVERSION
                                       "\x1b[?u",  // kitty's keyboard
                                       "\x1b[14t",
                                       "\x1b[16t",
                                       "\x1b[18t",
                                       "\x1b[19t",
                                       "\x1b[11t",
                                       "\x1b[21t",
                                       "\x1b[13;2t",
                                       "\x1b[x",
                                       "\x1b[1x",
                                       "\x1b[1;1;1;1;10;10*y",
                                       "\x1b[1$w",
                                       "\x1b[?4m",
                                       "\x1b[?1;1;0S",
                                       "\x1b]10;?\x07",
                                       "\x1b]11;?\x1b\\",
                                       "\x1b]4;1;?;2;?\x07",
                                       "\x1b]52;c;?\x07",
                                       "\x1b]21;foreground=?\x1b\\",
                                       "\x1b]12;?\xc2\x9c",
                                       "\xc2\x9d"
                                       "10;?\x07",
                                       "\x1b]1337;ReportCellSize\x07",
                                       "\x1bP+q544e;436f\x1b\\",
                                       "\x1bP$qm\x1b\\",
                                       "\x1bPtmux;x\x1b\\",
                                       "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",
                                       "\x05"};

const std::vector<std::string> others{"plain text\r\n",
                                      "\xc3\xa9\xe2\x82\xac",
                                      "\x1b[31mred\x1b[0m",
                                      "\x1b[2J\x1b[H",
                                      "\x1b[?25l",
                                      "\x1b[?1049h",
                                      "\x1b[10;20H",
                                      "\x1b[>4;1m",
                                      "\x1b[>4n",
                                      "\x1b[2 q",
                                      "\x1b[!p",
                                      "\x1b[s\x1b[u",
                                      "\x1b[>1u",
                                      "\x1b[<u",
                                      "\x1b[8;24;80t",
                                      "\x1b[22;0t",
                                      "\x1b[1S",
                                      "\x1b[?1;2c",
                                      "\x1b]0;a title\x07",
                                      "\x1b]8;;https://example.com/a\x1b\\",
                                      "\x1b]10;#ffffff\x07",
                                      "\x1b]52;c;aGk=\x07",
                                      "\x1bPq#0;2;0;0;0#0~~@@\x1b\\",
                                      "\x1b(B",
                                      "\x1b)0",
                                      "\x1b"
                                      "7\x1b"
                                      "8",
                                      "\x1b=",
                                      "\xc2\xa0",
                                      "\x07\b\t",
                                      "\x1b[1;31",
                                      "\x1b[3\rJ"};

TEST(ReplayFilter, RemovesEveryQuery)
{
    for (const std::string& query : queries) {
        EXPECT_EQ(filtered("a" + query + "b"), "ab") << testing::PrintToString(query);
        EXPECT_EQ(filtered(query + query), "") << testing::PrintToString(query);
    }
}

TEST(ReplayFilter, KeepsAllOtherBytes)
{
    for (const std::string& other : others) {
        const std::string kept = filtered("a" + other);
        if (other == "\x1b[3\rJ")
            EXPECT_EQ(kept, "a\r\x1b[3J") << "a control takes effect at once";
        else
            EXPECT_EQ(kept, "a" + other) << testing::PrintToString(other);
    }
}

TEST(ReplayFilter, RemovesAQueryAfterABrokenSequence)
{
    EXPECT_EQ(filtered("\x1b[31\x1b[c"), "");
    EXPECT_EQ(filtered("\x1b]0;title\x1b[6nx"), "x");
    EXPECT_EQ(filtered("\x1b[3\x18\x1b[c"), "\x1b[3\x18");
    EXPECT_EQ(filtered("\x1b\x1b[c[c"), "[c") << "what is left must not become a query";
    EXPECT_EQ(filtered("\xc2\x1b[c"), "");
    EXPECT_EQ(filtered("\x1bPq~~\x1b[cx"), "\x1bPq~~\x1b\\x") << "a picture that is broken off ends";
    EXPECT_EQ(filtered("\x1b[\x05"
                       "6n"),
              "");
}

TEST(ReplayFilter, BoundsItsBufferAndRemovesUndecidedSequences)
{
    const std::string padding(100'000, ';');
    EXPECT_EQ(filtered("\x1b]10" + padding +
                       "?\x07"
                       "b"),
              "b");
    EXPECT_EQ(filtered("\x1b[" + std::string(100'000, '0') + "cb"), "b");
    const std::string sixel = "\x1bPq" + std::string(1'000'000, '~') + "\x1b\\";
    EXPECT_EQ(filtered(sixel), sixel) << "a picture is no query";
}

TEST(ReplayFilter, AnIncompleteSequenceContinuesInTheLiveOutput)
{
    for (const char* begun : {"\x1b", "\x1b[", "\x1b[6", "\x1b]11;", "\xc2"}) {
        ReplayFilter filter;
        EXPECT_EQ(filter.feed("a"s + begun), "a");
        EXPECT_EQ(filter.finish(), begun);
        EXPECT_EQ(filter.feed("b"), "b");
    }
}

TEST(ReplayFilter, RemovesTheSameHoweverTheBytesAreSplit)
{
    std::mt19937 random{11}; // NOLINT(cert-msc51-cpp): the same run every time
    std::vector<std::string> all = queries;
    all.insert(all.end(), others.begin(), others.end());
    for (int round = 0; round < 2'000; ++round) {
        std::string text;
        for (int i = 0; i < 12; ++i) {
            text += all[random() % all.size()];
            if (random() % 4 == 0) text += static_cast<char>(random() % 256); // rubbish in between
        }
        const std::string whole = filtered(text);
        ReplayFilter filter;
        std::string pieces;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t n = std::min<std::size_t>(1 + random() % 7, text.size() - at);
            pieces += filter.feed(std::string_view{text}.substr(at, n));
            at += n;
        }
        pieces += filter.finish();
        ASSERT_EQ(pieces, whole) << testing::PrintToString(text);
        ASSERT_EQ(filtered(whole).size(), whole.size()) << "nothing that is left asks";
    }
}

} // namespace

#include "base/suggestion.hpp"

#include <gtest/gtest.h>

#include <array>

namespace agenthost::base {

namespace {

TEST(Suggestions, OfferOnlySimilarWords)
{
    const std::vector<std::string> words{"heartbeat", "headers", "protocol", "url", "tls"};
    EXPECT_EQ(nearest("heartbeet", words), "heartbeat");
    EXPECT_EQ(nearest("hearbteat", words), "heartbeat");
    EXPECT_EQ(nearest("URL", words), "url");
    EXPECT_EQ(nearest("proto", words), "protocol");
    EXPECT_EQ(nearest("lts", words), "tls");
    EXPECT_EQ(nearest("colour", words), "");
    EXPECT_EQ(nearest("", words), "");
    EXPECT_EQ(nearest(std::string(65, 'a'), std::vector<std::string>{std::string(65, 'a')}), "");
}

TEST(Suggestions, TreatSeparatorsAsTheSameLetter)
{
    constexpr std::array<std::string_view, 2> words{"state_dir", "tm-t88v"};
    EXPECT_EQ(nearest("state-dir", words), "state_dir");
    EXPECT_EQ(nearest("tm t88v", words), "tm-t88v");
}

TEST(Suggestions, PreferTheMostSimilarWord)
{
    constexpr std::array<std::string_view, 3> words{"cp1252", "cp1253", "cp125"};
    EXPECT_EQ(nearest("cp1253x", words), "cp1253");
    EXPECT_EQ(nearest("cp1252", words), "cp1252");
}

TEST(Suggestions, AskWhatWasMeant)
{
    constexpr std::array<std::string_view, 2> words{"log", "agent"};
    EXPECT_EQ(did_you_mean("lgo", words), "; did you mean \"log\"?");
    EXPECT_EQ(did_you_mean("servers", words), "");
    EXPECT_EQ(did_you_mean("lgo", std::vector<std::string_view>{}), "");
}

} // namespace

} // namespace agenthost::base

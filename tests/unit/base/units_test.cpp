#include "base/json_units.hpp"
#include "base/units.hpp"

#include <gtest/gtest.h>

#include <regex>

namespace agenthost::base {

using namespace std::chrono_literals;

namespace {

std::optional<std::uint64_t> bytes_of(std::string_view text)
{
    std::string why;
    return parse_size(text, why);
}
std::optional<std::chrono::milliseconds> time(std::string_view text)
{
    std::string why;
    return parse_duration(text, why);
}

TEST(Units, ReadsSizesInEverySpelling)
{
    for (const auto& [text, bytes] :
         std::initializer_list<std::pair<const char*, std::uint64_t>>{{"0", 0},
                                                                      {"4096", 4096},
                                                                      {"4096B", 4096},
                                                                      {"512KiB", 512 << 10},
                                                                      {"512kb", 512 << 10},
                                                                      {"512 K", 512 << 10},
                                                                      {"1.5GiB", 3ULL << 29},
                                                                      {"1.5 mib", 3 << 19},
                                                                      {"0.1KiB", 102},
                                                                      {"2TB", 2ULL << 40}})
        EXPECT_EQ(bytes_of(text), bytes) << text;
    for (const char* wrong :
         {"", "GiB", "-1", "+1", "1e3", "1.GiB", ".5GiB", "1..5GiB", "1GiBs", "1 G i B", "1,5GiB", "lots",
          "0x10", "1i", "1.5B", "1.5", "5000000TiB", "99999999999999999999"})
        EXPECT_FALSE(bytes_of(wrong)) << wrong;
}

TEST(Units, RequiresAUnitInDurations)
{
    for (const auto& [text, ms] :
         std::initializer_list<std::pair<const char*, std::chrono::milliseconds>>{{"0", 0ms},
                                                                                  {"500ms", 500ms},
                                                                                  {"1.5s", 1500ms},
                                                                                  {"0.3s", 300ms},
                                                                                  {"2 m", 2min},
                                                                                  {"1H", 1h},
                                                                                  {"7d", 168h},
                                                                                  {"1.5d", 36h}})
        EXPECT_EQ(time(text), ms) << text;
    for (const char* wrong : {"", "s", "5", "0.5ms", "5min", "-1s", "1h30m", "36526d", "soon"})
        EXPECT_FALSE(time(wrong)) << wrong;
    std::string why;
    parse_duration("30", why);
    EXPECT_EQ(why, "a duration such as 500ms, 30s, 5m, 1h or 7d (a unit is missing: 30s?)");
}

TEST(Units, WritesTextThatParsesToTheSameValue)
{
    for (const std::uint64_t bytes : {0ULL, 1ULL, 1023ULL, 1024ULL, 1536ULL, 1ULL << 30, 3ULL << 40})
        EXPECT_EQ(bytes_of(format_size(bytes)), bytes);
    for (const auto ms : {0ms, 1ms, 1500ms, 60'000ms, 86'400'000ms}) EXPECT_EQ(time(format_duration(ms)), ms);
}

TEST(Units, SchemaPatternsAgreeWithTheParser)
{
    const std::regex sizes{size_pattern}, durations{duration_pattern};
    for (const char* text : {"0", "12", "1.5GiB", "1 MB", "1kb", "1K", "1i", "1GiBs", "-1", "", "1.", "x"})
        EXPECT_EQ(std::regex_search(text, sizes), bytes_of(text).has_value()) << text;
    for (const char* text : {"1ms", "1.5s", "1 m", "1H", "7d", "1w", "1min", "", "s", "1sm"})
        EXPECT_EQ(std::regex_search(text, durations), time(text).has_value()) << text;
}

TEST(Units, InPluginJsonReportTheProblem)
{
    std::string why;
    EXPECT_EQ(size_in(nlohmann::json("1.5GiB"), why), 3ULL << 29);
    EXPECT_EQ(size_in(nlohmann::json(1 << 20), why), 1U << 20);
    EXPECT_FALSE(size_in(nlohmann::json("lots"), why));
    EXPECT_EQ(why, "\"lots\" is not a size such as 512KiB, 1MiB or 2GiB");
    EXPECT_FALSE(size_in(nlohmann::json(-1), why));
    EXPECT_FALSE(size_in(nlohmann::json(true), why));
    EXPECT_EQ(duration_in(nlohmann::json(0), why), 0ms);
    EXPECT_FALSE(duration_in(nlohmann::json(30), why));
    EXPECT_EQ(why, "30 is not a duration such as 500ms, 30s, 5m, 1h or 7d (a unit is missing: 30s?)");
}

TEST(Units, InPluginJsonReadTheSourceOfASecret)
{
    std::string why;
    const auto read = [&](const char* text) { return secret_in(nlohmann::json::parse(text), why); };
    EXPECT_EQ(read(R"({"file":"/a"})"), (SecretSource{SecretSource::Kind::file, "/a", false}));
    EXPECT_EQ(read(R"({"file":"/a","mode":"any"})"), (SecretSource{SecretSource::Kind::file, "/a", true}));
    EXPECT_EQ(read(R"({"env":"A"})"), (SecretSource{SecretSource::Kind::env, "A", false}));
    for (const char* wrong :
         {"{}", R"({"mode":"any"})", R"({"env":"A","mode":"any"})", R"({"file":"a","env":"b"})",
          R"({"file":1})", R"({"file":"a","mode":"0444"})", R"("text")"})
        EXPECT_FALSE(read(wrong)) << wrong;
}

} // namespace
} // namespace agenthost::base

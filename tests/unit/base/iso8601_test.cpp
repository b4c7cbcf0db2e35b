#include "base/iso8601.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace agenthost::base {
namespace {

std::string text_of(std::int64_t at)
{
    std::string out;
    append_iso8601(out, at);
    return out;
}

TEST(Iso8601, IsWrittenInUtcWithMilliseconds)
{
    EXPECT_EQ(text_of(0), "\"1970-01-01T00:00:00.000Z\"");
    EXPECT_EQ(text_of(1'737'626'400'007), "\"2025-01-23T10:00:00.007Z\"");
    EXPECT_EQ(text_of(-1), "\"1969-12-31T23:59:59.999Z\"");
    EXPECT_EQ(text_of(951'782'400'000), "\"2000-02-29T00:00:00.000Z\"");
}

TEST(Iso8601, StaysWritableOutsideOfItsYears)
{
    EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::max()), "\"9999-12-31T23:59:59.999Z\"");
    EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::min()), "\"0000-01-01T00:00:00.000Z\"");
}

TEST(Iso8601, IsReadInEveryUsualForm)
{
    for (const char* text : {"2025-01-23T10:00:00Z", "2025-01-23T10:00:00.000Z", "2025-01-23T12:00:00+02:00",
                             "2025-01-23T04:30:00-0530", "2025-01-23T10:00Z", "2025-01-23t10:00:00z",
                             "2025-01-23T10:00:00", "2025-01-23 10:00:00.0000009Z"}) {
        EXPECT_EQ(from_iso8601(text), 1'737'626'400'000) << text;
    }
    EXPECT_EQ(from_iso8601("2025-01-23T10:00:00.5Z"), 1'737'626'400'500);
    EXPECT_EQ(from_iso8601("2025-01-23T10:00:00.123456789Z"), 1'737'626'400'123);
}

TEST(Iso8601, RefusesWhatIsNoTime)
{
    for (const char* text :
         {"", "yesterday", "2025-01-23", "2025-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2025-01-23T10",
          "2025-01-23T10:", "2025-01-23T10:00:", "2025-01-23T10:00:00.", "2025-01-23T10:00:00.Z",
          "2025-01-23T25:00:00Z", "2025-01-23T10:60:00Z", "2025-01-23T10:00:61Z", "2025-01-23T10:00:00+2",
          "2025-01-23T10:00:00+24:00", "2025-01-23T10:00:00Zx", "2025-1-23T10:00:00Z",
          "12025-01-23T10:00:00Z", "..."}) {
        EXPECT_EQ(from_iso8601(text), std::nullopt) << text;
    }
}

TEST(Iso8601, ReadsBackEveryTimeItWrites)
{
    std::mt19937_64 random{1};
    for (int i = 0; i < 5000; ++i) {
        const auto at = static_cast<std::int64_t>(random() % 300'000'000'000'000) - 60'000'000'000'000;
        const std::string text = iso8601(at);
        EXPECT_EQ(from_iso8601(text), at) << text;
    }
}

TEST(Iso8601, IsWrittenWithoutQuotesToo)
{
    EXPECT_EQ(iso8601(1'763'660'640'123), "2025-11-20T17:44:00.123Z");
}

} // namespace
} // namespace agenthost::base

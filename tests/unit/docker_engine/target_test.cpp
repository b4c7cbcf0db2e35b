#include "plugins/docker/engine/stamp.hpp"
#include "plugins/docker/engine/target.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace agenthost::docker::engine;

TEST(Target, EncodesWhatWouldChangeTheEndpoint)
{
    EXPECT_EQ(
        Target{"/containers/"}.segment("a/../b?c#d e%").literal("/kill").query("signal", "A&B=1").text(),
        "/containers/a%2F..%2Fb%3Fc%23d%20e%25/kill?signal=A%26B%3D1");
    EXPECT_EQ(Target{"/x"}.query("a", true).query("b", false).query("c", "ü").text(), "/x?a=1&b=0&c=%C3%BC");
    EXPECT_EQ(Target{"/images/"}.image("r.example:5000/a/b@sha256:1").text(),
              "/images/r.example:5000/a/b@sha256:1");
}

TEST(Target, AcceptsOnlyNamesOfContainers)
{
    for (const char* good : {"a", "agenthost-7", "0123abc", "A_b.c"})
        EXPECT_TRUE(is_container_name(good)) << good;
    for (const char* bad : {"", ".", "..", "-a", "a/b", "a b", "a?b", "a%2e", "ü", "a\n"})
        EXPECT_FALSE(is_container_name(bad)) << bad;
    EXPECT_FALSE(is_container_name(std::string(129, 'a')));
    EXPECT_FALSE(is_container_name(std::string_view{"a\0b", 3}));
}

TEST(Target, AcceptsOnlyNamesOfImages)
{
    for (const char* good : {"game", "game:1", "r.example:5000/a/b:1", "a@sha256:01", "sha256:01"})
        EXPECT_TRUE(is_image_name(good)) << good;
    for (const char* bad :
         {"", "/a", "a/", "a//b", "../containers/x/json", "a/../b", "./a", "a b", "a?x", "a#"})
        EXPECT_FALSE(is_image_name(bad)) << bad;
}

TEST(Target, AcceptsOnlySignals)
{
    for (const char* good : {"SIGTERM", "TERM", "9", "SIGRTMIN+3"}) EXPECT_TRUE(is_signal(good)) << good;
    for (const char* bad : {"", "A B", "SIG&x=1", "/"}) EXPECT_FALSE(is_signal(bad)) << bad;
}

TEST(Target, WritesTimesToTheNanosecond)
{
    EXPECT_EQ(engine_time(1700000000'000000042), "1700000000.000000042");
    EXPECT_EQ(engine_time(0), "0.000000000");
    EXPECT_EQ(engine_time(-5), "0.000000000");
}

TEST(Stamp, ReadsWhatEnginesWrite)
{
    EXPECT_EQ(stamp_ns("2026-11-30T08:00:00.000000042Z"), 1796025600'000000042);
    EXPECT_EQ(stamp_ns("2026-11-30T08:00:00Z"), 1796025600'000000000);
    EXPECT_EQ(stamp_ns("2026-11-30T10:30:00.5+02:30"), 1796025600'500000000);
    EXPECT_EQ(stamp_ns("2026-11-30T03:00:00.123456789-05:00"), 1796025600'123456789);
    EXPECT_EQ(stamp_ns("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(stamp_ns("2024-02-29T00:00:00Z"), 1709164800'000000000);
    EXPECT_EQ(read_stamp("2026-11-30T08:00:00Z hello")->size, 20u);
}

TEST(Stamp, RejectsEverythingElse)
{
    for (const char* bad :
         {"", "2026", "2026-11-30", "2026-11-30T08:00:00", "2026-13-30T08:00:00Z", "2026-11-30T25:00:00Z",
          "2026-11-30T08:00:00.Z", "2026-11-30T08:00:00.1234567890Z", "2026-11-30T08:00:00+0100",
          "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "x026-11-30T08:00:00Z"})
        EXPECT_FALSE(read_stamp(bad)) << bad;
}

} // namespace

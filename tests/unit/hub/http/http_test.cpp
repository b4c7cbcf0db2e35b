#include "plugins/hub/http/http.hpp"

#include "plugins/hub/http/spool.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

using namespace agenthost::hub;

namespace {

std::string range_text(std::string_view range, std::uint64_t size, std::string_view if_range = {})
{
    Range r;
    switch (parse_range(range, if_range, "\"tag\"", size, r)) {
    case RangeKind::whole: return "whole " + std::to_string(r.length);
    case RangeKind::unsatisfiable: return "416";
    case RangeKind::part: return std::to_string(r.first) + "+" + std::to_string(r.length);
    }
    return "?";
}

TEST(HubRange, ReadsWhatRfc9110Allows)
{
    EXPECT_EQ(range_text("bytes=0-0", 10), "0+1");
    EXPECT_EQ(range_text("bytes=3-", 10), "3+7");
    EXPECT_EQ(range_text("bytes=3-100", 10), "3+7");
    EXPECT_EQ(range_text("bytes=-4", 10), "6+4");
    EXPECT_EQ(range_text("bytes=-40", 10), "0+10");
    EXPECT_EQ(range_text("bytes=9-9", 10), "9+1");
    EXPECT_EQ(range_text("bytes=0-18446744073709551615", 10), "0+10");
    EXPECT_EQ(range_text("bytes=0-99999999999999999999999", 10), "0+10");
}

TEST(HubRange, RejectsRangesOutsideTheFile)
{
    EXPECT_EQ(range_text("bytes=10-", 10), "416");
    EXPECT_EQ(range_text("bytes=99999999999999999999-", 10), "416");
    EXPECT_EQ(range_text("bytes=-0", 10), "416");
    EXPECT_EQ(range_text("bytes=0-", 0), "416");
}

TEST(HubRange, IgnoresUnknownRanges)
{
    for (const char* odd : {"", "bytes", "bytes=", "bytes=a-b", "bytes=5-3", "bytes=0-1,3-4", "lines=1-2",
                            "bytes=-", "bytes=1", "bytes=--1"}) {
        EXPECT_EQ(range_text(odd, 10), "whole 10") << odd;
    }
}

TEST(HubRange, AppliesOnlyToTheSameContent)
{
    EXPECT_EQ(range_text("bytes=3-", 10, "\"tag\""), "3+7");
    EXPECT_EQ(range_text("bytes=3-", 10, "\"other\""), "whole 10");
    EXPECT_EQ(range_text("bytes=3-", 10, "W/\"tag\""), "whole 10"); // weak validators do not resume
    EXPECT_EQ(range_text("bytes=3-", 10, "Wed, 21 Oct 2015 07:28:00 GMT"), "whole 10");
}

TEST(HubHttp, DecodesQueryValues)
{
    EXPECT_EQ(query_value("name=a%20b+c&owner=", "name"), "a b c");
    EXPECT_EQ(query_value("name=a%20b&owner=", "owner"), "");
    EXPECT_EQ(query_value("name=a", "owner"), std::nullopt);
    EXPECT_EQ(query_value("flag&x=1", "flag"), "");
    EXPECT_EQ(query_value("a=%4", "a"), "%4");
    EXPECT_EQ(query_value("a=%zz%41", "a"), "%zzA");
    EXPECT_EQ(query_value("", "a"), std::nullopt);
}

TEST(HubHttp, ReadsARequestsHead)
{
    const auto head = parse_head(
        R"({"method":"PUT","path":"/a","query":"x=1","headers":{"range":"bytes=0-1"},"peer":"::1","length":17})");
    ASSERT_TRUE(head);
    EXPECT_EQ(head->method, "PUT");
    EXPECT_EQ(head->header("range"), "bytes=0-1");
    EXPECT_EQ(head->header("none"), "");
    EXPECT_EQ(head->length, 17U);
    EXPECT_TRUE(head->has_body());
    EXPECT_FALSE(parse_head("[]"));
    EXPECT_FALSE(parse_head("{"));
    EXPECT_FALSE(parse_head(R"({"method":"GET","path":"/","length":-1})")->length);
}

TEST(HubHttp, MapsEveryErrorToItsStatus)
{
    EXPECT_EQ(status_of("FILE_NOT_FOUND"), 404);
    EXPECT_EQ(status_of("DISK_FULL"), 507);
    EXPECT_EQ(status_of("TIMEOUT"), 504);
    EXPECT_EQ(status_of("AGENT_OFFLINE"), 503);
    EXPECT_EQ(status_of("SOMETHING_OF_A_PLUGIN"), 502);
}

TEST(HubHttp, ErrorsAreValidJsonForAnyText)
{
    const Answer answer = error_answer(404, "X", "quote \" and byte \xff", "more");
    const auto body = nlohmann::json::parse(answer.body);
    EXPECT_EQ(body["error"]["code"], "X");
    EXPECT_EQ(body["error"]["detail"], "more");
}

TEST(HubHttp, RecognisesASha256)
{
    EXPECT_EQ(parse_sha256(std::string(64, 'A')), std::string(64, 'a'));
    EXPECT_FALSE(parse_sha256(std::string(63, 'a')));
    EXPECT_FALSE(parse_sha256(std::string(64, 'g')));
}

class FileAnswer : public testing::Test {
protected:
    FileAnswer()
    {
        agenthost::base::DiskTrouble problem;
        file_ = Spool::make((dir_ / "spool").string(), 1 << 20, 0)->open(100, "n1", "admin", problem);
        EXPECT_TRUE(file_) << problem.text;
        EXPECT_EQ(::pwrite(file_->fd(), "0123456789", 10, 0), 10);
        file_->complete(10, "abc");
    }
    static std::string header(const Answer& a, std::string_view name)
    {
        for (const auto& [n, v] : a.headers) {
            if (n == name) return v;
        }
        return {};
    }
    agenthost::test::TempDir dir_;
    std::shared_ptr<SpoolFile> file_;
};

TEST_F(FileAnswer, SendsTheWholeFile)
{
    const Answer a = file_answer({.method = "GET"}, file_);
    EXPECT_EQ(a.status, 200);
    EXPECT_EQ(a.offset, 0U);
    EXPECT_EQ(a.length, 10U);
    EXPECT_EQ(header(a, "etag"), "\"abc\"");
    EXPECT_EQ(header(a, "x-content-sha256"), "abc");
    EXPECT_EQ(header(a, "accept-ranges"), "bytes");
}

TEST_F(FileAnswer, SendsTheRestOfAResumedFile)
{
    const Answer a =
        file_answer({.method = "GET", .headers = {{"range", "bytes=4-"}, {"if-range", "\"abc\""}}}, file_);
    EXPECT_EQ(a.status, 206);
    EXPECT_EQ(a.offset, 4U);
    EXPECT_EQ(a.length, 6U);
    EXPECT_EQ(header(a, "content-range"), "bytes 4-9/10");
}

TEST_F(FileAnswer, ReportsTheSizeForARangeOutsideTheFile)
{
    const Answer a = file_answer({.method = "GET", .headers = {{"range", "bytes=10-"}}}, file_);
    EXPECT_EQ(a.status, 416);
    EXPECT_EQ(header(a, "content-range"), "bytes */10");
    EXPECT_FALSE(a.file);
}

} // namespace

#include "host/session/auth/server_time.hpp"

#include "base/http_date.hpp"
#include "host/session/utc.hpp"
#include "tests/support/proxy.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agenthost::host {
namespace {

using base::http_date;
using test::http_answer;
using ::testing::HasSubstr;

class ServerTimeTest : public testing::Test {
protected:
    ~ServerTimeTest() override { EXPECT_TRUE(OffThread::wait_for_all(test::max_wait)); }
    // False: it was not called back.
    bool ask(const std::string& url)
    {
        bool done = false;
        time.begin({.url = url, .head_only = true});
        time.ask([&] { done = true; });
        EXPECT_FALSE(done) << "called from the event loop";
        return test::wait_for([&] {
            io.restart();
            io.poll();
            return done;
        });
    }
    // How far it is behind this machine's clock, in ms.
    double behind() const { return static_cast<double>(utc_now_ms() - time.now()); }

    static constexpr double tolerance = 30'000.0;
    boost::asio::io_context io;
    ServerTime time{io.get_executor(), true};
};

TEST_F(ServerTimeTest, IsThisMachinesClockWhereNothingIsSigned)
{
    ServerTime unused{io.get_executor(), false};
    unused.measure(http_date(utc_now_ms() - 400'000));
    EXPECT_NEAR(static_cast<double>(utc_now_ms() - unused.now()), 0.0, tolerance);
    EXPECT_EQ(unused.ahead(), std::nullopt);
    EXPECT_FALSE(unused.must_ask(""));
}

TEST_F(ServerTimeTest, FollowsTheDateOfAResponse)
{
    EXPECT_EQ(time.ahead(), std::nullopt);
    time.measure(http_date(utc_now_ms() - 400'000));
    EXPECT_NEAR(behind(), 400'000.0, tolerance);
    ASSERT_TRUE(time.ahead());
    EXPECT_NEAR(static_cast<double>(*time.ahead()), 400'000.0, tolerance);
    EXPECT_THAT(time.problem(), HasSubstr("s ahead of the server's. Set it"));
}

TEST_F(ServerTimeTest, IgnoresAnInvalidDate)
{
    for (const char* text : {"", "yesterday", "Fri, 31 Feb 2026 00:00:00 GMT"}) time.measure(text);
    EXPECT_EQ(time.ahead(), std::nullopt);
    EXPECT_EQ(time.problem(), "");
}

TEST_F(ServerTimeTest, RequestsADateWhereTheUpgradeHadNone)
{
    const test::HttpServer server{[](const test::HttpRequest&) {
        return http_answer("404 Not Found", "", "Date: " + http_date(utc_now_ms() - 400'000) + "\r\n");
    }};
    EXPECT_FALSE(time.must_ask(http_date(utc_now_ms())));
    EXPECT_TRUE(time.must_ask(""));
    ASSERT_TRUE(ask(server.url()));
    EXPECT_NEAR(behind(), 400'000.0, tolerance);
    EXPECT_FALSE(time.must_ask("")) << "not again within minutes";
    EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(ServerTimeTest, GoesOnWithoutADateOrAResponse)
{
    const test::HttpServer dateless{[](const test::HttpRequest&) { return http_answer("200 OK", ""); }};
    EXPECT_TRUE(ask(dateless.url()));
    EXPECT_TRUE(ask("http://127.0.0.1:" + std::to_string(test::free_port()) + "/"));
    EXPECT_EQ(time.ahead(), std::nullopt);
    EXPECT_NEAR(behind(), 0.0, tolerance);
}

TEST_F(ServerTimeTest, DoesNotCallBackAConnectionThatHasEnded)
{
    bool done = false;
    time.begin({.url = "http://127.0.0.1:" + std::to_string(test::free_port()) + "/"});
    time.ask([&] { done = true; });
    time.forget();
    EXPECT_TRUE(OffThread::wait_for_all(test::max_wait));
    io.poll();
    EXPECT_FALSE(done);
}

TEST_F(ServerTimeTest, SignsFurtherInThePastAfterARefusal)
{
    EXPECT_THAT(time.refused(), HasSubstr("is unknown. The next attempt signs 1 s in the past"));
    EXPECT_NEAR(behind(), 1000.0, 500.0);
    time.measure(http_date(utc_now_ms() - 400'000));
    EXPECT_THAT(time.refused(), HasSubstr("ahead of the server's"));
    EXPECT_NEAR(behind(), 402'000.0, tolerance);
}

} // namespace
} // namespace agenthost::host

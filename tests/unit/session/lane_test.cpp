#include "host/session/lane.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace agenthost::host {
namespace {

TEST(Lane, RunsWhatIsPostedInOneGoAndInOrder)
{
    boost::asio::io_context io{1};
    const auto lane = std::make_shared<Lane>(io.get_executor());
    std::vector<int> ran;
    const std::function<void(int)> chain = [&](int n) {
        ran.push_back(n);
        if (n < 100) boost::asio::post(lane->executor(), [&, n] { chain(n + 1); });
    };
    boost::asio::post(lane->executor(), [&] { chain(0); });
    EXPECT_TRUE(ran.empty()); // never inside the call that posts
    EXPECT_EQ(io.poll_one(), 1u);
    EXPECT_EQ(ran.size(), 101u); // one turn of the loop for all
    EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST(Lane, LetsOthersHaveTheirTurn)
{
    boost::asio::io_context io{1};
    const auto lane = std::make_shared<Lane>(io.get_executor());
    int ran = 0;
    bool stop = false, other = false;
    const std::function<void()> forever = [&] {
        ++ran;
        if (!stop) boost::asio::post(lane->executor(), forever);
    };
    boost::asio::post(lane->executor(), forever);
    io.poll_one();
    EXPECT_EQ(ran, Lane::max_in_a_row);
    boost::asio::post(io, [&] { other = true; });
    for (int turns = 0; turns < 3 && !other; ++turns) io.poll_one();
    EXPECT_TRUE(other);
    stop = true;
    io.restart();
    io.poll();
}

TEST(Lane, RunsTheEndOfAnOperationAtOnceAndWhatItPostsAfterIt)
{
    boost::asio::io_context io{1};
    const auto lane = std::make_shared<Lane>(io.get_executor());
    std::string order;
    boost::asio::steady_timer timer{io, std::chrono::milliseconds{0}};
    timer.async_wait(boost::asio::bind_executor(lane->executor(), [&](auto) {
        boost::asio::post(lane->executor(), [&] { order += "c"; });
        boost::asio::dispatch(lane->executor(), [&] { order += "a"; });
        order += "b";
    }));
    io.run_one();
    EXPECT_EQ(order, "abc");
}

TEST(Lane, FreesWhatNeverRan)
{
    const auto token = std::make_shared<int>(1);
    {
        boost::asio::io_context io{1};
        auto lane = std::make_shared<Lane>(io.get_executor());
        boost::asio::post(lane->executor(), [token, lane] {}); // what is posted keeps its lane alive
        EXPECT_EQ(token.use_count(), 2);
    }
    EXPECT_EQ(token.use_count(), 1);
}

} // namespace
} // namespace agenthost::host

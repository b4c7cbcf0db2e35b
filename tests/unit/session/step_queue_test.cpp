#include "host/session/step_queue.hpp"

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

TEST(StepQueue, RunsWhatIsPostedInOneGoAndInOrder)
{
    boost::asio::io_context io{1};
    const auto queue = std::make_shared<StepQueue>(io.get_executor());
    std::vector<int> ran;
    const std::function<void(int)> chain = [&](int n) {
        ran.push_back(n);
        if (n < 100) boost::asio::post(queue->executor(), [&, n] { chain(n + 1); });
    };
    boost::asio::post(queue->executor(), [&] { chain(0); });
    EXPECT_TRUE(ran.empty()); // never inside the call that posts
    EXPECT_EQ(io.poll_one(), 1u);
    EXPECT_EQ(ran.size(), 101u); // one turn of the loop for all
    EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST(StepQueue, LetsOthersHaveTheirTurn)
{
    boost::asio::io_context io{1};
    const auto queue = std::make_shared<StepQueue>(io.get_executor());
    int ran = 0;
    bool stop = false, other = false;
    const std::function<void()> forever = [&] {
        ++ran;
        if (!stop) boost::asio::post(queue->executor(), forever);
    };
    boost::asio::post(queue->executor(), forever);
    io.poll_one();
    EXPECT_EQ(ran, StepQueue::max_in_a_row);
    boost::asio::post(io, [&] { other = true; });
    for (int turns = 0; turns < 3 && !other; ++turns) io.poll_one();
    EXPECT_TRUE(other);
    stop = true;
    io.restart();
    io.poll();
}

TEST(StepQueue, RunsTheEndOfAnOperationAtOnceAndWhatItPostsAfterIt)
{
    boost::asio::io_context io{1};
    const auto queue = std::make_shared<StepQueue>(io.get_executor());
    std::string order;
    boost::asio::steady_timer timer{io, std::chrono::milliseconds{0}};
    timer.async_wait(boost::asio::bind_executor(queue->executor(), [&](auto) {
        boost::asio::post(queue->executor(), [&] { order += "c"; });
        boost::asio::dispatch(queue->executor(), [&] { order += "a"; });
        order += "b";
    }));
    io.run_one();
    EXPECT_EQ(order, "abc");
}

TEST(StepQueue, FreesWhatNeverRan)
{
    const auto token = std::make_shared<int>(1);
    {
        boost::asio::io_context io{1};
        auto queue = std::make_shared<StepQueue>(io.get_executor());
        boost::asio::post(queue->executor(), [token, queue] {}); // what is posted keeps its queue alive
        EXPECT_EQ(token.use_count(), 2);
    }
    EXPECT_EQ(token.use_count(), 1);
}

} // namespace
} // namespace agenthost::host

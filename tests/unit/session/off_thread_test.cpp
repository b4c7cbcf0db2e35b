#include "host/session/off_thread.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace agenthost::host {
namespace {

TEST(OffThread, BringsTheAnswerBack)
{
    boost::asio::io_context io;
    OffThread job;
    const auto caller = std::this_thread::get_id();
    bool elsewhere = false;
    int got = 0;
    ASSERT_TRUE(job.start<int>(
        io.get_executor(),
        [&] {
            elsewhere = std::this_thread::get_id() != caller;
            return 42;
        },
        [&](int n) { got = n; }));
    EXPECT_TRUE(test::wait_for([&] {
        io.restart();
        io.poll();
        return got == 42;
    }));
    EXPECT_TRUE(elsewhere);
}

TEST(OffThread, ForgetsAJobThatHangs)
{
    boost::asio::io_context io;
    std::atomic<bool> go{false}, ran{false};
    bool told = false;
    {
        OffThread job;
        job.start<int>(
            io.get_executor(),
            [&] {
                test::wait_for([&] { return go.load(); });
                ran = true;
                return 1;
            },
            [&](int) { told = true; });
    }
    go = true;
    EXPECT_TRUE(test::wait_for([&] {
        io.restart();
        io.poll();
        return ran.load();
    }));
    EXPECT_TRUE(OffThread::wait_for_all(test::max_wait));
    io.restart();
    io.poll();
    EXPECT_FALSE(told);
}

// A thread's last words (OpenSSL frees what it kept for it) have been said then.
TEST(OffThread, IsWaitedForUntilItsThreadIsGone)
{
    struct LastWords {
        ~LastWords()
        {
            begun.set_value();
            go_on.get_future().wait();
            said = true;
        }
        std::promise<void>&begun, &go_on;
        std::atomic<bool>& said;
    };
    std::promise<void> begun, go_on;
    std::atomic<bool> said{false};
    boost::asio::io_context io;
    std::promise<void> go;
    OffThread job;
    ASSERT_TRUE(job.start<int>(
        io.get_executor(),
        [&] {
            thread_local const LastWords words{begun, go_on, said};
            go.get_future().wait();
            return 1;
        },
        [](int) {}));
    EXPECT_FALSE(OffThread::wait_for_all(std::chrono::milliseconds{1}));
    job.forget();
    auto waits =
        std::async(std::launch::async, [&] { return OffThread::wait_for_all(test::max_wait) && said; });
    go.set_value();
    begun.get_future().wait();
    EXPECT_EQ(waits.wait_for(std::chrono::milliseconds{20}), std::future_status::timeout);
    go_on.set_value();
    EXPECT_TRUE(waits.get());
}

} // namespace
} // namespace agenthost::host

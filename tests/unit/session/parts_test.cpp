// The parts of a session that need no socket.
#include "host/session/auth/sent_credential.hpp"
#include "host/session/lane.hpp"
#include "host/session/off_thread.hpp"
#include "host/session/outgoing.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace agenthost::host {
namespace {

bool add(Outgoing& queue, const std::string& frame, std::uint64_t row = 0)
{
    return queue.add(
        [&](std::string& out) {
            out += frame;
            return true;
        },
        row);
}

std::vector<std::string> drain(Outgoing& queue)
{
    std::vector<std::string> frames;
    for (std::string_view frame = queue.front(); !frame.empty(); frame = queue.front()) {
        frames.emplace_back(frame);
        queue.pop();
    }
    return frames;
}

using Frames = std::vector<std::string>;

TEST(SentCredential, ReplacesTheConfiguredOneUntilThatOneChanges)
{
    SentCredential sent;
    EXPECT_EQ(sent.in_place_of("print1"), "");
    sent.keep("token", "print1");
    EXPECT_EQ(sent.in_place_of("print1"), "token");
    sent.keep("newer", "print1");
    EXPECT_EQ(sent.in_place_of("print1"), "newer");
    EXPECT_EQ(sent.in_place_of("print2"), "") << "the file has another credential";
    EXPECT_EQ(sent.in_place_of("print1"), "") << "and the sent one is forgotten";
}

TEST(SentCredential, GivesWayToTheConfiguredOneWhenRefused)
{
    SentCredential sent;
    (void)sent.in_place_of("print1");
    EXPECT_FALSE(sent.refused()) << "there is no other";
    sent.keep("token", "print1");
    EXPECT_EQ(sent.in_place_of("print1"), "token");
    EXPECT_TRUE(sent.refused());
    EXPECT_TRUE(sent.refused()) << "an error frame, then the close";
    EXPECT_EQ(sent.in_place_of("print1"), "");
    EXPECT_FALSE(sent.refused()) << "the configured one was refused as well";
}

TEST(SentCredential, IsKeptWhenThePreviousOneIsRefused)
{
    SentCredential sent;
    (void)sent.in_place_of("print1");
    sent.keep("token", "print1");
    EXPECT_TRUE(sent.refused()) << "the configured one has expired";
    EXPECT_EQ(sent.in_place_of("print1"), "token");
    sent.keep("newer", "print1");
    EXPECT_TRUE(sent.refused());
    EXPECT_EQ(sent.in_place_of("print1"), "newer");
}

TEST(Outgoing, KeepsOrderAndRows)
{
    Outgoing queue{1000};
    add(queue, "a", 7);
    add(queue, "bb");
    EXPECT_EQ(queue.front(), "a");
    add(queue, "ccc", 9); // while the first is being written
    EXPECT_EQ(queue.front(), "a");
    EXPECT_EQ(queue.bytes(), 6u);
    EXPECT_EQ(queue.pop(), 7u);
    EXPECT_EQ(queue.front(), "bb");
    EXPECT_EQ(queue.pop(), 0u);
    EXPECT_EQ(queue.front(), "ccc");
    EXPECT_EQ(queue.pop(), 9u);
    EXPECT_TRUE(queue.front().empty());
    EXPECT_TRUE(queue.empty());
}

TEST(Outgoing, TakesNothingWhenThereAreNoWords)
{
    Outgoing queue{1000};
    EXPECT_FALSE(queue.add([](std::string&) { return false; }));
    EXPECT_TRUE(queue.front().empty());
}

TEST(Outgoing, SaysWhenItIsFull)
{
    Outgoing queue{1000};
    add(queue, std::string(500, 'a'));
    EXPECT_TRUE(queue.takes_output());
    add(queue, std::string(501, 'b'));
    EXPECT_TRUE(queue.over());
    EXPECT_FALSE(queue.takes_output());
    EXPECT_TRUE(queue.takes_results());
    add(queue, std::string(1000, 'c'));
    EXPECT_FALSE(queue.takes_results());
    queue.front();
    queue.pop();
    queue.front();
    queue.pop();
    EXPECT_FALSE(queue.over());
    EXPECT_FALSE(queue.half_empty());
}

TEST(Outgoing, DropsTheOldestEventsAndCountsThem)
{
    Outgoing queue{100'000};
    add(queue, std::string(70'000, 'r')); // much waits: events stand aside
    EXPECT_EQ(queue.add_event("1" + std::string(9'999, 'e')), 0u);
    EXPECT_EQ(queue.add_event("2" + std::string(9'999, 'e')), 0u);
    EXPECT_EQ(queue.add_event("3" + std::string(9'999, 'e')), 0u);
    EXPECT_EQ(queue.add_event("4" + std::string(9'999, 'e')), 1u);
    EXPECT_EQ(queue.add_event(std::string(40'000, 'x')), 4u); // three more and itself
    EXPECT_EQ(queue.add_event("5"), 0u);
    const Frames frames = drain(queue);
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(frames[1], "5");
    EXPECT_TRUE(queue.empty());
}

TEST(Outgoing, KeepsTheLatestProgressOfEachCommand)
{
    Outgoing queue{100'000};
    add(queue, std::string(70'000, 'r'));
    queue.add_progress("a", "a1");
    queue.add_progress("b", "b1");
    queue.add_progress("a", "a2");
    queue.add_progress("c", "c1");
    queue.forget_progress("c"); // its result is there
    Frames frames = drain(queue);
    frames.erase(frames.begin());
    EXPECT_EQ(frames, (Frames{"b1", "a2"}));
}

TEST(Outgoing, SendsAtOnceWhatNothingWaitsBefore)
{
    Outgoing queue{100'000};
    queue.add_event("e1");
    queue.add_progress("a", "p1");
    add(queue, "r1");
    EXPECT_EQ(drain(queue), (Frames{"e1", "p1", "r1"}));
}

TEST(Outgoing, IsBoundedWhateverComes)
{
    Outgoing queue{10'000};
    for (int i = 0; i < 10'000; ++i) {
        queue.add_event(std::string(100, 'e'));
        queue.add_progress(std::to_string(i), std::string(100, 'p'));
    }
    EXPECT_LE(queue.bytes(), 10'000u + 100u);
}

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
    EXPECT_TRUE(OffThread::wait_for_all(test::patience));
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
        std::async(std::launch::async, [&] { return OffThread::wait_for_all(test::patience) && said; });
    go.set_value();
    begun.get_future().wait();
    EXPECT_EQ(waits.wait_for(std::chrono::milliseconds{20}), std::future_status::timeout);
    go_on.set_value();
    EXPECT_TRUE(waits.get());
}

} // namespace
} // namespace agenthost::host

// The plugin's I/O thread.
#include <plugins/terminal/loop.hpp>

#include <tests/support/support.hpp>

#include <gtest/gtest.h>

#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>

using namespace agenthost::terminal;
using namespace std::chrono_literals;
using agenthost::test::wait_for;

namespace {

struct Reads : Watcher {
    std::function<void(int)> on;
    void ready(int fd, std::uint32_t) override { on(fd); }
};

TEST(Loop, RunsWhatOtherThreadsPostInOrder)
{
    Loop loop{[] {}};
    loop.start();
    std::atomic<int> last{0};
    std::atomic<bool> ordered{true};
    for (int i = 1; i <= 1000; ++i)
        loop.post([&, i] {
            if (last.exchange(i) != i - 1) ordered = false;
        });
    EXPECT_TRUE(wait_for([&] { return last == 1000; }));
    EXPECT_TRUE(ordered);
}

TEST(Loop, GoesOnAfterAnException)
{
    std::atomic<int> errors{0};
    Loop loop{[&] { ++errors; }};
    loop.start();
    std::atomic<bool> done{false};
    loop.post([] { throw std::runtime_error{"x"}; });
    loop.post([&] { done = true; });
    EXPECT_TRUE(wait_for([&] { return done.load(); }));
    EXPECT_EQ(errors, 1);
}

TEST(Loop, FiresTimersInOrderAndNotTheCancelled)
{
    Loop loop{[] {}};
    std::string order;
    std::atomic<bool> done{false};
    Loop::Timer never = loop.after(10ms, [&] { order += "never"; });
    loop.after(30ms, [&] {
        order += "b";
        done = true;
    });
    loop.after(5ms, [&] {
        order += "a";
        loop.cancel(never);
    });
    loop.start();
    EXPECT_TRUE(wait_for([&] { return done.load(); }));
    loop.stop();
    EXPECT_EQ(order, "ab");
    EXPECT_EQ(never, 0u);
}

TEST(Loop, DoesNotCallForADescriptorThatWasForgottenInTheSameTurn)
{
    int one[2], two[2];
    ASSERT_EQ(::pipe(one), 0);
    ASSERT_EQ(::pipe(two), 0);
    Loop loop{[] {}};
    Reads reads;
    std::atomic<int> calls{0};
    reads.on = [&](int) { // whichever comes first silences both
        ++calls;
        loop.forget(one[0]);
        loop.forget(two[0]);
    };
    loop.watch(one[0], EPOLLIN, reads);
    loop.watch(two[0], EPOLLIN, reads);
    ASSERT_EQ(::write(one[1], "x", 1), 1);
    ASSERT_EQ(::write(two[1], "x", 1), 1);
    loop.start();
    EXPECT_TRUE(wait_for([&] { return calls > 0; }));
    std::atomic<bool> later{false};
    loop.post([&] { later = true; });
    EXPECT_TRUE(wait_for([&] { return later.load(); }));
    loop.stop();
    EXPECT_EQ(calls, 1);
    for (const int fd : {one[0], one[1], two[0], two[1]}) ::close(fd);
}

TEST(Loop, StopsWithWorkLeft)
{
    auto witness = std::make_shared<int>(1);
    {
        Loop loop{[] {}};
        loop.after(1h, [witness] {});
        loop.start();
        loop.stop();
        loop.post([witness] {}); // dropped
    }
    EXPECT_EQ(witness.use_count(), 1);
}

} // namespace

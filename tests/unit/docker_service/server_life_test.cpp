#include "plugins/docker/service/server_life.hpp"

#include <agenthost/error.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace {

using agenthost::Error;
using agenthost::base::Cancel;
using agenthost::docker::service::ServerLife;

TEST(ServerLife, EndsAtOnceWhenNobodyIsInside)
{
    const auto life = std::make_shared<ServerLife>();
    EXPECT_FALSE(life->ended());
    int ended = 0;
    life->end([&] { ++ended; });
    EXPECT_EQ(ended, 1);
    EXPECT_TRUE(life->ended());
    life->end([&] { ++ended; }); // a second attempt to remove the folder
    EXPECT_EQ(ended, 2);
}

TEST(ServerLife, CancelsJobsAndWaitsUntilTheyHaveLeft)
{
    const auto life = std::make_shared<ServerLife>();
    Cancel first, second;
    auto one = life->enter(first), two = life->enter(second);
    bool ended = false;
    life->end([&] { ended = true; });
    EXPECT_TRUE(first.is_set());
    EXPECT_TRUE(second.is_set());
    one.reset();
    EXPECT_FALSE(ended);
    two.reset();
    EXPECT_TRUE(ended);
}

TEST(ServerLife, RefusesJobsThatComeLater)
{
    const auto life = std::make_shared<ServerLife>();
    life->end([] {});
    Cancel cancel;
    try {
        const auto stay = life->enter(cancel);
        FAIL();
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), "SERVER_NOT_FOUND");
    }
    EXPECT_FALSE(cancel.is_set());
}

TEST(ServerLife, NobodyIsInsideAfterItsEndWhateverTheThreadsDo)
{
    for (int round = 0; round < 200; ++round) {
        const auto life = std::make_shared<ServerLife>();
        std::atomic<int> inside{0}, seen{-1};
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                try {
                    for (int n = 0; n < 1000; ++n) {
                        Cancel cancel;
                        const auto stay = life->enter(cancel);
                        ++inside;
                        while (n > 20 && !cancel.is_set()) std::this_thread::yield(); // works until the end
                        --inside;
                    }
                } catch (const Error&) {
                    // It has ended.
                }
            });
        life->end([&] { seen = inside.load(); });
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(seen, 0);
    }
}

} // namespace

#include "base/fair_shares.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

using agenthost::base::FairShares;

TEST(FairShares, GivesAnIdleCallerASlotBeyondTheLimit)
{
    FairShares shares{2, 10};
    shares.begins("greedy");
    shares.begins("greedy");
    EXPECT_FALSE(shares.may_run("greedy"));
    EXPECT_TRUE(shares.may_run("modest"));
    shares.begins("modest");
    EXPECT_FALSE(shares.may_run("modest"));
    shares.ends("greedy"); // two run: the limit holds again
    EXPECT_FALSE(shares.may_run("greedy"));
    shares.ends("greedy");
    EXPECT_TRUE(shares.may_run("greedy"));
}

TEST(FairShares, BoundsTheSlotsBeyondTheLimit)
{
    FairShares shares{1, 10};
    std::size_t running = 0;
    for (int i = 0; i < 1000; ++i) {
        const std::string caller = std::to_string(i);
        if (!shares.may_run(caller)) continue;
        shares.begins(caller);
        ++running;
    }
    EXPECT_EQ(running, 1 + FairShares::max_extra_slots);
}

TEST(FairShares, ServesTheCallerWithFewestRunningThenTheLongestWaiting)
{
    FairShares shares{8, 10};
    shares.waits("a");
    shares.waits("b");
    shares.begins("a");
    EXPECT_TRUE(shares.before("b", "a"));
    shares.begins("b");
    shares.served("a");
    shares.served("b");
    EXPECT_TRUE(shares.before("a", "b"));
    shares.served("a");
    EXPECT_TRUE(shares.before("b", "a"));
}

TEST(FairShares, ReservesQueuePlacesForEveryCaller)
{
    FairShares shares{1, 16};
    while (shares.may_wait("greedy")) shares.waits("greedy");
    EXPECT_EQ(shares.waiting(), 16u);
    std::size_t modest = 0;
    for (; shares.may_wait("modest"); ++modest) shares.waits("modest");
    EXPECT_EQ(modest, 2u); // an eighth
    shares.leaves("greedy");
    EXPECT_FALSE(shares.may_wait("greedy")); // 17 wait still
}

TEST(FairShares, RefusesToWaitWithoutAQueue)
{
    const FairShares shares{1, 0};
    EXPECT_FALSE(shares.may_wait("anyone"));
}

// Random arrivals of eight modest callers beside one greedy caller whose jobs never end. A modest job waits
// for jobs of its own caller only: no longer than all of them that came before it take together. Nobody is
// ever refused a place.
TEST(FairShares, NoCallerWaitsForAnother)
{
    struct Job {
        long arrived, takes;
    };
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random{seed};
        const std::size_t slots = 1 + random() % 8;
        FairShares shares{slots, 64};
        std::map<std::string, std::deque<Job>> waiting;
        std::map<std::string, long>
            work_ahead; // of each caller: when all it asked for so far has been done one by one
        std::multimap<long, std::string> ends;
        long longest = 0;
        for (long now = 0; now < 2000; ++now) {
            for (auto at = ends.begin(); at != ends.end() && at->first <= now; at = ends.erase(at))
                shares.ends(at->second);
            if (shares.may_wait("greedy")) {
                shares.waits("greedy");
                waiting["greedy"].push_back({now, 1'000'000});
            }
            if (random() % 4 == 0) {
                const std::string caller = "modest" + std::to_string(random() % 8);
                if (waiting[caller].size() < 8) {
                    ASSERT_TRUE(shares.may_wait(caller)) << "seed " << seed;
                    const Job job{now, 1 + static_cast<long>(random() % 20)};
                    shares.waits(caller);
                    waiting[caller].push_back(job);
                }
            }
            for (;;) { // whoever may run, in order
                std::string next;
                for (const auto& [caller, jobs] : waiting)
                    if (!jobs.empty() && shares.may_run(caller) &&
                        (next.empty() || shares.before(caller, next)))
                        next = caller;
                if (next.empty()) break;
                const Job job = waiting[next].front();
                waiting[next].pop_front();
                shares.begins(next);
                shares.served(next);
                shares.leaves(next);
                ends.emplace(now + job.takes, next);
                if (next == "greedy") continue;
                const long bound = std::max(work_ahead[next], job.arrived);
                ASSERT_LE(now, bound) << next << " waited for another caller, seed " << seed;
                work_ahead[next] = bound + job.takes;
                longest = std::max(longest, now - job.arrived);
            }
            ASSERT_LE(shares.running(), slots + 9);
        }
        EXPECT_GT(longest, 0); // there was something to wait for
    }
}

} // namespace

// The small machines beside an instance.
#include "host/plugin/health_check.hpp"
#include "host/plugin/overdue_requests.hpp"
#include "host/plugin/overruns.hpp"
#include "host/plugin/restarts.hpp"
#include "host/plugin/stuck_requests.hpp"

#include <gtest/gtest.h>

namespace agenthost::host {
namespace {

using namespace std::chrono_literals;

TEST(Restarts, WaitLongerEachTimeUntilTheRunnerHasLivedForAMinute)
{
    Restarts restarts;
    const Restarts::Clock::time_point now{1h};
    std::vector<std::int64_t> delays;
    for (int i = 0; i < 8; ++i) delays.push_back(restarts.next_delay().count());
    EXPECT_EQ(delays, (std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 60, 60}));
    restarts.running(now);
    restarts.died(now + 60s);
    EXPECT_EQ(restarts.next_delay(), 60s) << "not steady yet";
    restarts.running(now);
    restarts.died(now + 61s);
    EXPECT_EQ(restarts.next_delay(), 1s);
    EXPECT_EQ(restarts.next_delay(), 2s);
    restarts.forget();
    EXPECT_EQ(restarts.next_delay(), 1s);
    EXPECT_EQ(restarts.total(), 0u) << "counted when it is started";
    restarts.restarted();
    EXPECT_EQ(restarts.total(), 1u);
}

TEST(Overruns, AreTooManyAtThreeInAMinute)
{
    Overruns overruns;
    const Overruns::Clock::time_point now{1h};
    EXPECT_FALSE(overruns.add(now));
    EXPECT_FALSE(overruns.add(now + 30s));
    EXPECT_FALSE(overruns.add(now + 61s)) << "the first is more than a minute old";
    EXPECT_TRUE(overruns.add(now + 62s));
    EXPECT_EQ(overruns.total(), 4u);
    EXPECT_FALSE(Overruns::too_long(5'000'000));
    EXPECT_TRUE(Overruns::too_long(1'000'000'000));
}

TEST(HealthCheck, IsNotAskedAgainWhileItHangs)
{
    HealthCheck health;
    const HealthCheck::Clock::time_point now{1h};
    EXPECT_EQ(health.ask(now), HealthCheck::Ask::now);
    EXPECT_EQ(health.ask(now + 4s), HealthCheck::Ask::pending);
    EXPECT_EQ(health.ask(now + 5s), HealthCheck::Ask::hangs);
    health.returned();
    EXPECT_EQ(health.ask(now + 6s), HealthCheck::Ask::now);
    health.set_unhealthy(true);
    EXPECT_TRUE(!health.healthy() && health.degraded());
    health.set_healthy();
    EXPECT_TRUE(health.healthy() && !health.degraded());
}

TEST(OverdueRequests, AreHeldUntilTheyEndWhicheverComesFirst)
{
    using Added = OverdueRequests::Added;
    OverdueRequests overdue;
    EXPECT_EQ(overdue.add(1), Added::held);
    EXPECT_TRUE(overdue.any());
    EXPECT_TRUE(overdue.ended(1, false));
    EXPECT_FALSE(overdue.any());
    EXPECT_FALSE(overdue.ended(2, false)) << "before the host said that it is overdue";
    EXPECT_EQ(overdue.add(2), Added::ended_uncounted);
    EXPECT_FALSE(overdue.ended(3, true));
    EXPECT_EQ(overdue.add(3), Added::ended);
    EXPECT_FALSE(overdue.any());
}

TEST(OverdueRequests, RememberNoMoreThanTheirBound)
{
    OverdueRequests overdue;
    for (agh_req id = 0; id <= OverdueRequests::max_ended_late; ++id) overdue.ended(id, true);
    EXPECT_EQ(overdue.add(0), OverdueRequests::Added::held) << "the oldest was dropped";
    EXPECT_EQ(overdue.add(1), OverdueRequests::Added::ended);
}

TEST(StuckRequests, AreToldOnceWithWhatToDo)
{
    Manifest manifest;
    manifest.id = "weather";
    manifest.may_isolate = true;
    StuckRequests stuck;
    stuck.overdue("weather.hang did not end within 30 s");
    EXPECT_TRUE(stuck.update({.workers_held = 1, .workers = 2}, manifest));
    EXPECT_EQ(stuck.text(),
              "weather.hang did not end within 30 s: 1 of its 2 worker threads are held. It runs inside the "
              "daemon, where a thread cannot be stopped: restart agenthost. With plugins.weather.isolation: "
              "process the daemon restarts the plugin alone when this happens.");
    EXPECT_FALSE(stuck.full());
    EXPECT_FALSE(stuck.update({.workers_held = 1, .workers = 2}, manifest)) << "nothing new";
    EXPECT_TRUE(stuck.update({.workers_held = 2, .workers = 2, .all_workers = true}, manifest));
    EXPECT_TRUE(stuck.full());
    EXPECT_TRUE(stuck.update({}, manifest));
    EXPECT_EQ(stuck.text(), "");
    EXPECT_FALSE(stuck.full());
}

TEST(StuckRequests, KillARunnerOnceALife)
{
    StuckRequests stuck;
    stuck.overdue("weather.hang did not end");
    EXPECT_TRUE(stuck.kill(7));
    EXPECT_FALSE(stuck.kill(7));
    EXPECT_TRUE(stuck.killed(7));
    EXPECT_EQ(stuck.text(), "weather.hang did not end. Its runner is killed and started again.");
    EXPECT_TRUE(stuck.kill(8));
}

} // namespace
} // namespace agenthost::host

#include "wire/delivery.hpp"
#include "wire/liveness.hpp"
#include "wire/session.hpp"

#include <gtest/gtest.h>

#include <utility>

using namespace agenthost::wire;
using namespace agenthost::wire::session;
using namespace std::chrono_literals;
using State = SessionMachine::State;

namespace {

// What a step asked for, in one readable line.
std::string text(const Actions& actions)
{
    std::string out;
    for (const Action& action : actions) {
        if (!out.empty()) out += ", ";
        out += std::visit(
            [](const auto& a) -> std::string {
                using A = std::decay_t<decltype(a)>;
                if constexpr (std::is_same_v<A, Open>)
                    return "open";
                else if constexpr (std::is_same_v<A, SendHello>)
                    return "hello";
                else if constexpr (std::is_same_v<A, Arm>)
                    return "arm " + std::to_string(a.after.count());
                else if constexpr (std::is_same_v<A, Serve>)
                    return "serve";
                else if constexpr (std::is_same_v<A, Drain>)
                    return "drain";
                else if constexpr (std::is_same_v<A, Close>)
                    return "close " + std::to_string(a.code);
                else if constexpr (std::is_same_v<A, Abort>)
                    return "abort";
                else
                    return "done";
            },
            action);
    }
    return out;
}

SessionMachine make(bool hello = true)
{
    return SessionMachine{{.hello = hello, .backoff = {.initial = 2s, .max = 30s, .random = [] {
                                                           return 0.5;
                                                       }}}}; // 0.5: no jitter
}

struct Step {
    Input happens;
    std::string asked;
};

// A good day, step by step: what happens, and what must be asked for.
const std::vector<Step> good_day = {
    {Start{}, "open, arm 30000"},  {Opened{}, "hello, arm 10000"},      {Answered{true}, "serve"},
    {Stop{5s}, "drain, arm 5000"}, {Flushed{}, "close 1001, arm 2000"}, {Closed{}, "done"},
};
constexpr std::size_t stop_step = 3;

TEST(SessionMachine, ServesAGoodDay)
{
    SessionMachine session = make();
    for (const Step& step : good_day) EXPECT_EQ(text(session.step(step.happens)), step.asked);
    EXPECT_EQ(session.state(), State::stopped);
}

// The same day, with the connection lost after each step in turn: a wait and a new attempt from the beginning, or, when the
// session was told to stop, the end.
TEST(SessionMachine, SurvivesALossAfterAnyStep)
{
    for (std::size_t lost_after = 1; lost_after < good_day.size(); ++lost_after) {
        SCOPED_TRACE(lost_after);
        SessionMachine session = make();
        for (std::size_t i = 0; i < lost_after; ++i) session.step(good_day[i].happens);
        if (lost_after > stop_step) {
            EXPECT_EQ(text(session.step(Closed{})), "done");
            continue;
        }
        EXPECT_EQ(text(session.step(Closed{})), "arm 2000");
        EXPECT_EQ(text(session.step(Timer{})), good_day[0].asked);
        for (std::size_t i = 1; i < good_day.size(); ++i)
            EXPECT_EQ(text(session.step(good_day[i].happens)), good_day[i].asked);
    }
}

// Every kind of trouble after every step: the session never hangs. It either armed a timer or is at its end, and from there the
// good day is possible again.
TEST(SessionMachine, NeverHangsWhateverHappensWhen)
{
    const std::vector<Input> troubles = {Opened{}, Answered{true}, Answered{false}, Protested{"x"},
                                         Died{},   Flushed{},      Closed{},        Closed{true},
                                         Timer{},  Reconnect{},    Stop{1s},        Start{}};
    for (std::size_t steps = 1; steps <= stop_step; ++steps) {
        for (std::size_t trouble = 0; trouble < troubles.size(); ++trouble) {
            for (std::size_t second = 0; second < troubles.size(); ++second) {
                SCOPED_TRACE(std::to_string(steps) + " " + std::to_string(trouble) + " " +
                             std::to_string(second));
                SessionMachine session = make();
                for (std::size_t i = 0; i < steps; ++i) session.step(good_day[i].happens);
                session.step(troubles[trouble]);
                session.step(troubles[second]);
                // A peer that answers nothing: timers fire, what was closed ends.
                for (int i = 0;
                     i < 10 && session.state() != State::stopped && session.state() != State::waiting; ++i) {
                    if (session.state() == State::ready)
                        session.step(Died{});
                    else if (session.state() == State::closing)
                        session.step(Closed{});
                    else
                        session.step(Timer{});
                }
                ASSERT_TRUE(session.state() == State::stopped || session.state() == State::waiting);
                if (session.state() == State::stopped) continue;
                EXPECT_EQ(text(session.step(Timer{})), good_day[0].asked);
                for (std::size_t i = 1; i < good_day.size(); ++i) {
                    EXPECT_EQ(text(session.step(good_day[i].happens)), good_day[i].asked);
                }
            }
        }
    }
}

TEST(SessionMachine, StopsFromAnyStep)
{
    for (std::size_t steps = 0; steps < good_day.size(); ++steps) {
        SCOPED_TRACE(steps);
        SessionMachine session = make();
        for (std::size_t i = 0; i < steps; ++i) session.step(good_day[i].happens);
        const std::string asked = text(session.step(Stop{5s}));
        if (asked != "done") {
            EXPECT_EQ(text(session.step(Closed{})), "done");
        }
        EXPECT_EQ(text(session.step(Timer{})), "");
        EXPECT_EQ(text(session.step(Start{})), "");
    }
}

TEST(SessionMachine, StopsWhileItWaits)
{
    SessionMachine session = make();
    session.step(Start{});
    session.step(Closed{});
    EXPECT_EQ(text(session.step(Stop{5s})), "done");
}

TEST(SessionMachine, BacksOffToTheMaximumAndForgetsAfterSuccess)
{
    SessionMachine session = make();
    session.step(Start{});
    for (const char* expected : {"arm 2000", "arm 4000", "arm 8000", "arm 16000", "arm 30000", "arm 30000"}) {
        EXPECT_EQ(text(session.step(Closed{})), expected);
        session.step(Timer{});
    }
    EXPECT_EQ(session.failures(), 6);
    session.step(Opened{});
    session.step(Answered{true});
    EXPECT_EQ(session.failures(), 0);
    EXPECT_EQ(text(session.step(Closed{})), "arm 2000");
}

TEST(SessionMachine, WaitsLongAfterARefusedCredential)
{
    SessionMachine session = make();
    session.step(Start{});
    session.step(Opened{});
    EXPECT_EQ(text(session.step(Answered{false})), "close 1000, arm 2000");
    EXPECT_EQ(text(session.step(Closed{})), "arm 30000");
    session.step(Timer{});
    EXPECT_EQ(text(session.step(Closed{})), "arm 4000"); // forgiven: this time it was the network
}

TEST(SessionMachine, WaitsLongAfterARefusalOfTheUpgrade)
{
    SessionMachine session = make();
    session.step(Start{});
    EXPECT_EQ(text(session.step(Closed{true})), "arm 30000");
}

TEST(SessionMachine, GivesUpOnSilenceInEveryPhase)
{
    SessionMachine session = make();
    session.step(Start{});
    EXPECT_EQ(text(session.step(Timer{})), "abort"); // connecting
    session.step(Closed{});
    session.step(Timer{});
    session.step(Opened{});
    EXPECT_EQ(text(session.step(Timer{})), "close 1000, arm 2000"); // authenticating
    EXPECT_EQ(text(session.step(Timer{})), "abort");                // closing
    session.step(Closed{});
    session.step(Timer{});
    session.step(Opened{});
    session.step(Answered{true});
    EXPECT_EQ(text(session.step(Died{})), "abort"); // ready
    EXPECT_EQ(text(session.step(Closed{})), "arm 2000");
}

TEST(SessionMachine, DrainsNoLongerThanItsGrace)
{
    SessionMachine session = make();
    session.step(Start{});
    session.step(Opened{});
    session.step(Answered{true});
    EXPECT_EQ(text(session.step(Stop{700ms})), "drain, arm 700");
    EXPECT_EQ(text(session.step(Timer{})), "close 1001, arm 2000");
    EXPECT_EQ(text(session.step(Timer{})), "abort");
    EXPECT_EQ(text(session.step(Closed{})), "done");
}

TEST(SessionMachine, ReconnectsNowWhenAsked)
{
    SessionMachine session = make();
    session.step(Start{});
    EXPECT_EQ(text(session.step(Reconnect{})), ""); // under way
    session.step(Closed{});
    EXPECT_EQ(text(session.step(Reconnect{})), "open, arm 30000"); // waiting
    session.step(Opened{});
    session.step(Answered{true});
    EXPECT_EQ(text(session.step(Reconnect{})), "close 1000, arm 2000"); // ready
    EXPECT_EQ(text(session.step(Closed{})), "open, arm 30000");
    EXPECT_EQ(text(session.step(Closed{})), "arm 2000"); // only once
}

TEST(SessionMachine, IsReadyOnceOpenedWhereTheUpgradeAuthenticates)
{
    SessionMachine session = make(false);
    session.step(Start{});
    EXPECT_EQ(text(session.step(Opened{})), "serve");
    EXPECT_EQ(session.state(), State::ready);
}

TEST(SessionMachine, ClosesOnWhatBreaksTheProtocol)
{
    SessionMachine session = make();
    session.step(Start{});
    session.step(Opened{});
    EXPECT_EQ(text(session.step(Protested{"not an answer"})), "close 1002, arm 2000");
    EXPECT_EQ(text(session.step(Closed{})), "arm 2000");
}

TEST(Backoff, SpreadsByItsJitter)
{
    double random = 0;
    const Backoff backoff{.initial = 1s, .max = 10s, .jitter = 0.2, .random = [&] { return random; }};
    EXPECT_EQ(backoff.delay(1, false), 800ms);
    random = 0.5;
    EXPECT_EQ(backoff.delay(1, false), 1s);
    EXPECT_EQ(backoff.delay(1'000'000, false), 10s);
    random = 1;
    EXPECT_EQ(backoff.delay(1, false), 1200ms);
    EXPECT_EQ(backoff.delay(1, true), 12s);
}

TEST(Liveness, EndsAfterTwoSilentIntervalsAndNotBefore)
{
    Liveness liveness;
    liveness.begin(5);
    EXPECT_EQ(liveness.tick(5), Liveness::Verdict::ping);
    EXPECT_EQ(liveness.tick(5), Liveness::Verdict::dead);
}

TEST(Liveness, TakesAnyArrivalForLife)
{
    Liveness liveness;
    liveness.begin(0);
    for (std::uint64_t arrived : {0, 1, 1, 2, 2, 7, 7, 8})
        EXPECT_EQ(liveness.tick(arrived), Liveness::Verdict::ping);
    EXPECT_EQ(liveness.tick(8), Liveness::Verdict::ping);
    EXPECT_EQ(liveness.tick(8), Liveness::Verdict::dead);
}

std::vector<std::uint64_t> pong(Delivery& delivery, std::string_view payload)
{
    std::vector<std::uint64_t> rows;
    delivery.pong(payload, [&](std::uint64_t row) { rows.push_back(row); });
    return rows;
}

using Rows = std::vector<std::uint64_t>;

TEST(Delivery, ProvesOnlyWhatWasSentBeforeThePing)
{
    Delivery delivery;
    const std::string early = delivery.ping();
    delivery.sent(10);
    EXPECT_TRUE(!delivery.wants_ping()); // one is under way
    EXPECT_EQ(pong(delivery, early), Rows{});
    EXPECT_TRUE(delivery.wants_ping());
    const std::string proof = delivery.ping();
    delivery.sent(11);
    EXPECT_EQ(pong(delivery, proof), Rows{10});
    EXPECT_TRUE(delivery.waiting());
    EXPECT_EQ(pong(delivery, delivery.ping()), Rows{11});
    EXPECT_FALSE(delivery.waiting());
    EXPECT_FALSE(delivery.wants_ping());
}

TEST(Delivery, TakesOnePongForSeveralPings)
{
    Delivery delivery;
    delivery.sent(1);
    delivery.ping();
    delivery.sent(2);
    const std::string last = delivery.ping();
    EXPECT_EQ(pong(delivery, last), (Rows{1, 2})); // a peer may answer the latest ping only
}

TEST(Delivery, IsNotFooledByPongsOfItsOwnMaking)
{
    Delivery delivery;
    delivery.sent(1);
    for (const char* payload :
         {"", "1", "2", "0", "-1", "1x", "99999999999999999999999", "18446744073709551615"}) {
        EXPECT_EQ(pong(delivery, payload), Rows{}) << payload;
    }
    const std::string ping = delivery.ping();
    EXPECT_EQ(pong(delivery, "2"), Rows{}); // never sent
    EXPECT_EQ(pong(delivery, ping), Rows{1});
    EXPECT_EQ(pong(delivery, ping), Rows{}); // a second time
}

TEST(Delivery, ForgetsWithTheConnection)
{
    Delivery delivery;
    delivery.sent(1);
    const std::string ping = delivery.ping();
    delivery.begin();
    EXPECT_EQ(pong(delivery, ping), Rows{});
    EXPECT_FALSE(delivery.waiting());
}

} // namespace

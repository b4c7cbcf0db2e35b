#include "wire/codec.hpp"
#include "wire/session/liveness.hpp"
#include "wire/session/session.hpp"

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
                    return a.renewal == 0 ? "open" : "renew " + std::to_string(a.renewal) + " and open";
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

SessionMachine make(Acceptance acceptance = Acceptance::answer, int renewals = 0)
{
    SessionMachine::Options options;
    options.acceptance = acceptance;
    options.renewals = renewals;
    options.backoff = {.initial = 2s, .max = 30s, .random = [] { return 0.5; }}; // 0.5: no jitter
    return SessionMachine{std::move(options)};
}

struct Step {
    Input happens;
    std::string asked;
};
using Day = std::vector<Step>;

// A good day, step by step: what happens, and what must be asked for.
const Day good_day = {
    {Start{}, "open, arm 30000"},
    {Opened{}, "hello, arm 10000"},
    {Answered{true}, "serve, arm 10000"},
    {Timer{}, ""},
    {Stop{5s}, "drain, arm 5000"},
    {Flushed{}, "close 1001, arm 2000"},
    {Closed{}, "done"},
};
const Day day_by_upgrade = {
    {Start{}, "open, arm 30000"},  {Opened{}, "hello, serve, arm 10000"}, {Timer{}, ""},
    {Stop{5s}, "drain, arm 5000"}, {Flushed{}, "close 1001, arm 2000"},   {Closed{}, "done"},
};
const Day day_by_silence = {
    {Start{}, "open, arm 30000"},
    {Opened{}, "hello, arm 2000"},
    {Timer{}, "serve, arm 10000"},
    {Timer{}, ""},
    {Stop{5s}, "drain, arm 5000"},
    {Flushed{}, "close 1001, arm 2000"},
    {Closed{}, "done"},
};

std::size_t stop_step(const Day& day)
{
    std::size_t i = 0;
    while (!std::holds_alternative<Stop>(day[i].happens)) ++i;
    return i;
}

// What every test below does for each way of being accepted.
class EveryDay : public testing::TestWithParam<Acceptance> {
protected:
    const Day& day = GetParam() == Acceptance::answer    ? good_day
                     : GetParam() == Acceptance::upgrade ? day_by_upgrade
                                                         : day_by_silence;
    void live_through(SessionMachine& session, std::size_t from = 0) const
    {
        for (std::size_t i = from; i < day.size(); ++i)
            EXPECT_EQ(text(session.step(day[i].happens)), day[i].asked) << "step " << i;
    }
};
INSTANTIATE_TEST_SUITE_P(Acceptance, EveryDay,
                         testing::Values(Acceptance::answer, Acceptance::upgrade, Acceptance::silence),
                         [](const auto& info) {
                             return info.param == Acceptance::answer    ? "Answer"
                                    : info.param == Acceptance::upgrade ? "Upgrade"
                                                                        : "Silence";
                         });

TEST_P(EveryDay, IsServed)
{
    SessionMachine session = make(GetParam());
    live_through(session);
    EXPECT_EQ(session.state(), State::stopped);
}

// The same day, with the connection lost after each step in turn: a wait and a new attempt from the
// beginning, or, when the session was told to stop, the end.
TEST_P(EveryDay, SurvivesALossAfterAnyStep)
{
    for (std::size_t lost_after = 1; lost_after < day.size(); ++lost_after) {
        SCOPED_TRACE(lost_after);
        SessionMachine session = make(GetParam());
        for (std::size_t i = 0; i < lost_after; ++i) session.step(day[i].happens);
        if (lost_after > stop_step(day)) {
            EXPECT_EQ(text(session.step(Closed{})), "done");
            continue;
        }
        EXPECT_EQ(text(session.step(Closed{})), "arm 2000");
        EXPECT_EQ(text(session.step(Timer{})), day[0].asked);
        live_through(session, 1);
    }
}

// Every kind of trouble, twice, after every step: the session never hangs. It either armed a timer or is at
// its end, and from there the good day is possible again.
TEST_P(EveryDay, NeverHangsWhateverHappensWhen)
{
    const std::vector<Input> troubles = {
        Opened{},     Answered{true},      Answered{false}, Protested{"x"}, Died{},   Flushed{}, Closed{},
        Closed{true}, Closed{true, false}, Timer{},         Reconnect{},    Stop{1s}, Start{}};
    for (int renewals : {0, 2}) {
        for (std::size_t steps = 1; steps <= stop_step(day); ++steps) {
            for (std::size_t trouble = 0; trouble < troubles.size(); ++trouble) {
                for (std::size_t second = 0; second < troubles.size(); ++second) {
                    SCOPED_TRACE(std::to_string(steps) + " " + std::to_string(trouble) + " " +
                                 std::to_string(second));
                    SessionMachine session = make(GetParam(), renewals);
                    for (std::size_t i = 0; i < steps; ++i) session.step(day[i].happens);
                    session.step(troubles[trouble]);
                    session.step(troubles[second]);
                    // A peer that answers nothing: timers fire, what was closed ends.
                    for (int i = 0;
                         i < 12 && session.state() != State::stopped && session.state() != State::waiting;
                         ++i) {
                        if (session.state() == State::ready)
                            session.step(Died{});
                        else if (session.state() == State::closing)
                            session.step(Closed{});
                        else
                            session.step(Timer{});
                    }
                    ASSERT_TRUE(session.state() == State::stopped || session.state() == State::waiting);
                    if (session.state() == State::stopped) continue;
                    EXPECT_EQ(text(session.step(Timer{})), day[0].asked);
                    live_through(session, 1);
                }
            }
        }
    }
}

TEST_P(EveryDay, StopsFromAnyStep)
{
    for (std::size_t steps = 0; steps < day.size(); ++steps) {
        SCOPED_TRACE(steps);
        SessionMachine session = make(GetParam());
        for (std::size_t i = 0; i < steps; ++i) session.step(day[i].happens);
        const std::string asked = text(session.step(Stop{5s}));
        if (asked != "done") {
            EXPECT_EQ(text(session.step(Closed{})), "done");
        }
        EXPECT_EQ(text(session.step(Timer{})), "");
        EXPECT_EQ(text(session.step(Start{})), "");
    }
}

// However often it is accepted and dropped at once, the delays grow: nobody is met by a storm of hellos.
TEST_P(EveryDay, DoesNotTakeABriefAcceptanceForSuccess)
{
    SessionMachine session = make(GetParam());
    session.step(Start{});
    for (const char* expected : {"arm 2000", "arm 4000", "arm 8000", "arm 16000", "arm 30000", "arm 30000"}) {
        for (std::size_t i = 1; session.state() != State::ready; ++i) session.step(day[i].happens);
        EXPECT_EQ(text(session.step(Closed{})), expected);
        session.step(Timer{});
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
    session.step(Timer{}); // settled
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

TEST(SessionMachine, TriesAnotherCredentialSoonAfterARefusedOne)
{
    SessionMachine session = make(Acceptance::answer, 1);
    session.step(Start{});
    session.step(Opened{});
    EXPECT_EQ(text(session.step(Answered{.yes = false, .another = true})), "close 1000, arm 2000");
    EXPECT_EQ(text(session.step(Closed{})), "arm 2000") << "neither the longest delay nor a renewal";
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
    EXPECT_EQ(text(session.step(Closed{})), "arm 8000");
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
    EXPECT_EQ(text(session.step(Closed{})), "arm 4000"); // only once
}

TEST(SessionMachine, TakesAnAnswerForAcceptanceWhereSilenceWouldDo)
{
    SessionMachine session = make(Acceptance::silence);
    session.step(Start{});
    session.step(Opened{});
    EXPECT_EQ(text(session.step(Answered{true})), "serve, arm 10000");
}

TEST(SessionMachine, TakesARefusalInsteadOfSilence)
{
    SessionMachine session = make(Acceptance::silence);
    session.step(Start{});
    session.step(Opened{});
    EXPECT_EQ(text(session.step(Answered{false})), "close 1000, arm 2000");
    EXPECT_EQ(text(session.step(Closed{})), "arm 30000");
}

TEST(SessionMachine, EndsWhenItsCredentialIsNoLongerGood)
{
    SessionMachine session = make(Acceptance::upgrade);
    session.step(Start{});
    session.step(Opened{});
    session.step(Timer{});
    EXPECT_EQ(text(session.step(Answered{false})), "close 1000, arm 2000");
    EXPECT_EQ(text(session.step(Closed{})), "arm 30000");
}

// Panel: a refused token is refreshed, then the agent registers once more, then it backs off.
TEST(SessionMachine, RenewsARefusedCredentialEachWayOnceAndThenBacksOff)
{
    SessionMachine session = make(Acceptance::upgrade, 2);
    session.step(Start{});
    EXPECT_EQ(text(session.step(Closed{true})), "renew 1 and open, arm 30000");
    EXPECT_EQ(text(session.step(Closed{true})), "renew 2 and open, arm 30000");
    EXPECT_EQ(text(session.step(Closed{true})), "arm 30000");
    EXPECT_EQ(text(session.step(Timer{})), "open, arm 30000");
    EXPECT_EQ(text(session.step(Closed{true})), "arm 30000"); // not again
}

TEST(SessionMachine, RenewsAgainOnceASessionHasSettled)
{
    SessionMachine session = make(Acceptance::upgrade, 2);
    session.step(Start{});
    session.step(Closed{true});
    session.step(Opened{});
    EXPECT_EQ(text(session.step(Closed{true})), "renew 2 and open, arm 30000"); // accepted, then thrown out
    session.step(Opened{});
    session.step(Timer{});
    EXPECT_EQ(text(session.step(Closed{true})), "renew 1 and open, arm 30000");
}

TEST(SessionMachine, RenewsAgainWhenAPersonAsks)
{
    SessionMachine session = make(Acceptance::upgrade, 1);
    session.step(Start{});
    session.step(Closed{true});
    EXPECT_EQ(text(session.step(Closed{true})), "arm 30000");
    EXPECT_EQ(text(session.step(Reconnect{})), "open, arm 30000");
    EXPECT_EQ(text(session.step(Closed{true})), "renew 1 and open, arm 30000");
}

TEST(SessionMachine, CountsARenewalThatTheNetworkPreventedAsUntried)
{
    SessionMachine session = make(Acceptance::upgrade, 2);
    session.step(Start{});
    session.step(Closed{true});
    EXPECT_EQ(text(session.step(Closed{})), "arm 2000"); // the refresh found no network
    EXPECT_EQ(text(session.step(Timer{})), "open, arm 30000");
    EXPECT_EQ(text(session.step(Closed{true})), "renew 1 and open, arm 30000");
}

TEST(SessionMachine, BacksOffWhenTheRenewalItselfIsRefused)
{
    SessionMachine session = make(Acceptance::upgrade, 2);
    session.step(Start{});
    EXPECT_EQ(text(session.step(Closed{true, false})), "arm 30000");
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

// dashboard: at once (0 to 1 s), then 1, 2, 4, 8, 16, 30 s.
TEST(Backoff, BeginsWithAnAttemptAtOnceWhereTheProtocolSaysSo)
{
    double random = 0.5;
    const Backoff backoff{
        .initial = 1s, .max = 30s, .jitter = 0.2, .first_at_once = true, .random = [&] { return random; }};
    std::vector<long> delays;
    for (int failures = 1; failures <= 8; ++failures)
        delays.push_back(backoff.delay(failures, false).count());
    EXPECT_EQ(delays, (std::vector<long>{500, 1000, 2000, 4000, 8000, 16000, 30000, 30000}));
    EXPECT_EQ(backoff.delay(1, true), 30s); // refused: not at once
    random = 0;
    EXPECT_EQ(backoff.delay(1, false), 0s);
    random = 0.999;
    EXPECT_EQ(backoff.delay(1, false), 999ms);
}

// Four days of nothing but refusals, in a microsecond each: every attempt is answered by a bounded delay, and
// nothing is kept.
TEST(SessionMachine, GoesOnForDaysWithoutAServer)
{
    for (const ProtocolTraits& says : protocols()) {
        std::uint64_t seed = 1;
        SessionMachine::Options options;
        options.acceptance = says.acceptance;
        options.backoff = {.initial = says.backoff,
                           .max = says.backoff_max,
                           .jitter = says.jitter,
                           .first_at_once = says.first_retry_at_once,
                           .random = [&seed] {
                               seed = seed * 6364136223846793005u + 1442695040888963407u;
                               return static_cast<double>(seed >> 40) / static_cast<double>(1 << 24);
                           }};
        SessionMachine session{std::move(options)};
        const milliseconds longest{
            static_cast<long>(static_cast<double>(says.backoff_max.count()) * (1 + says.jitter))};
        milliseconds now{0};
        std::uint64_t attempts = 0, kind = 0;
        session.step(Start{});
        while (now < 96h) {
            ASSERT_EQ(session.state(), State::connecting);
            ++attempts;
            Actions asked;
            switch (++kind % 4) { // refused, blackholed, upgraded and dropped, DNS fails
            case 0: asked = session.step(Closed{}); break;
            case 1:
                now += 30s;
                EXPECT_EQ(text(session.step(Timer{})), "abort");
                asked = session.step(Closed{});
                break;
            case 2:
                session.step(Opened{});
                asked = session.step(Closed{});
                break;
            default: asked = session.step(Closed{}); break;
            }
            ASSERT_EQ(session.state(), State::waiting);
            ASSERT_EQ(asked.size(), 1u);
            const milliseconds wait = std::get<Arm>(asked[0]).after;
            ASSERT_LE(wait, longest);
            ASSERT_GE(wait, 0ms);
            if (attempts > 10) {
                ASSERT_GE(wait, says.backoff_max * 7 / 10);
            }
            now += wait;
            session.step(Timer{});
        }
        EXPECT_LT(attempts, 96u * 3600 * 1000 / static_cast<std::uint64_t>(says.backoff_max.count()) * 3 / 2);
        session.step(Opened{}); // the server is back
        if (says.acceptance == Acceptance::answer) session.step(Answered{true});
        if (says.acceptance == Acceptance::silence) session.step(Timer{});
        EXPECT_EQ(session.state(), State::ready);
    }
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

} // namespace

#include <plugins/terminal/termination.hpp>

#include <gtest/gtest.h>

#include <future>
#include <vector>

using namespace agenthost::terminal;
using namespace std::chrono_literals;

namespace {

using Steps = std::vector<Ending::Step>;

// Runs `begin` on a loop and returns the steps that follow until there were `count`, or for a while.
template <class Begin>
Steps steps(std::size_t count, Clock::duration grace, Begin begin, Clock::duration wait = 10s)
{
    Loop loop{[] {}};
    Steps taken;
    std::promise<void> enough;
    Termination termination{loop, grace, [&](Ending::Step step) {
                                taken.push_back(step);
                                if (taken.size() == count) enough.set_value();
                            }};
    loop.start();
    loop.post([&] { begin(termination); });
    enough.get_future().wait_for(wait);
    loop.stop();
    return taken;
}

} // namespace

TEST(Termination, GoesOnStepByStepAfterEachGrace)
{
    const Steps all{Ending::Step::interrupt, Ending::Step::terminate, Ending::Step::kill};
    EXPECT_EQ(steps(3, 5ms, [](Termination& t) { t.ask(Reason::interrupted, false); }), all);
}

TEST(Termination, KillsAtOnceWhenForced)
{
    EXPECT_EQ(steps(1, 1h, [](Termination& t) { t.ask(Reason::interrupted, true); }),
              Steps{Ending::Step::kill});
}

TEST(Termination, TerminatesAtTheTimeout)
{
    const Steps taken = steps(2, 5ms, [](Termination& t) { t.set_timeout(5ms); });
    EXPECT_EQ(taken, (Steps{Ending::Step::terminate, Ending::Step::kill}));
}

TEST(Termination, DoesNothingMoreOnceTheCommandHasEnded)
{
    const Steps taken = steps(
        2, 20ms,
        [](Termination& t) {
            t.set_timeout(1ms);
            t.ask(Reason::interrupted, false);
            t.stop();
        },
        100ms);
    EXPECT_EQ(taken, Steps{Ending::Step::interrupt});
}

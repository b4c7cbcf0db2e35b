// When an engine counts as silent and as away, by a clock of the test's own.
#include "plugins/docker/engine/liveness.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::docker::engine;
using namespace std::chrono_literals;
using State = Liveness::State;

class EngineLiveness : public testing::Test {
protected:
    // Ticks until `until`, as a timer does. Returns how often the engine was asked.
    int run(Liveness::Duration until, Liveness::Duration every = Liveness::interval)
    {
        int asked = 0;
        while (now_ < start_ + until) {
            now_ += every;
            last_ = liveness_.tick(now_, heard_);
            asked += last_.ask ? 1 : 0;
        }
        return asked;
    }

    Liveness::Time start_{100s}, now_ = start_, heard_ = start_;
    Liveness liveness_{start_};
    Liveness::Step last_;
};

TEST_F(EngineLiveness, IsSilentWithinASecondAndAwayAfterFive)
{
    EXPECT_EQ(run(750ms), 1);
    EXPECT_EQ(last_.state, State::answers);
    EXPECT_EQ(run(1s), 0);
    EXPECT_EQ(last_.state, State::silent);
    EXPECT_EQ(last_.silent_for, 1s);
    EXPECT_EQ(run(4750ms), 0);
    EXPECT_EQ(last_.state, State::silent);
    EXPECT_EQ(last_.silent_for, 4s);
    run(5s);
    EXPECT_EQ(last_.state, State::away);
    run(60s);
    EXPECT_EQ(last_.silent_for, 60s);
}

TEST_F(EngineLiveness, AnAnswerToAnyCallEndsTheSilence)
{
    run(3s);
    EXPECT_EQ(last_.state, State::silent);
    heard_ = now_ + 10ms;
    EXPECT_EQ(run(3250ms), 0);
    EXPECT_EQ(last_.state, State::answers);
    EXPECT_EQ(run(3500ms) + run(3750ms), 1); // and it is asked again
    EXPECT_EQ(last_.state, State::answers);
}

TEST_F(EngineLiveness, AnEngineThatAnswersSomethingIsNotAsked)
{
    for (int i = 0; i < 40; ++i) {
        now_ += Liveness::interval;
        heard_ = now_ - 100ms;
        EXPECT_FALSE(liveness_.tick(now_, heard_).ask);
    }
}

TEST_F(EngineLiveness, AnIdleEngineThatAnswersIsAskedAtMostTwiceASecond)
{
    int asked = 0;
    for (int i = 0; i < 40; ++i) {
        now_ += Liveness::interval;
        const auto step = liveness_.tick(now_, heard_);
        EXPECT_EQ(step.state, State::answers);
        if (step.ask) ++asked, heard_ = now_ + 1ms;
    }
    EXPECT_LE(asked, 20);
    EXPECT_GE(asked, 10);
}

TEST_F(EngineLiveness, TimeInWhichTheAgentDidNotRunIsNotHeldAgainstTheEngine)
{
    now_ += 60s; // before the question
    EXPECT_FALSE(liveness_.tick(now_, heard_).ask);
    start_ = now_;
    EXPECT_EQ(run(500ms), 1);
    now_ += 60s; // after it: its answer may wait to be read
    EXPECT_EQ(liveness_.tick(now_, heard_).state, State::answers);
    start_ = now_;
    run(5s);
    EXPECT_EQ(last_.state, State::away);
}

TEST_F(EngineLiveness, AQuestionThatWasNotSentIsAskedAgain)
{
    EXPECT_EQ(run(500ms), 1);
    liveness_.not_asked();
    EXPECT_EQ(run(750ms), 1);
    EXPECT_EQ(last_.state, State::answers);
}

} // namespace

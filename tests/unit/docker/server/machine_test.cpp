// Power actions, scene by scene: this happens, that is asked for.
#include "tests/unit/docker/server/scene.hpp"

#include <gtest/gtest.h>

using namespace agenthost::docker_test;
using namespace std::chrono_literals;

namespace {

TEST(ServerMachine, StartsAndStops)
{
    Scene scene;
    EXPECT_EQ(scene.step(Back{}), "inspect");
    EXPECT_EQ(scene.seen({}), "");
    EXPECT_EQ(scene.power("a", Action::start), "save, arm answer 10000, pull, offline>starting");
    EXPECT_EQ(scene.done(Verb::pull), "create");
    EXPECT_EQ(scene.done(Verb::create), "start");
    EXPECT_EQ(scene.done(Verb::start), "inspect");
    EXPECT_EQ(scene.seen(running("r1")), "save, a ok, disarm answer, starting>running");
    EXPECT_EQ(scene.power("b", Action::stop),
              "save, arm answer 10000, signal SIGTERM, arm stop 30000, running>stopping");
    EXPECT_EQ(scene.done(Verb::signal), "");
    EXPECT_EQ(scene.step(EngineEvent{}), "inspect");
    EXPECT_EQ(scene.seen(exited("r1", 143)), "save, b ok, disarm answer, disarm stop, stopping>offline");
    EXPECT_FALSE(scene.machine.record().wants_running);
}

TEST(ServerMachine, IsStartingUntilTheDoneLine)
{
    Settings with_lines = settings();
    with_lines.done_lines = true;
    Scene scene{with_lines};
    scene.up().start();
    EXPECT_EQ(scene.machine.state(), State::starting);
    EXPECT_EQ(scene.step(Ready{}), "save, starting>running");
    // The next run is not ready because of it.
    scene.step(EngineEvent{});
    scene.seen(exited("r1", 1));
    scene.fired(Timer::backoff);
    for (const Verb verb : {Verb::pull, Verb::create, Verb::start}) scene.done(verb);
    scene.seen(running("r2"));
    EXPECT_EQ(scene.machine.state(), State::starting);
    // A done line that is printed before inspect shows the run counts.
    scene.power("k", Action::kill);
    scene.done(Verb::kill);
    scene.seen(exited("r2", 137));
    scene.power("s", Action::start);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    scene.step(Ready{});
    scene.done(Verb::start);
    EXPECT_EQ(scene.seen(running("r3")), "save, s ok, disarm answer, starting>running");
}

TEST(ServerMachine, RestartsInOneAction)
{
    Scene scene;
    scene.up().start();
    EXPECT_EQ(scene.power("a", Action::restart),
              "save, arm answer 10000, signal SIGTERM, arm stop 30000, running>stopping");
    scene.done(Verb::signal);
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen(exited("r1", 1)), "save, disarm stop, pull, stopping>starting");
    for (const Verb verb : {Verb::pull, Verb::create, Verb::start}) scene.done(verb);
    EXPECT_EQ(scene.seen(running("r2")), "save, a ok, disarm answer, starting>running");
}

TEST(ServerMachine, TypesTheStopCommandAndFallsBackToTheSignal)
{
    Settings typed = settings();
    typed.stop_command = "stop";
    Scene scene{typed};
    scene.up().start();
    EXPECT_EQ(scene.power("a", Action::stop),
              "save, arm answer 10000, type stop, arm stop 30000, running>stopping");
    EXPECT_EQ(scene.done(Verb::type, Outcome::failed), "signal SIGTERM");
}

TEST(ServerMachine, KillsWhatDoesNotStopInTime)
{
    Scene scene;
    scene.up().start();
    scene.power("a", Action::stop);
    scene.done(Verb::signal);
    EXPECT_EQ(scene.fired(Timer::answer), "a ok"); // the state so far
    EXPECT_EQ(scene.fired(Timer::stop), "kill, arm kill 10000");
    EXPECT_EQ(scene.done(Verb::kill), "inspect");
    EXPECT_EQ(scene.seen(exited("r1", 137)), "save, disarm kill, stopping>offline");
}

TEST(ServerMachine, OneActionWaitsAndTheNextIsRefusedNamingBoth)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    EXPECT_EQ(scene.power("b", Action::stop), "arm waiting 10000");
    EXPECT_EQ(scene.power("c", Action::restart), "c refused BUSY");
    EXPECT_NE(scene.said.find("start_server a is running and stop_server b waits"), std::string::npos)
        << scene.said;
    for (const Verb verb : {Verb::pull, Verb::create, Verb::start}) scene.done(verb);
    EXPECT_EQ(scene.seen(running("r1")),
              "save, a ok, disarm answer, disarm waiting, arm answer 10000, signal SIGTERM, arm stop 30000, "
              "starting>stopping");
}

TEST(ServerMachine, AWaitingActionIsAnsweredTenSecondsAfterItCame)
{
    for (const bool waits_longer : {false, true}) {
        Scene scene;
        scene.up();
        scene.power("a", Action::start);
        scene.now = milliseconds{4'000};
        scene.power("b", Action::stop);
        for (const Verb verb : {Verb::pull, Verb::create, Verb::start}) scene.done(verb);
        if (waits_longer) {
            scene.now = milliseconds{14'000};
            EXPECT_EQ(scene.fired(Timer::waiting), "b ok");
            EXPECT_NE(scene.said.find("waits for the end of start_server a"), std::string::npos)
                << scene.said;
            EXPECT_EQ(scene.power("c", Action::restart), "c refused BUSY"); // it has kept its place
            EXPECT_EQ(scene.seen(running("r1")), "save, a ok, disarm answer, signal SIGTERM, "
                                                 "arm stop 30000, starting>stopping");
            continue;
        }
        scene.now = milliseconds{9'000};
        EXPECT_EQ(scene.seen(running("r1")), "save, a ok, disarm answer, disarm waiting, arm answer 5000, "
                                             "signal SIGTERM, arm stop 30000, starting>stopping");
    }
}

TEST(ServerMachine, AWaitingActionThatCannotBeginAfterItsAnswerIsANote)
{
    Scene scene{settings(), {}};
    scene.step(Back{});
    scene.power("a", Action::stop);
    scene.power("b", Action::start);
    EXPECT_EQ(scene.fired(Timer::waiting), "b ok");
    EXPECT_EQ(scene.seen({}), "save, a ok, disarm answer, note, stopping>offline");
    EXPECT_EQ(scene.power("c", Action::stop), "arm answer 10000, c ok, disarm answer");
}

TEST(ServerMachine, AnEarlyAnswerSaysWhatIsNotDoneYet)
{
    Scene scene;
    scene.up().start();
    scene.power("k", Action::kill);
    EXPECT_EQ(scene.fired(Timer::answer), "k ok");
    EXPECT_NE(scene.said.find("has not ended yet"), std::string::npos) << scene.said;
    scene.power("d", Action::remove);
    EXPECT_EQ(scene.fired(Timer::answer), "d ok");
    EXPECT_NE(scene.said.find("is being deleted"), std::string::npos) << scene.said;
    // And what it waits for, when the engine is away.
    for (const Action action : {Action::stop, Action::kill, Action::remove}) {
        Scene frozen;
        frozen.up().start();
        frozen.power("a", action);
        frozen.step(Away{});
        EXPECT_EQ(frozen.fired(Timer::answer), "a ok");
        EXPECT_NE(frozen.said.find(std::string{to_string(action)} + " of server_1 is accepted and waits for "
                                                                    "the engine"),
                  std::string::npos)
            << frozen.said;
    }
}

TEST(ServerMachine, ARestartWhoseStartFailsKeepsTheDesiredStateAndIsTriedAgain)
{
    for (const milliseconds timeout : {milliseconds{0}, milliseconds{30'000}}) {
        Scene scene;
        scene.up().start();
        scene.step(Power{"a", Action::restart, timeout});
        scene.done(timeout > milliseconds{0} ? Verb::signal : Verb::kill);
        if (timeout > milliseconds{0}) scene.step(EngineEvent{});
        scene.seen(exited("r1", 0));
        EXPECT_EQ(scene.step(PullBegan{scene.calls[Verb::pull]}), "a ok, disarm answer");
        EXPECT_EQ(scene.done(Verb::pull, Outcome::failed, {"DOCKER_ERROR", "no such image"}),
                  "save, arm backoff 1000, starting>crashed DOCKER_ERROR");
        EXPECT_TRUE(scene.machine.record().wants_running);
        EXPECT_EQ(scene.fired(Timer::backoff), "save, pull, crashed>starting");
    }
}

TEST(ServerMachine, AWaitingActionCanBeCancelled)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.power("b", Action::stop);
    EXPECT_EQ(scene.step(Cancel{"b"}), "b cancelled CANCELLED, disarm waiting");
    EXPECT_EQ(scene.step(Cancel{"a"}), "a ok, disarm answer"); // it goes on
    EXPECT_EQ(scene.done(Verb::pull), "create");
}

TEST(ServerMachine, KillPreemptsAPull)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    EXPECT_EQ(scene.step(PullBegan{scene.calls[Verb::pull]}), "a ok, disarm answer");
    scene.power("b", Action::restart);
    EXPECT_EQ(
        scene.power("c", Action::kill),
        "save, b cancelled CANCELLED, disarm waiting, cancel_pull, arm answer 10000, c ok, disarm answer, "
        "starting>offline");
    EXPECT_EQ(scene.done(Verb::pull), ""); // too late
}

TEST(ServerMachine, KillReachesAStartThatTheEngineIsWorkingOn)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    EXPECT_EQ(scene.power("b", Action::kill), "save, a cancelled CANCELLED, disarm answer, arm answer 10000, "
                                              "kill, arm kill 10000, starting>stopping");
    EXPECT_EQ(scene.done(Verb::kill, Outcome::not_found), "inspect");
    EXPECT_EQ(scene.seen({Container::created, ""}), ""); // the start may still come up
    EXPECT_EQ(scene.done(Verb::start), "inspect");
    EXPECT_EQ(scene.seen(running("r1")), "save, kill, arm kill 10000");
    scene.done(Verb::kill);
    EXPECT_EQ(scene.seen(exited("r1", 137)), "save, disarm kill, b ok, disarm answer, stopping>offline");
}

TEST(ServerMachine, KillEndsABackoff)
{
    Scene scene;
    scene.up().start();
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen(exited("r1", 3)), "save, arm backoff 1000, running>crashed CRASHED");
    EXPECT_EQ(scene.power("k", Action::kill),
              "save, disarm backoff, arm answer 10000, k ok, disarm answer, crashed>offline");
    EXPECT_EQ(scene.fired(Timer::backoff), "");
}

TEST(ServerMachine, AStartThatFailsIsAnsweredAndIsNotACrash)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    EXPECT_EQ(scene.done(Verb::start, Outcome::failed, {"PORT_CONFLICT", "port 25565 is held by server_2"}),
              "inspect");
    EXPECT_EQ(scene.seen({Container::created, ""}),
              "save, a failed PORT_CONFLICT, disarm answer, starting>offline PORT_CONFLICT");
    EXPECT_FALSE(scene.machine.record().wants_running);
}

TEST(ServerMachine, AStartThatFailsAfterItsAnswerEndsOfflineWithTheReason)
{
    for (const Action action : {Action::start, Action::restart}) {
        Scene scene;
        scene.up();
        scene.power("a", action);
        EXPECT_EQ(scene.step(PullBegan{scene.calls[Verb::pull]}), "a ok, disarm answer");
        EXPECT_EQ(scene.done(Verb::pull, Outcome::failed, {"DOCKER_ERROR", "no such image"}),
                  "save, starting>offline DOCKER_ERROR");
        EXPECT_EQ(scene.reason, "no such image");
        EXPECT_EQ(scene.machine.record().fault.message, "no such image");
        EXPECT_FALSE(scene.machine.record().wants_running);
    }
}

TEST(ServerMachine, AnAutomaticStartThatFailsIsTriedAgain)
{
    Record record = installed();
    record.wants_running = true;
    Scene scene{settings(), record};
    scene.step(Back{});
    EXPECT_EQ(scene.seen({}), "save, pull, offline>starting");
    scene.done(Verb::pull);
    scene.done(Verb::create);
    scene.done(Verb::start, Outcome::failed, {"PORT_CONFLICT", "held"});
    EXPECT_EQ(scene.seen({Container::created, ""}), "save, arm backoff 1000, starting>crashed PORT_CONFLICT");
}

TEST(ServerMachine, AContainerThatVanishesWhileItIsStartedIsCreatedAgainOnce)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    EXPECT_EQ(scene.done(Verb::start, Outcome::not_found), "inspect");
    EXPECT_EQ(scene.seen({}), "create");
    EXPECT_EQ(scene.done(Verb::create), "start");
    EXPECT_EQ(scene.done(Verb::start, Outcome::not_found, {"CONTAINER_NOT_FOUND", "gone"}), "inspect");
    EXPECT_EQ(scene.seen({}),
              "save, a failed CONTAINER_NOT_FOUND, disarm answer, starting>offline CONTAINER_NOT_FOUND");
}

TEST(ServerMachine, AStartBeyondItsDeadlineIsJudgedByInspect)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    scene.done(Verb::start, Outcome::deadline, {"DOCKER_ERROR", "slow"});
    EXPECT_EQ(scene.seen(running("r1")), "save, a ok, disarm answer, starting>running");
}

TEST(ServerMachine, RefusesEverythingWhileTheEngineIsAway)
{
    Scene scene;
    for (const Action action :
         {Action::install, Action::start, Action::stop, Action::restart, Action::kill, Action::remove})
        EXPECT_EQ(scene.power("a", action), "a refused DOCKER_ERROR");
}

TEST(ServerMachine, IsStuckWhenSigkillDoesNotWork)
{
    Scene scene;
    scene.up().start();
    scene.power("a", Action::kill);
    scene.done(Verb::kill);
    EXPECT_EQ(scene.seen(running("r1")), "");
    EXPECT_EQ(scene.fired(Timer::kill), "inspect");
    EXPECT_EQ(scene.seen(running("r1")), "arm retry 1000, stopping>stuck DOCKER_ERROR");
    EXPECT_EQ(scene.power("b", Action::start), "b refused BUSY");
    EXPECT_EQ(scene.fired(Timer::retry), "inspect");
    EXPECT_EQ(scene.seen(running("r1")), "kill, arm kill 10000");
    EXPECT_EQ(scene.done(Verb::kill, Outcome::deadline), "inspect");
    EXPECT_EQ(scene.seen(running("r1")), "arm retry 2000");
    // A person may try at once.
    EXPECT_EQ(scene.power("c", Action::kill), "a cancelled CANCELLED, disarm answer, disarm kill, disarm "
                                              "retry, arm answer 10000, kill, arm kill 10000, "
                                              "stuck>stopping");
    scene.done(Verb::kill);
    EXPECT_EQ(scene.seen(exited("r1", 137)), "save, disarm kill, c ok, disarm answer, stopping>offline");
}

TEST(ServerMachine, IsStuckWhenInspectHangsAndRecovers)
{
    Scene scene;
    scene.step(Back{});
    EXPECT_EQ(scene.hangs(), "arm retry 1000, offline>stuck DOCKER_ERROR");
    EXPECT_EQ(scene.fired(Timer::retry), "inspect");
    EXPECT_EQ(scene.hangs(), "arm retry 2000");
    EXPECT_EQ(scene.step(EngineEvent{}), "inspect");
    EXPECT_EQ(scene.seen({}), "disarm retry, stuck>offline");
}

// An engine whose events are closer together than an inspect takes: each step has one before and after it.
class Noisy {
public:
    // Inspects and answers calls until the server is in this state; the number of inspects.
    int carry_out(Action action, State wanted)
    {
        answers(scene_.power("a", action));
        int inspects = 0;
        for (; inspects < 50 && scene_.machine.state() != wanted; ++inspects) {
            event();
            answers(scene_.seen(container_));
        }
        return inspects;
    }
    Scene& scene() { return scene_; }

private:
    void event() { answers(scene_.step(EngineEvent{})); }
    // Does what the effects ask for, with an event before each answer.
    void answers(const std::string& effects)
    {
        const auto asked = [&effects](std::string_view verb) {
            return (", " + effects + ",").find(", " + std::string{verb}) != std::string::npos;
        };
        if (asked("pull,")) finish(Verb::pull);
        if (asked("create,")) finish(Verb::create);
        if (asked("start,")) container_ = running("r2"), finish(Verb::start);
        if (asked("signal ")) container_ = exited("r2", 0), finish(Verb::signal);
        if (asked("kill,")) container_ = exited("r2", 137), finish(Verb::kill);
    }
    void finish(Verb verb)
    {
        event();
        answers(scene_.done(verb));
    }

    Scene scene_;
    ContainerFacts container_;
};

TEST(ServerMachine, CarriesOutPowerActionsAmongEventsThatNeverCease)
{
    for (const Action last : {Action::stop, Action::kill}) {
        Noisy noisy;
        noisy.scene().step(Back{});
        EXPECT_LT(noisy.carry_out(Action::start, State::running), 8);
        EXPECT_LT(noisy.carry_out(last, State::offline), 8);
        EXPECT_EQ(noisy.scene().machine.state(), State::offline);
    }
}

TEST(ServerMachine, DoesNotActOnAnInspectFromBeforeItsOwnCallEnded)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    EXPECT_EQ(scene.step(EngineEvent{}), "inspect");
    EXPECT_EQ(scene.done(Verb::start), "");
    EXPECT_EQ(scene.seen({}), "inspect"); // it began before the start
    scene.seen(running("r1"));
    EXPECT_EQ(scene.machine.state(), State::running);
}

} // namespace

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
    EXPECT_EQ(scene.power("a", Action::start), "save, check_ports, arm answer 2000, offline>starting");
    EXPECT_EQ(scene.done(Verb::check_ports), "pull, a ok, disarm answer");
    EXPECT_EQ(scene.done(Verb::pull), "create");
    EXPECT_EQ(scene.done(Verb::create), "start");
    EXPECT_EQ(scene.done(Verb::start), "inspect");
    EXPECT_EQ(scene.seen(running("r1")), "save, starting>running");
    EXPECT_EQ(scene.power("b", Action::stop), "save, signal SIGTERM, arm stop 30000, b ok, running>stopping");
    EXPECT_EQ(scene.done(Verb::signal), "");
    EXPECT_EQ(scene.step(EngineEvent{}), "inspect");
    EXPECT_EQ(scene.seen(exited("r1", 143)), "save, disarm stop, stopping>offline");
    EXPECT_FALSE(scene.machine.record().wants_running);
}

TEST(ServerMachine, WhatIsDoneAlreadyIsAnsweredWithTheStateAsItIs)
{
    Scene scene;
    scene.up();
    EXPECT_EQ(scene.power("a", Action::stop), "save, a ok");
    EXPECT_EQ(scene.machine.state(), State::offline);
    scene.start();
    EXPECT_EQ(scene.power("b", Action::start), "save, b ok");
    EXPECT_EQ(scene.machine.state(), State::running);
    // Also while an inspect is in flight: it is quick, and it knows.
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.power("c", Action::start), "save, arm answer 2000");
    EXPECT_EQ(scene.seen(running("r1")), "save, c ok, disarm answer");
    scene.power("k", Action::kill);
    scene.done(Verb::kill);
    scene.seen(exited("r1", 137));
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.power("d", Action::stop), "save, arm answer 2000, offline>stopping");
    EXPECT_EQ(scene.seen(exited("r1", 137)), "save, d ok, disarm answer, stopping>offline");
}

TEST(ServerMachine, AStartWhosePortIsTakenIsAnsweredWithTheConflict)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    EXPECT_EQ(scene.done(Verb::check_ports, Outcome::failed, {"PORT_CONFLICT", "port 25565 is held by nc"}),
              "save, a failed PORT_CONFLICT, disarm answer, starting>offline PORT_CONFLICT");
    EXPECT_FALSE(scene.machine.record().wants_running);
    // A start that the machine makes by itself asks nobody: the engine says so.
    Record record = installed();
    record.wants_running = true;
    Scene by_itself{settings(), record};
    by_itself.step(Back{});
    EXPECT_EQ(by_itself.seen({}), "save, pull, offline>starting");
}

TEST(ServerMachine, ASlowEngineDoesNotDelayTheAnswer)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    EXPECT_EQ(scene.fired(Timer::answer), "a ok");
    EXPECT_EQ(scene.done(Verb::check_ports, Outcome::failed, {"PORT_CONFLICT", "held"}),
              "save, starting>offline PORT_CONFLICT");
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
    scene.done(Verb::check_ports);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    scene.step(Ready{});
    scene.done(Verb::start);
    EXPECT_EQ(scene.seen(running("r3")), "save, starting>running");
}

TEST(ServerMachine, ARestartPullsFirstThenStopsAndStarts)
{
    Scene scene;
    scene.up().start();
    EXPECT_EQ(scene.power("a", Action::restart), "save, pull, a ok, running>stopping");
    EXPECT_EQ(scene.done(Verb::pull), "save, signal SIGTERM, arm stop 30000");
    scene.done(Verb::signal);
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen(exited("r1", 1)), "save, disarm stop, create, stopping>starting");
    for (const Verb verb : {Verb::create, Verb::start}) scene.done(verb);
    EXPECT_EQ(scene.seen(running("r2")), "save, starting>running");
}

TEST(ServerMachine, ARestartWhoseImageCannotBePulledLeavesTheServerRunning)
{
    Scene scene;
    scene.up().start();
    scene.power("a", Action::restart);
    EXPECT_EQ(scene.done(Verb::pull, Outcome::failed, {"DOCKER_ERROR", "denied"}),
              "save, stopping>running DOCKER_ERROR");
    EXPECT_TRUE(scene.machine.record().wants_running);
    // One that has ended meanwhile is started as far as that is possible.
    scene.power("b", Action::restart);
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen(exited("r1", 1)), "save");
    EXPECT_EQ(scene.done(Verb::pull), "save, create, stopping>starting");
}

TEST(ServerMachine, ARestartOfAServerThatIsOfflineStartsIt)
{
    Scene scene;
    scene.up();
    EXPECT_EQ(scene.power("a", Action::restart), "save, check_ports, arm answer 2000, offline>starting");
    EXPECT_EQ(scene.done(Verb::check_ports), "pull, a ok, disarm answer");
}

TEST(ServerMachine, TypesTheStopCommandAndFallsBackToTheSignal)
{
    Settings typed = settings();
    typed.stop_command = "stop";
    Scene scene{typed};
    scene.up().start();
    EXPECT_EQ(scene.power("a", Action::stop), "save, type stop, arm stop 30000, a ok, running>stopping");
    EXPECT_EQ(scene.done(Verb::type, Outcome::failed), "signal SIGTERM");
}

TEST(ServerMachine, KillsWhatDoesNotStopInTime)
{
    Scene scene;
    scene.up().start();
    scene.power("a", Action::stop);
    scene.done(Verb::signal);
    EXPECT_EQ(scene.fired(Timer::stop), "kill, arm kill 10000");
    EXPECT_EQ(scene.done(Verb::kill), "inspect");
    EXPECT_EQ(scene.seen(exited("r1", 137)), "save, disarm kill, stopping>offline TIMEOUT");
    EXPECT_NE(scene.reason.find("did not end within 30 s and was killed"), std::string::npos) << scene.reason;
    // Who gives no time has asked for that.
    scene.start("r2");
    scene.step(Power{"b", Action::stop, {0ms, ""}});
    scene.done(Verb::kill);
    EXPECT_EQ(scene.seen(exited("r2", 137)), "save, disarm kill, stopping>offline");
    // A restart goes on; it is no fault of the start.
    scene.start("r3");
    scene.step(Power{"c", Action::restart, {5s, "SIGINT"}});
    EXPECT_EQ(scene.done(Verb::pull), "save, signal SIGINT, arm stop 5000");
    scene.done(Verb::signal);
    scene.fired(Timer::stop);
    scene.done(Verb::kill);
    EXPECT_EQ(scene.seen(exited("r3", 137)), "save, disarm kill, create, stopping>starting");
    EXPECT_NE(scene.reason.find("did not end within 5 s"), std::string::npos) << scene.reason;
}

TEST(ServerMachine, OneActionWaitsAndTheNextIsRefusedNamingBoth)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    EXPECT_EQ(scene.power("b", Action::stop), "save, b ok stopping");
    EXPECT_NE(scene.said.find("waits for the end of start_server"), std::string::npos) << scene.said;
    EXPECT_EQ(scene.power("c", Action::restart), "c refused BUSY");
    EXPECT_NE(scene.said.find("start_server is running and stop_server waits"), std::string::npos)
        << scene.said;
    for (const Verb verb : {Verb::check_ports, Verb::pull, Verb::create, Verb::start}) scene.done(verb);
    EXPECT_EQ(scene.seen(running("r1")), "save, signal SIGTERM, arm stop 30000, starting>stopping");
}

TEST(ServerMachine, WhatWasAnsweredSurvivesTheAgentWithItsOptions)
{
    Scene first;
    first.up().start();
    first.step(Power{"a", Action::stop, {600s, "SIGINT"}});
    EXPECT_EQ(first.power("b", Action::start), "save, b ok starting");
    Scene next{settings(), first.machine.record()};
    EXPECT_EQ(next.machine.state(), State::stopping);
    next.step(Back{});
    EXPECT_EQ(next.seen(running("r1")), "signal SIGINT, arm stop 600000");
    EXPECT_EQ(next.power("c", Action::stop), "c refused BUSY");
    next.done(Verb::signal);
    next.step(EngineEvent{});
    EXPECT_EQ(next.seen(exited("r1", 0)), "save, disarm stop, pull, stopping>starting");
    EXPECT_TRUE(next.machine.record().wants_running);
    EXPECT_FALSE(next.machine.record().next);
}

TEST(ServerMachine, AStartThatCannotBeginWhenItsTurnComesIsReported)
{
    Settings own = settings();
    own.installer = true;
    Scene scene{own, {}};
    scene.up();
    EXPECT_EQ(scene.power("a", Action::install), "save, pull_installer, a ok, offline>installing");
    EXPECT_EQ(scene.power("b", Action::start), "save, b ok starting");
    scene.done(Verb::pull_installer, Outcome::failed, {"DOCKER_ERROR", "denied"});
    EXPECT_EQ(scene.done(Verb::remove_installer), "save, installing>install_failed DOCKER_ERROR");
    // And refused at once where that is known.
    Scene missing{settings(), {}};
    missing.step(Back{});
    missing.power("a", Action::stop);
    EXPECT_EQ(missing.power("b", Action::start), "b refused CONFIG_INVALID");
}

TEST(ServerMachine, KillAndDeleteAreAnsweredWhenTheEngineTurnsOutNotToDoIt)
{
    for (const Action action : {Action::kill, Action::remove}) {
        Scene scene;
        scene.up().start();
        scene.power("a", action);
        EXPECT_EQ(scene.step(Away{}), action == Action::kill ? "disarm kill, a ok" : "a failed DOCKER_ERROR");
        EXPECT_NE(scene.said.find(std::string{to_string(action)} + " of server_1 is accepted and waits for "
                                                                   "the engine"),
                  std::string::npos)
            << scene.said;
        scene.step(Back{});
        EXPECT_EQ(scene.seen(running("r1")), action == Action::kill ? "kill, arm kill 10000" : "remove_all");
    }
    // An agent that stops does not wait.
    Scene stopped;
    stopped.up().start();
    stopped.power("a", Action::remove);
    EXPECT_EQ(stopped.step(Cancel{"a"}), "a failed INTERRUPTED");
    EXPECT_NE(stopped.said.find("is being deleted"), std::string::npos) << stopped.said;
}

TEST(ServerMachine, AStartThatIsCheckedWhenTheEngineGoesAwayIsAccepted)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    EXPECT_EQ(scene.step(Away{}), "a ok, disarm answer");
    EXPECT_NE(scene.said.find("start_server of server_1 is accepted and waits for the engine"),
              std::string::npos)
        << scene.said;
    scene.step(Back{});
    EXPECT_EQ(scene.seen({}), "pull");
}

TEST(ServerMachine, ARestartWhoseStartFailsKeepsTheDesiredStateAndIsTriedAgain)
{
    for (const milliseconds timeout : {milliseconds{0}, milliseconds{30'000}}) {
        Scene scene;
        scene.up().start();
        scene.step(Power{"a", Action::restart, {timeout, ""}});
        scene.done(Verb::pull);
        scene.done(timeout > milliseconds{0} ? Verb::signal : Verb::kill);
        if (timeout > milliseconds{0}) scene.step(EngineEvent{});
        scene.seen(exited("r1", 0));
        EXPECT_EQ(scene.done(Verb::create, Outcome::failed, {"DOCKER_ERROR", "no such image"}),
                  "save, arm backoff 1000, starting>crashed DOCKER_ERROR");
        EXPECT_TRUE(scene.machine.record().wants_running);
        EXPECT_EQ(scene.fired(Timer::backoff), "save, pull, crashed>starting");
    }
}

TEST(ServerMachine, ACallerWhoGivesUpChangesNothing)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.power("b", Action::stop);
    EXPECT_EQ(scene.step(Cancel{"b"}), "");
    EXPECT_EQ(scene.step(Cancel{"a"}), "a ok, disarm answer"); // it goes on
    EXPECT_EQ(scene.done(Verb::check_ports), "pull");
}

TEST(ServerMachine, KillPreemptsAPull)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::check_ports);
    scene.power("b", Action::restart);
    EXPECT_EQ(scene.power("c", Action::kill), "save, cancel_pull, c ok, starting>offline");
    EXPECT_EQ(scene.reason, "start_server was ended by kill_server.");
    EXPECT_EQ(scene.done(Verb::pull), ""); // too late
    EXPECT_FALSE(scene.machine.record().next);
}

TEST(ServerMachine, KillReachesAStartThatTheEngineIsWorkingOn)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::check_ports);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    EXPECT_EQ(scene.power("b", Action::kill), "save, kill, arm kill 10000, starting>stopping");
    EXPECT_EQ(scene.done(Verb::kill, Outcome::not_found), "inspect");
    EXPECT_EQ(scene.seen({Container::created, ""}), ""); // the start may still come up
    EXPECT_EQ(scene.done(Verb::start), "inspect");
    EXPECT_EQ(scene.seen(running("r1")), "save, kill, arm kill 10000");
    scene.done(Verb::kill);
    EXPECT_EQ(scene.seen(exited("r1", 137)), "save, disarm kill, b ok, stopping>offline");
}

TEST(ServerMachine, KillEndsABackoff)
{
    Scene scene;
    scene.up().start();
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen(exited("r1", 3)), "save, arm backoff 1000, running>crashed CRASHED");
    EXPECT_EQ(scene.power("k", Action::kill), "save, disarm backoff, k ok, crashed>offline");
    EXPECT_EQ(scene.fired(Timer::backoff), "");
}

TEST(ServerMachine, AStartThatFailsAfterItsAnswerIsReportedAndIsNotACrash)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::check_ports);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    EXPECT_EQ(scene.done(Verb::start, Outcome::failed, {"PORT_CONFLICT", "port 25565 is held by server_2"}),
              "inspect");
    EXPECT_EQ(scene.seen({Container::created, ""}), "save, starting>offline PORT_CONFLICT");
    EXPECT_FALSE(scene.machine.record().wants_running);
}

TEST(ServerMachine, AStartThatFailsAfterItsAnswerEndsOfflineWithTheReason)
{
    for (const Action action : {Action::start, Action::restart}) {
        Scene scene;
        scene.up();
        scene.power("a", action);
        EXPECT_EQ(scene.done(Verb::check_ports), "pull, a ok, disarm answer");
        EXPECT_EQ(scene.done(Verb::pull, Outcome::failed, {"DOCKER_ERROR", "no such image"}),
                  "save, starting>offline DOCKER_ERROR");
        EXPECT_EQ(scene.reason, "no such image");
        EXPECT_EQ(scene.machine.record().fault.message, "no such image");
        EXPECT_FALSE(scene.machine.record().wants_running);
    }
}

TEST(ServerMachine, AFailureIsReportedAlthoughTheActionThatWaitedLeadsToTheSameState)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::check_ports);
    EXPECT_EQ(scene.power("b", Action::start), "save, b ok starting");
    EXPECT_EQ(scene.done(Verb::pull, Outcome::failed, {"DOCKER_ERROR", "no such image"}),
              "save, starting>offline DOCKER_ERROR, pull, offline>starting");
    // A restart that ends a run late, and one more.
    Scene late;
    late.up().start();
    late.step(Power{"a", Action::stop, {1s, ""}});
    late.power("b", Action::start);
    late.done(Verb::signal);
    late.fired(Timer::stop);
    late.done(Verb::kill);
    EXPECT_EQ(late.seen(exited("r1", 137)),
              "save, disarm kill, stopping>offline TIMEOUT, pull, offline>starting");
}

TEST(ServerMachine, EachChangeNamesTheActionThatLedToIt)
{
    Scene scene;
    scene.up().start();
    EXPECT_EQ(scene.number, 1u);
    EXPECT_EQ(scene.action, 1u);
    scene.power("a", Action::restart);
    EXPECT_EQ(scene.number, 2u);
    EXPECT_EQ(scene.action, 2u);
    scene.power("b", Action::stop);
    EXPECT_EQ(scene.number, 3u) << "it waits";
    EXPECT_EQ(scene.action, 2u);
    EXPECT_EQ(scene.power("c", Action::kill).substr(0, 4), "save");
    scene.done(Verb::kill);
    scene.seen(exited("r1", 137));
    EXPECT_EQ(scene.number, 4u) << "the one that waited had a number";
    EXPECT_EQ(scene.action, 4u);
    scene.power("d", Action::start);
    scene.power("e", Action::start);
    EXPECT_EQ(scene.number, 6u);
    // Also in the next agent.
    Scene next{settings(), scene.machine.record()};
    next.up();
    next.done(Verb::pull, Outcome::failed, {"DOCKER_ERROR", "denied"});
    EXPECT_EQ(next.action, 6u);
    EXPECT_EQ(next.machine.record().action, 6u);
}

TEST(ServerMachine, AStartThatAPersonAskedForIsGivenUpAlsoByTheNextAgent)
{
    Scene first;
    first.up();
    first.power("a", Action::start);
    first.done(Verb::check_ports);
    Scene next{settings(), first.machine.record()};
    next.up();
    EXPECT_EQ(next.done(Verb::pull, Outcome::failed, {"DOCKER_ERROR", "denied"}),
              "save, starting>offline DOCKER_ERROR");
    EXPECT_FALSE(next.machine.record().wants_running);
    // A restart that ended a run is tried again, whenever the agent died.
    Scene running_one;
    running_one.up().start();
    running_one.power("a", Action::restart);
    running_one.done(Verb::pull); // now it is asked to stop
    Scene again{settings(), running_one.machine.record()};
    again.up(exited("r1", 0));
    EXPECT_EQ(again.done(Verb::pull, Outcome::failed, {"DOCKER_ERROR", "denied"}),
              "save, arm backoff 1000, starting>crashed DOCKER_ERROR");
    EXPECT_TRUE(again.machine.record().wants_running);
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
    scene.done(Verb::check_ports);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    EXPECT_EQ(scene.done(Verb::start, Outcome::not_found), "inspect");
    EXPECT_EQ(scene.seen({}), "create");
    EXPECT_EQ(scene.done(Verb::create), "start");
    EXPECT_EQ(scene.done(Verb::start, Outcome::not_found, {"CONTAINER_NOT_FOUND", "gone"}), "inspect");
    EXPECT_EQ(scene.seen({}), "save, starting>offline CONTAINER_NOT_FOUND");
}

TEST(ServerMachine, AStartBeyondItsDeadlineIsJudgedByInspect)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.done(Verb::check_ports);
    scene.done(Verb::pull);
    scene.done(Verb::create);
    scene.done(Verb::start, Outcome::deadline, {"DOCKER_ERROR", "slow"});
    EXPECT_EQ(scene.seen(running("r1")), "save, starting>running");
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
    EXPECT_EQ(scene.seen(running("r1")), "arm retry 1000, a ok, stopping>stuck DOCKER_ERROR");
    EXPECT_NE(scene.said.find("has not ended yet"), std::string::npos) << scene.said;
    EXPECT_EQ(scene.power("b", Action::start), "b refused BUSY");
    EXPECT_EQ(scene.fired(Timer::retry), "inspect");
    EXPECT_EQ(scene.seen(running("r1")), "kill, arm kill 10000");
    EXPECT_EQ(scene.done(Verb::kill, Outcome::deadline), "inspect");
    EXPECT_EQ(scene.seen(running("r1")), "arm retry 2000");
    // A person may try at once.
    EXPECT_EQ(scene.power("c", Action::kill),
              "save, disarm kill, disarm retry, kill, arm kill 10000, stuck>stopping");
    scene.done(Verb::kill);
    EXPECT_EQ(scene.seen(exited("r1", 137)), "save, disarm kill, c ok, stopping>offline");
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
        if (asked("check_ports,")) finish(Verb::check_ports);
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
    for (const Verb verb : {Verb::check_ports, Verb::pull, Verb::create}) scene.done(verb);
    EXPECT_EQ(scene.step(EngineEvent{}), "inspect");
    EXPECT_EQ(scene.done(Verb::start), "");
    EXPECT_EQ(scene.seen({}), "inspect"); // it began before the start
    scene.seen(running("r1"));
    EXPECT_EQ(scene.machine.state(), State::running);
}

} // namespace

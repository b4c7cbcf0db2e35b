// Deaths, crashes and restarts of the engine and the agent, scene by scene.
#include "tests/unit/docker/server/scene.hpp"

#include <gtest/gtest.h>

using namespace agenthost::docker_test;
using namespace std::chrono_literals;

namespace {

TEST(ServerMachine, ADeathThatWeAskedForIsNotACrash)
{
    for (const int code : {0, 1, 137, 143, 255})
        for (const Action action : {Action::stop, Action::kill}) {
            Scene scene;
            scene.up().start();
            scene.power("a", action);
            scene.done(action == Action::stop ? Verb::signal : Verb::kill);
            scene.step(EngineEvent{});
            scene.seen(exited("r1", code, true));
            scene.seen(exited("r1", code, true));
            EXPECT_EQ(scene.machine.state(), State::offline) << code;
        }
}

TEST(ServerMachine, JudgesDeathsThatNobodyAskedFor)
{
    const auto die = [](ContainerFacts facts, bool oom_event = false, bool crash_on_clean_exit = false) {
        Settings own = settings();
        own.crash_on_clean_exit = crash_on_clean_exit;
        Scene scene{own};
        scene.up().start();
        if (oom_event) scene.step(Oom{});
        scene.step(EngineEvent{});
        return scene.seen(std::move(facts));
    };
    EXPECT_EQ(die(exited("r1", 0)), "save, running>offline");
    EXPECT_EQ(die(exited("r1", 0), false, true), "save, arm backoff 1000, running>crashed CRASHED");
    EXPECT_EQ(die(exited("r1", 137)), "save, arm backoff 1000, running>crashed CRASHED");
    EXPECT_EQ(die(exited("r1", 137, true)), "save, arm backoff 1000, running>crashed OOM_KILLED");
    EXPECT_EQ(die(exited("r1", 137), true), "save, arm backoff 1000, running>crashed OOM_KILLED");
    EXPECT_EQ(die({}), "save, arm backoff 1000, running>crashed CONTAINER_NOT_FOUND");
}

TEST(ServerMachine, GivesUpAfterTooManyCrashesAndForgetsThemOnStart)
{
    Scene scene;
    scene.up().start("r0");
    const char* delays[] = {"1000", "2000", "4000", "8000"};
    for (int i = 0; i < 4; ++i) {
        scene.step(EngineEvent{});
        EXPECT_EQ(scene.seen(exited("r" + std::to_string(i), 1)),
                  "save, arm backoff " + std::string{delays[i]} + ", running>crashed CRASHED");
        EXPECT_EQ(scene.fired(Timer::backoff), "save, pull, crashed>starting");
        for (const Verb verb : {Verb::pull, Verb::create, Verb::start}) scene.done(verb);
        scene.seen(running("r" + std::to_string(i + 1)));
    }
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen(exited("r4", 1)), "save, running>crashed CRASHED");
    EXPECT_TRUE(scene.machine.record().gave_up);
    // An agent that starts now leaves it alone.
    Scene next{settings(), scene.machine.record()};
    EXPECT_EQ(next.machine.state(), State::crashed);
    next.step(Back{});
    EXPECT_EQ(next.seen(exited("r4", 1)), "");
    EXPECT_EQ(next.power("s", Action::start), "save, check_ports, arm answer 2000, crashed>starting");
}

TEST(ServerMachine, AServerThatDiesAtOnceWasStarted)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    for (const Verb verb : {Verb::check_ports, Verb::pull, Verb::create, Verb::start}) scene.done(verb);
    EXPECT_EQ(scene.seen(exited("r1", 2)), "save, arm backoff 1000, starting>crashed CRASHED");
}

TEST(ServerMachine, AnEngineRestartIsNotACrash)
{
    for (const int code : {137, 143, 255, 0}) {
        Scene scene;
        scene.up().start();
        EXPECT_EQ(scene.step(Away{}), "");
        EXPECT_EQ(scene.machine.state(), State::running); // as far as anyone knows
        EXPECT_EQ(scene.step(Back{true}), "inspect");
        EXPECT_EQ(scene.seen(exited("r1", code)), "save, pull, running>starting") << code;
    }
    Scene live_restore;
    live_restore.up().start();
    live_restore.step(Away{});
    live_restore.step(Back{true});
    EXPECT_EQ(live_restore.seen(running("r1")), "");
    // It explains one death, not the next.
    live_restore.step(EngineEvent{});
    EXPECT_EQ(live_restore.seen(exited("r1", 137)), "save, arm backoff 1000, running>crashed CRASHED");
}

TEST(ServerMachine, AnEngineRestartExplainsALostContainerButNotOneThatRanOutOfMemory)
{
    Scene lost;
    lost.up().start();
    lost.step(Away{});
    lost.step(Back{true});
    EXPECT_EQ(lost.seen({}), "save, pull, running>starting");
    EXPECT_EQ(lost.reason, "the engine restarted.");

    Scene memory;
    memory.up().start();
    memory.step(Away{});
    memory.step(Back{true});
    EXPECT_EQ(memory.seen(exited("r1", 137, true)), "save, arm backoff 1000, running>crashed OOM_KILLED");

    Scene offline; // and starts nothing that nobody wants
    offline.up();
    offline.step(Away{});
    offline.step(Back{true});
    EXPECT_EQ(offline.seen({}), "");
}

TEST(ServerMachine, AContainerRemovedByHandIsCreatedAgainWhileTheServerIsWanted)
{
    Settings never = settings();
    never.restart_after_crash = false;
    never.crash_limits.count = 2;
    Scene scene{never};
    scene.up().start();
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen({}), "save, arm backoff 1000, running>crashed CONTAINER_NOT_FOUND");
    EXPECT_NE(scene.reason.find("removed outside agenthost"), std::string::npos);
    EXPECT_EQ(scene.fired(Timer::backoff), "save, pull, crashed>starting");
    for (const Verb verb : {Verb::pull, Verb::create, Verb::start}) scene.done(verb);
    EXPECT_EQ(scene.seen(running("r2")), "save, starting>running");
    // Not indefinitely.
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen({}), "save, running>crashed CONTAINER_NOT_FOUND");

    Scene offline;
    offline.up(exited("r1", 0));
    offline.step(EngineEvent{});
    EXPECT_EQ(offline.seen({}), "");
}

TEST(ServerMachine, ADeathWhileTheStreamWasBrokenIsACrash)
{
    Scene scene;
    scene.up().start();
    scene.step(Away{});
    scene.step(Back{false});
    EXPECT_EQ(scene.seen(exited("r1", 1)), "save, arm backoff 1000, running>crashed CRASHED");
}

TEST(ServerMachine, AnAgentThatComesBackFindsWhatHappened)
{
    Scene first;
    first.up().start();
    const Record record = first.machine.record();
    const auto find = [&](ContainerFacts facts, bool engine_restarted = false) {
        Scene scene{settings(), record};
        scene.step(Back{engine_restarted});
        return scene.seen(std::move(facts));
    };
    EXPECT_EQ(find(running("r1")), "");
    EXPECT_EQ(find(running("r2")), "save, note");
    EXPECT_EQ(find(exited("r1", 1)), "save, arm backoff 1000, running>crashed CRASHED");
    EXPECT_EQ(find(exited("r1", 0)), "save, running>offline");
    EXPECT_EQ(find(exited("r1", 137), true), "save, pull, running>starting");
    EXPECT_EQ(find({}), "save, arm backoff 1000, running>crashed CONTAINER_NOT_FOUND");
}

TEST(ServerMachine, AStopInProgressGoesOnAfterAnAgentRestart)
{
    Scene first;
    first.up().start();
    first.power("a", Action::stop);
    Scene next{settings(), first.machine.record()};
    EXPECT_EQ(next.machine.state(), State::stopping);
    next.step(Back{});
    EXPECT_EQ(next.seen(running("r1")), "signal SIGTERM, arm stop 30000");
    next.done(Verb::signal);
    next.step(EngineEvent{});
    EXPECT_EQ(next.seen(exited("r1", 1)), "save, disarm stop, stopping>offline");
    Scene dead{settings(), first.machine.record()};
    dead.step(Back{});
    EXPECT_EQ(dead.seen(exited("r1", 137)), "save, stopping>offline");
}

TEST(ServerMachine, AStopWhoseTimeEndsWhileTheEngineIsAwayKillsAfterwards)
{
    Scene scene;
    scene.up().start();
    scene.power("a", Action::stop);
    scene.step(Away{});
    EXPECT_EQ(scene.fired(Timer::stop), "");
    scene.step(Back{});
    EXPECT_EQ(scene.seen(running("r1")), "kill, arm kill 10000");
}

TEST(ServerMachine, AServerStartedByHandIsAdopted)
{
    Scene scene;
    scene.up();
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen(running("r1")), "save, offline>running");
    EXPECT_TRUE(scene.machine.record().wants_running);
}

TEST(ServerMachine, ReportsAProcessKilledForMemoryOnceARun)
{
    Scene scene;
    scene.up().start();
    EXPECT_EQ(scene.step(Oom{}), "note");
    EXPECT_EQ(scene.step(Oom{}), "");
}

TEST(CrashPolicy, DoublesGivesUpAndForgives)
{
    CrashPolicy policy{{1s, 5min, 3, 10min}};
    EXPECT_EQ(policy.crashed(0s, 1s), 1s);
    EXPECT_EQ(policy.crashed(1s, 1s), 2s);
    EXPECT_EQ(policy.crashed(2s, 1s), std::nullopt);
    EXPECT_EQ(policy.crashed(20min, 10min), 1s); // a good run
    EXPECT_EQ(policy.crashed(26min, 5min), 2s);
    EXPECT_EQ(policy.crashed(32min, 5min), 4s); // three, but not within ten minutes
    milliseconds now = 32min;
    for (int i = 0; i < 100; ++i) policy.crashed(now += 6min, 5min);
    EXPECT_EQ(policy.crashed(now += 6min, 5min), 5min);
    EXPECT_LE(policy.crashes(), 23u);
}

} // namespace

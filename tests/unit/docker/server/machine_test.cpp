// A server's life, scene by scene: this happens, that is asked for.
#include "tests/unit/docker/server/words.hpp"

#include <gtest/gtest.h>

#include <map>

using namespace agenthost::docker_test;
using namespace std::chrono_literals;

namespace {

class Scene {
public:
    explicit Scene(Settings own = settings(), Record record = installed())
        : machine{std::move(own), std::move(record)}
    {}

    std::string step(const Input& input)
    {
        const auto effects = machine.step(input, now);
        for (const Effect& effect : effects) {
            if (const auto* call = std::get_if<Call>(&effect)) calls[call->verb] = call->number;
            if (const auto* answer = std::get_if<Answer>(&effect)) said = answer->problem.message;
            if (const auto* change = std::get_if<StateChanged>(&effect)) reason = change->reason.message;
        }
        return words(effects);
    }
    std::string power(const std::string& id, Action action) { return step(Power{id, action}); }
    std::string done(Verb verb, Outcome outcome = Outcome::ok, Problem problem = {})
    {
        return step(Done{calls[verb], outcome, std::move(problem)});
    }
    std::string seen(ContainerFacts server, ContainerFacts installer = {})
    {
        return step(Seen{calls[Verb::inspect], Outcome::ok, {std::move(server), std::move(installer)}, {}});
    }
    std::string hangs()
    {
        return step(Seen{calls[Verb::inspect], Outcome::deadline, {}, {"DOCKER_ERROR", "hangs"}});
    }
    std::string fired(Timer timer) { return step(Fired{timer}); }
    // The engine is there, and the container is what `server` says.
    Scene& up(ContainerFacts server = {}, ContainerFacts installer = {})
    {
        step(Back{});
        seen(std::move(server), std::move(installer));
        return *this;
    }
    Scene& start(const std::string& run = "r1")
    {
        power("start", Action::start);
        for (const Verb verb : {Verb::pull, Verb::create, Verb::start}) done(verb);
        seen(running(run));
        return *this;
    }

    Machine machine;
    std::map<Verb, CallNumber> calls;
    std::string said, reason;
    milliseconds now{0};
};

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
    EXPECT_EQ(scene.power("b", Action::stop), "");
    EXPECT_EQ(scene.power("c", Action::restart), "c refused BUSY");
    EXPECT_NE(scene.said.find("start_server a is running and stop_server b waits"), std::string::npos)
        << scene.said;
    for (const Verb verb : {Verb::pull, Verb::create, Verb::start}) scene.done(verb);
    EXPECT_EQ(
        scene.seen(running("r1")),
        "save, a ok, disarm answer, arm answer 10000, signal SIGTERM, arm stop 30000, starting>stopping");
}

TEST(ServerMachine, AWaitingActionCanBeCancelled)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.power("b", Action::stop);
    EXPECT_EQ(scene.step(Cancel{"b"}), "b cancelled CANCELLED");
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
        "save, b cancelled CANCELLED, cancel_pull, arm answer 10000, c ok, disarm answer, starting>offline");
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

TEST(ServerMachine, ADeathThatWeAskedForIsNoCrash)
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
    EXPECT_EQ(next.power("s", Action::start), "save, arm answer 10000, pull, crashed>starting");
}

TEST(ServerMachine, AStartThatFailsIsAnsweredAndIsNoCrash)
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

TEST(ServerMachine, AServerThatDiesAtOnceWasStarted)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    for (const Verb verb : {Verb::pull, Verb::create, Verb::start}) scene.done(verb);
    EXPECT_EQ(scene.seen(exited("r1", 2)),
              "save, arm backoff 1000, a ok, disarm answer, starting>crashed CRASHED");
}

TEST(ServerMachine, AnEngineRestartIsNoCrash)
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

Settings with_installer()
{
    Settings out = settings();
    out.installer = true;
    return out;
}

TEST(ServerMachine, Installs)
{
    Scene scene{with_installer(), {}};
    scene.up();
    EXPECT_EQ(scene.power("a", Action::start), "a refused CONFIG_INVALID"); // not installed yet
    Power install{"i", Action::install};
    install.then_start = true;
    EXPECT_EQ(scene.step(install), "save, arm answer 10000, pull_installer, offline>installing");
    EXPECT_EQ(scene.done(Verb::pull_installer), "run_installer");
    EXPECT_EQ(scene.done(Verb::run_installer), "save, inspect");
    EXPECT_EQ(scene.seen({}, running("i1")), "arm install 1800000");
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen({}, exited("i1", 0)), "save, remove_installer");
    EXPECT_EQ(scene.done(Verb::remove_installer),
              "save, i ok, disarm answer, disarm install, pull, installing>starting");
}

TEST(ServerMachine, AFailedInstallationCanBeRepeated)
{
    Scene scene{with_installer(), {}};
    scene.up();
    scene.power("a", Action::install);
    scene.done(Verb::pull_installer);
    scene.done(Verb::run_installer);
    scene.seen({}, running("i1"));
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen({}, exited("i1", 127)), "save, remove_installer");
    EXPECT_EQ(scene.done(Verb::remove_installer),
              "save, a failed CONFIG_INVALID, disarm answer, disarm install, installing>install_failed");
    EXPECT_NE(scene.said.find("exit code 127"), std::string::npos) << scene.said;
    EXPECT_EQ(scene.power("s", Action::start), "s refused CONFIG_INVALID");
    EXPECT_EQ(scene.power("b", Action::install),
              "save, arm answer 10000, pull_installer, install_failed>installing");
}

TEST(ServerMachine, AnInstallationSurvivesAnAgentRestart)
{
    Scene first{with_installer(), {}};
    first.up();
    first.power("a", Action::install);
    first.done(Verb::pull_installer);
    first.done(Verb::run_installer);
    const auto find = [&](ContainerFacts installer, bool engine_restarted = false) {
        Scene scene{with_installer(), first.machine.record()};
        EXPECT_EQ(scene.machine.state(), State::installing);
        scene.step(Back{engine_restarted});
        return scene.seen({}, std::move(installer));
    };
    EXPECT_EQ(find(running("i1")), "arm install 1800000");
    EXPECT_EQ(find(exited("i1", 0)), "save, remove_installer");
    EXPECT_EQ(find(exited("i1", 1)), "save, remove_installer");
    EXPECT_EQ(find(exited("i1", 137), true), "save, pull_installer"); // killed by the engine
    EXPECT_EQ(find({}), "save, remove_installer");
}

TEST(ServerMachine, AnInstallationHasADeadlineAndCanBeKilled)
{
    Scene late{with_installer(), {}};
    late.up();
    late.power("a", Action::install);
    late.done(Verb::pull_installer);
    late.done(Verb::run_installer);
    late.seen({}, running("i1"));
    EXPECT_EQ(late.fired(Timer::install), "remove_installer, arm kill 10000");
    EXPECT_EQ(late.done(Verb::remove_installer), "inspect");
    EXPECT_EQ(late.seen({}), "save, remove_installer");
    late.done(Verb::remove_installer);
    EXPECT_EQ(late.machine.state(), State::install_failed);

    Scene killed{with_installer(), {}};
    killed.up();
    killed.power("a", Action::install);
    killed.done(Verb::pull_installer);
    killed.done(Verb::run_installer);
    killed.seen({}, running("i1"));
    EXPECT_EQ(killed.power("k", Action::kill), "save, a cancelled CANCELLED, disarm answer, disarm install, "
                                               "arm answer 10000, remove_installer, arm kill "
                                               "10000, installing>stopping");
    EXPECT_EQ(killed.done(Verb::remove_installer), "inspect");
    EXPECT_EQ(killed.seen({}), "save, k ok, disarm answer, disarm kill, stopping>install_failed");
}

TEST(ServerMachine, ReinstallStopsTheServerFirst)
{
    Scene scene{with_installer()};
    scene.up().start();
    EXPECT_EQ(scene.power("a", Action::install),
              "save, arm answer 10000, signal SIGTERM, arm stop 30000, running>stopping");
    scene.done(Verb::signal);
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen(exited("r1", 1)), "save, disarm stop, pull_installer, stopping>installing");
}

TEST(ServerMachine, RemoveEndsEverything)
{
    Scene scene;
    scene.up();
    scene.power("a", Action::start);
    scene.power("b", Action::stop);
    EXPECT_EQ(
        scene.power("d", Action::remove),
        "save, a cancelled CANCELLED, disarm answer, b cancelled CANCELLED, cancel_pull, arm answer 10000, "
        "remove_all, starting>stopping");
    EXPECT_EQ(scene.power("e", Action::start), "e refused SERVER_NOT_FOUND");
    EXPECT_EQ(scene.done(Verb::remove_all, Outcome::deadline, {"DOCKER_ERROR", "hangs"}),
              "d failed DOCKER_ERROR, disarm answer, arm retry 1000, stopping>stuck DOCKER_ERROR");
    EXPECT_EQ(scene.fired(Timer::retry), "inspect");
    EXPECT_EQ(scene.seen({}), "remove_all");
    EXPECT_EQ(scene.done(Verb::remove_all), "remove_files");
    EXPECT_EQ(scene.done(Verb::remove_files), "gone");
    EXPECT_TRUE(scene.machine.gone());
}

TEST(ServerMachine, ADeletionGoesOnAfterAnAgentRestart)
{
    Scene first;
    first.up();
    first.power("a", Action::remove);
    Scene next{settings(), first.machine.record()};
    next.step(Back{});
    EXPECT_EQ(next.seen({}), "remove_all");
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

// Installation and deletion, scene by scene.
#include "tests/unit/docker/server/scene.hpp"

#include <gtest/gtest.h>

using namespace agenthost::docker_test;
using namespace std::chrono_literals;

namespace {

Settings with_installer()
{
    Settings out = settings();
    out.installer = true;
    return out;
}

TEST(ServerMachine, IsNotStuckForAnInstallerThatRunsBesideAServerWhoseKillWorked)
{
    Settings own = settings();
    own.installer = true;
    Scene scene{own, {}};
    scene.up();
    scene.power("i", Action::install);
    scene.done(Verb::pull_installer);
    scene.done(Verb::run_installer);
    scene.seen(running("by hand"), running("i1"));
    scene.done(Verb::signal);
    scene.fired(Timer::stop);
    scene.done(Verb::kill, Outcome::deadline);
    EXPECT_EQ(scene.seen({}, running("i1")), "save, disarm kill, arm install 1800000, stopping>installing");
}

TEST(ServerMachine, Installs)
{
    Scene scene{with_installer(), {}};
    scene.up();
    EXPECT_EQ(scene.power("a", Action::start), "a refused CONFIG_INVALID"); // not installed yet
    Power install{"i", Action::install};
    install.then_start = true;
    EXPECT_EQ(scene.step(install), "save, pull_installer, i ok, offline>installing");
    EXPECT_EQ(scene.done(Verb::pull_installer), "run_installer");
    EXPECT_EQ(scene.done(Verb::run_installer), "save, inspect");
    EXPECT_EQ(scene.seen({}, running("i1")), "arm install 1800000");
    scene.step(EngineEvent{});
    EXPECT_EQ(scene.seen({}, exited("i1", 0)), "save, remove_installer");
    EXPECT_EQ(scene.done(Verb::remove_installer), "save, disarm install, pull, installing>starting");
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
              "save, disarm install, installing>install_failed CONFIG_INVALID");
    EXPECT_NE(scene.reason.find("exit code 127"), std::string::npos) << scene.reason;
    EXPECT_EQ(scene.power("s", Action::start), "s refused CONFIG_INVALID");
    EXPECT_EQ(scene.power("b", Action::install), "save, pull_installer, b ok, install_failed>installing");
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
    EXPECT_EQ(killed.power("k", Action::kill),
              "save, disarm install, remove_installer, arm kill 10000, installing>stopping");
    EXPECT_EQ(killed.done(Verb::remove_installer), "inspect");
    EXPECT_EQ(killed.seen({}), "save, k ok, disarm kill, stopping>install_failed");
}

TEST(ServerMachine, ReinstallStopsTheServerFirst)
{
    Scene scene{with_installer()};
    scene.up().start();
    EXPECT_EQ(scene.power("a", Action::install),
              "save, signal SIGTERM, arm stop 30000, a ok, running>stopping");
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
    EXPECT_EQ(scene.power("d", Action::remove),
              "save, a cancelled CANCELLED, disarm answer, starting>stopping");
    EXPECT_EQ(scene.done(Verb::check_ports), "inspect") << "a call that is void is waited for";
    EXPECT_EQ(scene.seen({}), "remove_all");
    EXPECT_EQ(scene.power("e", Action::start), "e refused SERVER_NOT_FOUND");
    EXPECT_EQ(scene.done(Verb::remove_all, Outcome::deadline, {"DOCKER_ERROR", "hangs"}),
              "d failed DOCKER_ERROR, arm retry 1000, stopping>stuck DOCKER_ERROR");
    EXPECT_EQ(scene.fired(Timer::retry), "inspect");
    EXPECT_EQ(scene.seen({}), "remove_all");
    EXPECT_EQ(scene.done(Verb::remove_all), "remove_files");
    EXPECT_EQ(scene.done(Verb::remove_files), "gone");
    EXPECT_TRUE(scene.machine.gone());
    EXPECT_EQ(scene.power("f", Action::kill), "f refused SERVER_NOT_FOUND") << "it is being forgotten";
}

TEST(ServerMachine, ADeletionThatIsStuckIsTriedAtOnceWhenItIsAskedForAgain)
{
    Scene scene;
    scene.up();
    scene.power("d", Action::remove);
    EXPECT_EQ(scene.power("e", Action::remove), "e refused SERVER_NOT_FOUND") << "it is in progress";
    scene.done(Verb::remove_all, Outcome::deadline, {"DOCKER_ERROR", "hangs"});
    EXPECT_EQ(scene.power("f", Action::remove), "save, disarm retry, remove_all, stuck>stopping");
    EXPECT_EQ(scene.reason, "") << "nothing was ended by it";
    EXPECT_EQ(scene.done(Verb::remove_all), "remove_files");
    EXPECT_EQ(scene.done(Verb::remove_files), "f ok, gone");
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

} // namespace

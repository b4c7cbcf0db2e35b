// Deaths of the game, the agent and the engine, and changes by hand: the server's next state, and what the
// panel is told.
#include "rig.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

class Faults : public DockerPanel {
protected:
    json crashed(std::size_t from = 0)
    {
        return panel_->event(
            "server_status_changed", [](const json& data) { return data["currentStatus"] == "crashed"; },
            from);
    }
};

TEST_F(Faults, StartsACrashedServerAgain)
{
    start_agent();
    run_server("s1");
    panel_->call("send_command", "s1", {{"command", "crash 5"}});
    const json crash = crashed();
    ASSERT_FALSE(crash.is_null());
    EXPECT_EQ(crash["error"]["code"], "CRASHED");
    EXPECT_THAT(crash["error"]["message"].get<std::string>(), HasSubstr("exit code 5"));
    EXPECT_TRUE(is("s1", "running")) << "after the backoff";
}

TEST_F(Faults, GivesUpAfterTooManyCrashes)
{
    start_agent(", crash: {max: 2, backoff: 200ms}");
    const json made = panel_->call("create_server", "s1",
                                   egg("s1", {{"startup", "/bin/sh -c 'exit 4'"}, {"done", "never"}}));
    ASSERT_TRUE(made["success"].get<bool>()) << made;
    panel_->call("start_server", "s1");
    const auto crashes = [&] {
        const auto events = panel_->events("server_status_changed");
        return std::count_if(events.begin(), events.end(),
                             [](const json& data) { return data["currentStatus"] == "crashed"; });
    };
    ASSERT_TRUE(wait_for([&] { return crashes() == 2; }));
    std::this_thread::sleep_for(3s); // longer than every backoff
    EXPECT_EQ(crashes(), 2) << "it was started again";
    ASSERT_TRUE(is("s1", "crashed"));
    EXPECT_EQ(status("s1")["error"]["code"], "CRASHED");
    EXPECT_TRUE(panel_->call("stop_server", "s1")["success"]);
}

TEST_F(Faults, AnEndFromWithinIsNotACrash)
{
    start_agent();
    run_server("s1");
    panel_->call("send_command", "s1", {{"command", "stop"}});
    EXPECT_TRUE(is("s1", "offline"));
    EXPECT_EQ(status("s1")["desired"], "offline");
}

TEST_F(Faults, SaysThatMemoryWasTheReason)
{
    start_agent(", crash: {restart: false}");
    run_server("s1", {{"limits", {{"memory", "32m"}}}});
    panel_->call("send_command", "s1", {{"command", "hog 200"}});
    const json crash = crashed();
    ASSERT_FALSE(crash.is_null());
    EXPECT_EQ(crash["error"]["code"], "OOM_KILLED") << crash;
    EXPECT_TRUE(is("s1", "crashed"));
}

TEST_F(Faults, ServersAndTheirConsolesSurviveTheAgent)
{
    start_agent();
    run_server("s1", {{"environment", {{"TICK", "50"}}}});
    ASSERT_TRUE(says("s1", "tick 5"));
    const json before = status("s1");
    for (int round = 0; round < 3; ++round) {
        kill_agent();
        std::this_thread::sleep_for(500ms);
        start_agent();
        ASSERT_TRUE(is("s1", "running")) << status("s1");
    }
    EXPECT_EQ(status("s1")["containerId"], before["containerId"]);
    std::vector<int> ticks;
    for (const std::string& line : console("s1"))
        if (line.starts_with("tick ")) ticks.push_back(std::stoi(line.substr(5)));
    ASSERT_GT(ticks.size(), 20u);
    for (std::size_t i = 0; i < ticks.size(); ++i) ASSERT_EQ(ticks[i], static_cast<int>(i) + 1);
    EXPECT_TRUE(panel_->call("stop_server", "s1")["success"]);
    EXPECT_TRUE(is("s1", "offline"));
}

TEST_F(Faults, ADeathWhileTheAgentWasAwayIsNoticed)
{
    start_agent();
    run_server("s1");
    const std::string id = status("s1")["containerId"];
    kill_agent();
    engine("POST", "/containers/" + id + "/kill?signal=KILL");
    start_agent();
    ASSERT_TRUE(is("s1", "running"));
    EXPECT_NE(status("s1")["containerId"], id);
    EXPECT_FALSE(crashed().is_null());
}

TEST_F(Faults, AnEngineRestartIsNotACrash)
{
    start_agent();
    run_server("s1", {{"environment", {{"TICK", "50"}}}});
    engine_->kill();
    ASSERT_TRUE(wait_for([&] { return status("s1").value("engine", "") == "away"; })) << status("s1");
    json away = panel_->call("stop_server", "s1");
    EXPECT_EQ(away["error"]["code"], "DOCKER_ERROR") << away;
    engine_->start();
    ASSERT_TRUE(wait_for([&] {
        const json now = status("s1");
        return now.value("status", "") == "running" && !now.contains("engine");
    })) << status("s1");
    for (const json& data : panel_->events("server_status_changed"))
        EXPECT_NE(data["currentStatus"], "crashed") << data;
    EXPECT_TRUE(panel_->call("send_command", "s1", {{"command", "say back again"}})["success"]);
    EXPECT_TRUE(says("s1", "back again"));
}

TEST_F(Faults, AContainerRemovedByHandIsCreatedAgain)
{
    start_agent();
    run_server("s1");
    const std::string id = status("s1")["containerId"];
    engine("DELETE", "/containers/" + id + "?force=1");
    ASSERT_TRUE(wait_for([&] {
        const json now = status("s1");
        return now.value("status", "") == "running" && now.value("containerId", id) != id;
    })) << status("s1");
}

TEST_F(Faults, ContainersOfOthersAreLeftAlone)
{
    engine("POST", "/containers/create?name=agenthost-s1",
           R"({"Image":"panelgame:1","Cmd":["/bin/sleep","600"]})");
    start_agent();
    ASSERT_TRUE(panel_->call("create_server", "s1", egg("s1"))["success"]);
    EXPECT_EQ(panel_->call("start_server", "s1")["data"]["status"], "starting");
    const json failed =
        panel_->event("server_status_changed", [](const json& data) { return data.contains("error"); });
    EXPECT_EQ(failed["currentStatus"], "offline") << failed;
    EXPECT_EQ(failed["error"]["code"], "CONFIG_INVALID") << failed;
    EXPECT_THAT(failed["error"].value("message", ""), HasSubstr("agenthost-s1"));
    ASSERT_TRUE(panel_->call("delete_server", "s1")["success"]);
    EXPECT_EQ(engine("GET", "/containers/agenthost-s1/json")["Name"], "/agenthost-s1");
}

TEST_F(Faults, WaitsForAnEngineThatIsMissing)
{
    engine_->stop();
    start_agent();
    const json refused = panel_->call("create_server", "s1", egg("s1"));
    EXPECT_EQ(refused["error"]["code"], "DOCKER_ERROR") << refused;
    EXPECT_TRUE(wait_for([&] {
        return agent_->status()["plugins"].dump().find("degraded") != std::string::npos;
    })) << agent_->status().dump(1);
    engine_->start();
    EXPECT_TRUE(
        wait_for([&] { return panel_->call("create_server", "s1", egg("s1"))["success"].get<bool>(); }));
}

} // namespace

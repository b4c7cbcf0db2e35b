// Both ends of ours together, over each of the five protocols: what a caller of the hub sees does not depend
// on which one it is.
#include "five.hpp"

using namespace agenthost::test;
using nlohmann::json;

namespace {

const std::string soon = ", reconnect: {initial: 50ms, max: 500ms}";
const std::string late = ", reconnect: {initial: 30s, max: 30s}"; // once out it stays out

using FiveProtocols = Five;
INSTANTIATE_TEST_SUITE_P(Over, FiveProtocols,
                         testing::Values("storage", "panel", "print", "dashboard", "signed"),
                         [](const auto& info) { return info.param; });

TEST_P(FiveProtocols, EveryKindOfAnswerIsTheSameForCallersOfTheHub)
{
    boot_hub();
    const auto node = agent(server(mint("node-01"), soon));
    ASSERT_TRUE(wait_for([&] { return online(); })) << node->log();

    const auto ping = command("host.ping");
    EXPECT_EQ(ping.status, 200) << ping.json;
    EXPECT_EQ(ping.json["status"], "success");
    const auto info = command("storage.info");
    EXPECT_EQ(info.status, 200) << info.json;
    EXPECT_EQ(info.json["data"]["agent_id"], "node-01") << info.json;
    EXPECT_EQ(info.json["data"]["files"], 0) << info.json;
    EXPECT_TRUE(info.json["data"]["free_bytes"].is_number_unsigned()) << info.json;
    const auto work = command("trial.work");
    EXPECT_EQ(work.status, 200) << work.json;
    EXPECT_EQ(work.json["data"], (json{{"steps", 2}, {"message", "worked"}})) << work.json;
    const auto echo = command("trial.echo", {{"text", "é\"\\\n\u2028"}, {"n", {1, 2.5, nullptr, true}}});
    EXPECT_EQ(echo.json["data"]["params"], (json{{"text", "é\"\\\n\u2028"}, {"n", {1, 2.5, nullptr, true}}}))
        << echo.json;

    const auto failed =
        command("trial.fail", {{"code", "DISK_FULL"}, {"message", "Disk full"}, {"detail", "make space"}});
    EXPECT_EQ(failed.status, 507) << failed.json;
    EXPECT_EQ(failed.json["status"], "error");
    EXPECT_EQ(failed.json["error"]["code"], "DISK_FULL") << failed.json;
    EXPECT_EQ(failed.json["error"]["message"], "Disk full") << failed.json;
    const auto unknown = command("no.such");
    EXPECT_EQ(unknown.status, 400) << unknown.json;
    EXPECT_EQ(unknown.json["error"]["code"], "UNKNOWN_ACTION") << unknown.json;
    EXPECT_EQ(node->stop(), 0) << node->log();
    ASSERT_TRUE(wait_for([&] { return !online(); }));
    EXPECT_EQ(command("host.ping").json["error"]["code"], "AGENT_OFFLINE");
    EXPECT_EQ(hub_->stop(), 0) << hub_->log();
}

TEST_P(FiveProtocols, ASecondSessionReplacesTheFirst)
{
    boot_hub();
    const auto credential = mint("node-01");
    const auto first = agent(server(credential, late), "first");
    ASSERT_TRUE(wait_for([&] { return online() && first->session_state("hub") == "ready"; })) << first->log();
    const auto second = agent(server(credential, late), "second");
    ASSERT_TRUE(wait_for([&] { return second->session_state("hub") == "ready"; })) << second->log();
    ASSERT_TRUE(wait_for([&] { return first->session_state("hub") == "waiting"; })) << first->log();
    // A command goes to the second, and to it alone. (The first answer shows the hub that a signed agent
    // repeats ids.)
    ASSERT_EQ(command("host.ping").status, 200);
    const auto held = command("trial.hold", json::object(), 0);
    ASSERT_EQ(held.status, 202) << held.json;
    ASSERT_TRUE(wait_for([&] { return runs("second") == 1; })) << held.json;
    EXPECT_EQ(runs("first"), 0u);
    EXPECT_EQ(command("trial.release").status, 200);
    ASSERT_TRUE(wait_for([&] { return state(held.json["id"]) == "success"; }));
}

TEST_P(FiveProtocols, ARestartOfTheHubLosesNoCommand)
{
    boot_hub();
    const auto node = agent(server(mint("node-01"), soon));
    ASSERT_TRUE(wait_for([&] { return online(); })) << node->log();
    const auto held = command("trial.hold", json::object(), 0);
    ASSERT_EQ(held.status, 202) << held.json;
    ASSERT_TRUE(wait_for([&] { return runs() == 1; })) << held.json;
    restart_hub(true);
    if (HasFatalFailure()) return;
    // It ends while nobody may be there to hear it; the journal keeps the result.
    EXPECT_EQ(node->call("trial.release").code, 0) << node->log();
    ASSERT_TRUE(wait_for([&] { return online(); })) << node->log();
    EXPECT_TRUE(wait_for([&] { return state(held.json["id"]) == "success"; }))
        << ask("GET", "/api/tasks/" + held.json["id"].get<std::string>()).json << node->log();
    EXPECT_EQ(runs(), 1u) << "it ran twice";
    EXPECT_EQ(command("host.ping").status, 200);
}

TEST_P(FiveProtocols, AKilledAgentReportsItsCommandAsInterrupted)
{
    boot_hub();
    const auto entry = server(mint("node-01"), soon);
    auto node = agent(entry);
    ASSERT_TRUE(wait_for([&] { return online(); })) << node->log();
    const auto held = command("trial.hold", json::object(), 0);
    ASSERT_EQ(held.status, 202) << held.json;
    ASSERT_TRUE(wait_for([&] { return runs() == 1; })) << held.json;
    node->kill9();
    ASSERT_TRUE(wait_for([&] { return !online(); }));
    node = agent(entry);
    json task;
    EXPECT_TRUE(wait_for([&] {
        task = ask("GET", "/api/tasks/" + held.json["id"].get<std::string>()).json;
        return task.value("status", "") == "error";
    })) << task
        << node->log();
    EXPECT_EQ(task["error"]["code"], "INTERRUPTED") << task;
    EXPECT_EQ(runs(), 1u) << "it ran twice";
}

TEST_P(FiveProtocols, ARevokedAgentIsDisconnectedAndStaysOut)
{
    boot_hub();
    const auto node = agent(server(mint("node-01"), soon));
    ASSERT_TRUE(wait_for([&] { return online(); })) << node->log();
    const auto ran = hub_->cli({"hub", "agent", "revoke", "node-01"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    ASSERT_TRUE(wait_for([&] { return node->session_state("hub") == "waiting"; })) << node->log();
    EXPECT_FALSE(online());
    const auto problem = node->status()["servers"][0].value("problem", "");
    EXPECT_FALSE(problem.empty()) << "a person asks why";
    EXPECT_NE(node->log().find(problem), std::string::npos) << problem << node->log();
    EXPECT_NE(command("host.ping", json::object(), 1).status, 200);
}

// What only one of them has.
using PrintShop = Five;
INSTANTIATE_TEST_SUITE_P(Over, PrintShop, testing::Values("print"),
                         [](const auto& info) { return info.param; });

TEST_P(PrintShop, ATaskWaitsForItsShopAndItsConfigurationIsConfirmed)
{
    boot_hub();
    const auto credential = mint("kitchen");
    const auto entry =
        server(credential,
               soon + ", print: {shop_id: kitchen}, map: {task_print: trial.echo, task_config: trial.echo}");
    const auto task = [&](const json& body) { return ask("POST", "/api/agent-tasks", body); };
    const auto waiting = task({{"shopId", "kitchen"},
                               {"command", "print"},
                               {"payload", {{"data", "G0A="}, {"encoding", "base64"}}}});
    ASSERT_EQ(waiting.status, 202) << waiting.json;
    EXPECT_EQ(waiting.json["status"], "pending") << waiting.json;
    const auto done = [&](const Answer& of) {
        return wait_for([&] {
            return ask("GET", "/api/agent-tasks/" + of.json["id"].get<std::string>())
                       .json.value("status", "") == "success";
        });
    };
    auto node = agent(entry);
    EXPECT_TRUE(done(waiting)) << node->log();
    // Gone and back: what was asked for meanwhile is done then.
    EXPECT_EQ(node->stop(), 0) << node->log();
    ASSERT_TRUE(wait_for([&] { return !online("kitchen"); }));
    const auto config = task({{"shopId", "kitchen"},
                              {"command", "config"},
                              {"payload", {{"updates", {{"telemetry", {{"intervalSeconds", 1}}}}}}}});
    EXPECT_EQ(config.json["status"], "pending") << config.json;
    restart_hub(true);
    if (HasFatalFailure()) return;
    node = agent(entry);
    EXPECT_TRUE(done(config)) << node->log();
    EXPECT_TRUE(wait_for([&] {
        return ask("GET", "/api/agent-tasks/" + config.json["id"].get<std::string>())
            .json.contains("confirmedAt");
    })) << ask("GET", "/api/agent-heartbeat").json;
    const auto ping = task({{"shopId", "kitchen"}, {"command", "ping"}});
    EXPECT_TRUE(done(ping)) << ask("GET", "/api/agent-tasks/" + ping.json["id"].get<std::string>()).json;
    const auto beat = ask("GET", "/api/agent-heartbeat?shopId=kitchen");
    EXPECT_EQ(beat.json["shops"][0]["status"], "online") << beat.json;
    EXPECT_EQ(beat.json["shops"][0]["lastTask"]["id"], ping.json["id"]) << beat.json;
}

using PanelNode = Five;
INSTANTIATE_TEST_SUITE_P(Over, PanelNode, testing::Values("panel"),
                         [](const auto& info) { return info.param; });

TEST_P(PanelNode, RegistersItselfAndUsesTheNewCredentials)
{
    write_file(dir_ / "enroll", sha256_hex("enroll" + dir_.path().string()) + "\n");
    boot_hub(", enroll_token: {file: '" + (dir_ / "enroll").string() + "'}");
    const auto entry = [&] {
        return "{name: hub, protocol: panel, allow: ['host.*'], panel: {register_url: '" + url_ +
               "/api/agents/register', admin_credential: {file: '" + (dir_ / "enroll").string() + "'}}" +
               soon + "}";
    };
    auto node = agent(entry());
    ASSERT_TRUE(wait_for([&] { return node->session_state("hub") == "ready"; })) << node->log();
    const auto list = ask("GET", "/api/agents").json["agents"];
    ASSERT_EQ(list.size(), 1u) << list;
    const auto id = list[0]["id"].get<std::string>();
    EXPECT_EQ(ask("POST", "/api/agents/" + id + "/commands", {{"action", "host.ping"}}).status, 200);
    EXPECT_EQ(node->stop(), 0) << node->log();
    restart_hub(true);
    if (HasFatalFailure()) return;
    node = agent(entry());
    ASSERT_TRUE(wait_for([&] { return node->session_state("hub") == "ready"; })) << node->log();
    EXPECT_EQ(ask("GET", "/api/agents").json["agents"].size(), 1u) << "it registered again";
    // Revoked: that id stays out, whatever it still has.
    EXPECT_EQ(hub_->cli({"hub", "agent", "revoke", id}).code, 0);
    EXPECT_TRUE(wait_for([&] { return node->log().find("revoked") != std::string::npos; })) << node->log();
    EXPECT_FALSE(online(id));
    EXPECT_NE(
        ask("POST", "/api/agents/" + id + "/commands", {{"action", "host.ping"}, {"timeout", 1}}).status,
        200);
}

} // namespace

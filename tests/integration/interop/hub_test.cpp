// Our hub and independent agents (node/agents.mjs, written from the documents): they check every frame the
// hub sends; the hub shows what they do as it does for our own agents, and refuses what it must.
#include "tests/e2e/five.hpp"
#include "tests/support/secrets.hpp"

#include <sstream>

using namespace agenthost::test;
using nlohmann::json;

namespace {

class HubWithIndependentAgents : public Five {
protected:
    void SetUp() override
    {
        const auto enroll = sha256_hex("enroll" + dir_.path().string());
        write_file(dir_ / "enroll", enroll + "\n");
        boot_hub(", ping_interval: 1s, enroll_token: {file: '" + (dir_ / "enroll").string() + "'}");
        if (HasFatalFailure()) return;
        env_["INTEROP_ENROLL"] = enroll;
        if (protocol() == "panel") return; // registers by itself
        auto credential = read_file(mint("node-01"));
        credential.pop_back();
        env_["INTEROP_CREDENTIAL"] = credential;
    }
    std::unique_ptr<Process> other(const std::string& scenario) const
    {
        return std::make_unique<Process>(Process::Options{
            .argv = {"node",
                     (agenthost::test::source_dir() / "tests/integration/interop/node/agents.mjs").string(),
                     protocol(), url_, scenario},
            .env = env_});
    }
    static json said(const Process& process, const std::string& key)
    {
        std::istringstream in{process.out()};
        for (std::string line; std::getline(in, line);)
            if (const json one = json::parse(line, nullptr, false); one.is_object() && one.contains(key))
                return one[key];
        return nullptr;
    }
    Answer run(const std::string& action, const json& params = json::object(),
               const json& more = json::object())
    {
        json body{{"action", action}, {"params", params}};
        body.update(more);
        return ask("POST", "/api/agents/" + id_ + "/commands", body);
    }

    void expect_answers_to_commands(const Process& agent)
    {
        const auto echo = run("test.echo", params_);
        EXPECT_EQ(echo.status, 200) << echo.json << agent.err();
        EXPECT_EQ(echo.json["data"]["params"], params_) << echo.json;
        const auto failed = run("test.fail");
        EXPECT_EQ(failed.status, 507) << failed.json;
        EXPECT_EQ(failed.json["error"]["code"], "DISK_FULL") << failed.json;
        EXPECT_EQ(failed.json["error"]["message"], "Disk full") << failed.json;
        const auto unknown = run("no.such");
        EXPECT_EQ(unknown.status, 400) << unknown.json;
        EXPECT_EQ(unknown.json["error"]["code"], "UNKNOWN_ACTION") << unknown.json;
    }
    void expect_pings_and_events(const Process& agent)
    {
        EXPECT_TRUE(wait_for([&] { return said(agent, "ping") == true; })) << "the hub pings";
        EXPECT_TRUE(wait_for([&] {
            return ask("GET", "/api/agents/" + id_ + "/health").json["facts"]["active_servers"] == 3;
        })) << ask("GET", "/api/agents/" + id_ + "/health").json;
        const auto events = ask("GET", "/api/agents/" + id_ + "/events").json["events"];
        ASSERT_FALSE(events.empty());
        EXPECT_EQ(events[0]["topic"], "server_status_changed") << events;
        EXPECT_EQ(events[0]["data"]["pid"], 1234) << events;
    }
    // A task of a shop's, and what it has become when it is done.
    json task(const Process& agent, const std::string& command, const json& payload)
    {
        const auto id =
            ask("POST", "/api/agent-tasks", {{"shopId", id_}, {"command", command}, {"payload", payload}})
                .json["id"]
                .get<std::string>();
        json now;
        EXPECT_TRUE(wait_for([&] {
            now = ask("GET", "/api/agent-tasks/" + id).json;
            return now["status"] == "success" && (command != "config" || now.contains("confirmedAt"));
        })) << now
            << agent.err();
        return now;
    }
    void expect_tasks_of_a_shop(const Process& agent)
    {
        const json order{{"printer", {{"vendorId", 4070}, {"productId", 33054}}},
                         {"data", "G0A="},
                         {"encoding", "base64"},
                         {"reason", "remote-test"}};
        const json printed = task(agent, "print", order);
        EXPECT_EQ(printed["message"], "Printed") << printed;
        EXPECT_EQ(printed["meta"]["bytesSent"], 2) << printed;
        task(agent, "config", {{"updates", {{"telemetry", {{"intervalSeconds", 30}}}}}});
        task(agent, "ping", json::object());
        const auto logs = ask("GET", "/api/agents/" + id_ + "/logs").json["logs"];
        ASSERT_FALSE(logs.empty());
        EXPECT_EQ(logs[0]["message"], "USB reconnect") << logs;
    }
    void expect_terminal_commands(const Process& agent)
    {
        const auto done = run("terminal.run", {{"command", "ls -la"}, {"priority", "normal"}});
        EXPECT_EQ(done.status, 200) << done.json << agent.err();
        EXPECT_EQ(done.json["data"]["exit_code"], 0) << done.json;
        EXPECT_EQ(run("terminal.run", {{"command", "false"}, {"priority", "high"}}).json["data"]["exit_code"],
                  1);
    }
    void expect_routes_of_signed_agents()
    {
        const auto list = ask("GET", "/api/websocket/agents").json["agents"];
        ASSERT_EQ(list.size(), 1u) << list;
        EXPECT_EQ(list[0]["agentId"], id_) << list;
        const auto one = ask("POST", "/api/websocket/agents/" + id_ + "/command",
                             {{"command", "test.echo"}, {"args", params_}});
        EXPECT_EQ(one.json["result"]["params"], params_) << one.json;
        EXPECT_EQ(ask("GET", "/api/agents/" + id_ + "/metrics").json["latest"]["cpu_percent"], 25.5);
        const auto logs = ask("GET", "/api/agents/" + id_ + "/logs").json["logs"];
        ASSERT_FALSE(logs.empty());
        EXPECT_EQ(logs[0]["message"], "é\"\\ \u2028") << logs;
    }

    const json params_{{"text", "é\"\\\n\u2028"}, {"n", {1, 2.5, nullptr, 1e21}}};
    std::string id_ = "node-01";
    std::map<std::string, std::string> env_;
};
INSTANTIATE_TEST_SUITE_P(Over, HubWithIndependentAgents,
                         testing::Values("storage", "panel", "print", "dashboard", "signed"),
                         [](const auto& info) { return info.param; });

TEST_P(HubWithIndependentAgents, ExchangesEveryKindOfMessage)
{
    const auto agent = other("serve");
    ASSERT_TRUE(wait_for([&] { return said(*agent, "ready") == true || !agent->running(); }));
    if (protocol() == "panel") id_ = said(*agent, "id").get<std::string>();
    ASSERT_TRUE(wait_for([&] { return online(id_); })) << agent->err() << hub_->log();

    expect_answers_to_commands(*agent);
    if (protocol() == "panel") expect_pings_and_events(*agent);
    if (protocol() == "print") expect_tasks_of_a_shop(*agent);
    if (protocol() == "dashboard") expect_terminal_commands(*agent);
    if (protocol() == "signed") expect_routes_of_signed_agents();
    EXPECT_TRUE(agent->running()) << agent->err() << "--- the hub's log ---\n" << hub_->log();
}

TEST_P(HubWithIndependentAgents, RefusesInvalidCredentialsAndMessages)
{
    const auto agent = other("wrong");
    ASSERT_TRUE(wait_for([&] { return !agent->running(); }));
    EXPECT_EQ(said(*agent, "passed"), true) << agent->err() << "--- the hub's log ---\n" << hub_->log();
}

} // namespace

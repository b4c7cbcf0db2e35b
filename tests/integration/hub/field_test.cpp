// The hub with agents as deployed ("seen in the field" in NOTES.md), written in node: field_print.mjs,
// field_panel.mjs, field_signed.mjs; field_node.mjs and field_dashboard.mjs use the field dialects of panel
// and dashboard. And wrong first frames (first_frame.mjs).
#include "fixture.hpp"

#include "tests/unit/hub/node_jwt.hpp"

#include <chrono>
#include <ctime>

using namespace agenthost::test;
using agenthost::hub_test::node_sign;
using nlohmann::json;

namespace {

const std::string till = R"({"server":"wss://hub.example.com","shopId":"n1","charset":"cp850"})";

class HubInTheField : public HubDaemon {
protected:
    void start(const std::string& more)
    {
        write_file(dir_ / "jwt", jwt_secret, 0600);
        boot("jwt_secret: {file: '" + (dir_ / "jwt").string() + "'}" + (more.empty() ? "" : ", " + more));
    }
    std::string ws(const std::string& path) const { return "ws" + url_.substr(4) + path; }
    static std::string token(const std::string& sub)
    {
        const auto now = static_cast<std::int64_t>(std::time(nullptr));
        return node_sign(
            "HS256", jwt_secret,
            {{"sub", sub}, {"role", "agent"}, {"iat", now - 5}, {"exp", now + 600}, {"jti", sub}});
    }
    std::unique_ptr<NodeAgent> shop(std::vector<std::string> modes, const std::string& settings = till)
    {
        std::vector<std::string> args{ws("/print-agent"), "n1", "secret-of-n1", settings};
        args.insert(args.end(), modes.begin(), modes.end());
        return std::make_unique<NodeAgent>("field_print.mjs", std::move(args));
    }
    std::unique_ptr<NodeAgent> panel(const std::string& named, const std::string& form)
    {
        return std::make_unique<NodeAgent>(
            "field_panel.mjs", std::vector<std::string>{ws("/ws/agents"), token("p1"), named, form});
    }
    json task(const std::string& word, const json& payload)
    {
        const auto made =
            ask("POST", "/api/agent-tasks", {{"shopId", "n1"}, {"command", word}, {"payload", payload}});
        EXPECT_EQ(made.status, 202) << made.body;
        return made.json;
    }
    json order() { return task("print", {{"data", "G0A="}, {"encoding", "base64"}}); }
    json of(const json& made) { return ask("GET", "/api/agent-tasks/" + made.value("id", "")).json; }
    bool becomes(const json& made, const std::string& status)
    {
        return wait_for([&] { return of(made).value("status", "") == status; });
    }
    // Commands go out in order: whatever was to be sent again came before the ping that is answered.
    void expect_nothing_printed(NodeAgent& agent)
    {
        agent.wait("ack");
        ASSERT_TRUE(becomes(task("ping", json::object()), "success"));
        EXPECT_TRUE(agent.said("printed").empty()) << "the same order twice on paper";
    }
    static void expect_unknown(const json& task)
    {
        EXPECT_EQ(task["meta"]["outcome"], "unknown") << task;
        EXPECT_EQ(task["sent"], 1) << task;
    }
    std::size_t logged(const std::string& part) const
    {
        const std::string log = daemon_->log();
        std::size_t count = 0;
        for (auto at = log.find(part); at != std::string::npos; at = log.find(part, at + 1)) ++count;
        return count;
    }
};

TEST_F(HubInTheField, APrintCutInTheMiddleIsNotPrintedAgain)
{
    start("agent_grace: 1s");
    const auto first = shop({"cut"});
    first->wait("ack");
    const json made = order();
    EXPECT_EQ(first->wait("printed"), "1b40");
    EXPECT_FALSE(first->wait("closed").is_null());
    const auto second = shop({});
    expect_nothing_printed(*second);
    ASSERT_TRUE(becomes(made, "error")) << of(made);
    expect_unknown(of(made));
    // A later order is another matter.
    ASSERT_TRUE(becomes(order(), "success"));
    EXPECT_EQ(second->said("printed").size(), 1U);
}

TEST_F(HubInTheField, APrintIsNotRepeatedByAHubThatWasKilledMeanwhile)
{
    start("agent_grace: 1s");
    const auto first = shop({"mute"});
    first->wait("ack");
    const json made = order();
    first->wait("printed");
    daemon_->kill9();
    first->wait("closed");
    restart();
    const auto second = shop({});
    expect_nothing_printed(*second);
    ASSERT_TRUE(becomes(made, "error")) << of(made);
    expect_unknown(of(made));
}

TEST_F(HubInTheField, APrintIsRepeatedWhereAPersonHasAllowedIt)
{
    start("agent_grace: 1s, redispatch: {n1: 1}");
    const auto first = shop({"cut"});
    first->wait("ack");
    const json made = order();
    first->wait("printed");
    const auto second = shop({"cut"});
    second->wait("printed");
    const auto third = shop({});
    expect_nothing_printed(*third);
    ASSERT_TRUE(becomes(made, "error")) << of(made);
    EXPECT_EQ(of(made)["sent"], 2) << of(made);
}

TEST_F(HubInTheField, AConfigurationChangesTheNamedSettingsAndNoOthers)
{
    start({});
    const json wish{{"charset", "cp437"}, {"telemetry", {{"intervalSeconds", 10}}}};
    json want = json::parse(till);
    want.update(wish);
    for (const auto& modes : {std::vector<std::string>{"merges"}, {"merges", "nested"}, {}, {"nested"}}) {
        const auto agent = shop(modes);
        agent->wait("ack");
        const json wrapped = task("config", {{"updates", wish}});
        EXPECT_EQ(agent->wait("settings"), want) << "an id or an \"updates\" is no setting";
        ASSERT_TRUE(becomes(wrapped, "success"));
        EXPECT_TRUE(wait_for([&] { return of(wrapped).contains("confirmedAt"); })) << of(wrapped);
        ASSERT_TRUE(becomes(task("config", wish), "success"));
        EXPECT_EQ(agent->wait("settings", 1), want) << "given flat to the REST API";
    }
}

TEST_F(HubInTheField, AFlatRegisterIsAcknowledged)
{
    start("trust_shop_id: true");
    const auto agent = shop({});
    EXPECT_EQ(agent->wait("ack")["payload"]["message"], "ok");
    ASSERT_TRUE(wait_for([&] { return online("n1"); }));
    const json shown = ask("GET", "/api/agents/n1").json;
    EXPECT_EQ(shown["version"], "0.1.4") << shown;
    EXPECT_EQ(shown["platform"], "win32") << shown;
    EXPECT_EQ(shown["capabilities"], (json{"usb", "remote-test"})) << shown;
    NodeAgent nameless{"field_print.mjs", {ws("/print-agent"), "corner", "", "{}", "headerless"}};
    nameless.wait("ack");
    EXPECT_TRUE(wait_for([&] { return online("corner"); }));
}

TEST_F(HubInTheField, APanelAgentNeedsNoHeaderForWhatItsTokenSays)
{
    start({});
    for (const char* named : {"none", "node=p1", "agent=p1"}) {
        const auto agent = panel(named, "envelope");
        agent->wait("open");
        EXPECT_TRUE(wait_for([&] { return online("p1"); })) << named;
        EXPECT_EQ(agent->wait("server"), "agenthost") << "the product, not a library and its version";
        agent->process().signal(SIGTERM);
        EXPECT_TRUE(wait_for([&] { return !online("p1"); })) << named;
    }
    EXPECT_EQ(panel("node=p2", "envelope")->wait("refused"), 401) << "another's name";
}

TEST_F(HubInTheField, AnAnswerOfProcessingIsNotTheResult)
{
    start("ping_interval: 1s, agent_grace: 1s");
    for (const char* form : {"envelope", "data"}) {
        auto agent = panel("none", form);
        agent->wait("open");
        ASSERT_TRUE(wait_for([&] { return online("p1"); }));
        const auto command = [&](const char* word, int timeout) {
            return ask("POST", "/api/agents/p1/commands",
                       {{"action", word}, {"params", {{"serverId", "server_123"}}}, {"timeout", timeout}});
        };
        const auto started = command("start_server", 60);
        EXPECT_EQ(started.status, 200) << form << started.body;
        EXPECT_EQ(started.json["data"]["status"], "running") << form << started.body;
        const auto stopped = command("stop_server", 60);
        EXPECT_EQ(stopped.status, 404) << form << stopped.body;
        EXPECT_EQ(stopped.json["error"]["code"], "CONTAINER_NOT_FOUND") << form << stopped.body;
        // A command whose agent leaves after "processing" is never a success.
        const std::string id = command("restart_server", 0).json["id"];
        const auto state = [&] { return ask("GET", "/api/tasks/" + id).json["status"]; };
        EXPECT_TRUE(wait_for([&] { return state() == "running"; })) << form << state();
        agent.reset();
        EXPECT_TRUE(wait_for([&] { return state() == "error"; })) << form << state();
    }
}

TEST_F(HubInTheField, AnAgentThatSendsANodeIdUsesPanelsFieldDialect)
{
    start("agent_grace: 1s");
    auto agent = std::make_unique<NodeAgent>("field_node.mjs",
                                             std::vector<std::string>{ws("/ws/agents"), token("p1"), "p1"});
    agent->wait("system_info_request");
    ASSERT_TRUE(wait_for([&] { return online("p1"); }));
    EXPECT_EQ(ask("GET", "/api/agents/p1").json["protocol"], "panel");
    const auto command = [&](const char* word, int timeout) {
        return ask("POST", "/api/agents/p1/commands",
                   {{"action", word}, {"params", {{"serverId", "server_123"}}}, {"timeout", timeout}});
    };
    const auto started = command("start_server", 60);
    EXPECT_EQ(started.status, 200) << started.body;
    EXPECT_EQ(started.json["data"]["status"], "running") << started.body;
    const json asked = agent->wait("command");
    EXPECT_EQ(asked["data"]["action"], "start_server") << asked;
    EXPECT_EQ(asked["data"]["id"], started.json["id"]) << asked;
    EXPECT_FALSE(asked.contains("action")) << "only under data: " << asked;
    const auto stopped = command("stop_server", 60);
    EXPECT_EQ(stopped.status, 404) << stopped.body;
    EXPECT_EQ(stopped.json["error"]["code"], "CONTAINER_NOT_FOUND") << stopped.body;
    EXPECT_EQ(agent->said("ping").size(), 0U) << "field agents do not know pings";
    // A command whose agent leaves after "processing" is never a success.
    const std::string id = command("restart_server", 0).json["id"];
    const auto state = [&] { return ask("GET", "/api/tasks/" + id).json["status"]; };
    EXPECT_TRUE(wait_for([&] { return state() == "running"; })) << state();
    agent.reset();
    EXPECT_TRUE(wait_for([&] { return state() == "error"; })) << state();
}

TEST_F(HubInTheField, AnAgentThatSendsAgentConnectUsesDashboardsFieldDialect)
{
    start("ping_interval: 1s, agent_grace: 1s");
    for (const char* how : {"query", "bearer"}) {
        NodeAgent agent{"field_dashboard.mjs", {ws("/ws/agent"), token("d1"), "its-own-name", how}};
        EXPECT_EQ(agent.wait("ACK")["payload"]["agentId"], "d1") << "the token's subject is assigned";
        ASSERT_TRUE(wait_for([&] { return online("d1"); }));
        const json shown = ask("GET", "/api/agents/d1").json;
        EXPECT_EQ(shown["protocol"], "dashboard") << shown;
        EXPECT_EQ(shown["version"], "1.2.3") << shown;
        const auto ran = command("d1", "terminal.run", {{"argv", {"echo", "a b"}}, {"priority", "high"}});
        EXPECT_EQ(ran.status, 200) << ran.body;
        EXPECT_EQ(ran.json["data"]["exit_code"], 0) << ran.body;
        const json asked = agent.wait("COMMAND_REQUEST")["payload"];
        EXPECT_EQ(asked["content"], "echo") << asked;
        EXPECT_EQ(asked["args"], json{"a b"}) << asked;
        EXPECT_EQ(asked["priority"], 0) << asked;
        const std::string id = ran.json["id"];
        EXPECT_EQ(ask("GET", "/api/commands/" + id + "/output").body, "echo a b\n");
        EXPECT_EQ(command("d1", "terminal.run", {{"command", "false"}}).json["data"]["exit_code"], 1);
        agent.wait("PING", 1); // the first was answered
        EXPECT_TRUE(online("d1"));
        EXPECT_TRUE(agent.said("wrong").empty()) << agent.said("wrong").front();
        EXPECT_TRUE(agent.said("ERROR").empty()) << agent.said("ERROR").front();
        agent.process().signal(SIGTERM);
        ASSERT_TRUE(wait_for([&] { return !online("d1"); }));
    }
}

TEST_F(HubInTheField, AHeartbeatFromAFieldAgentIsAnsweredByAnError)
{
    start({});
    NodeAgent agent{"field_dashboard.mjs", {ws("/ws/agent"), token("d1"), "d1", "beats"}};
    const json error = agent.wait("ERROR");
    EXPECT_EQ(error["payload"]["code"], "INVALID_MESSAGE") << error;
    EXPECT_TRUE(agent.said("wrong").empty());
    EXPECT_TRUE(online("d1")) << "its session goes on";
}

// It takes the hub's timeout for an unanswered command, a minute.
TEST_F(HubInTheField, ASignedCommandThatIsNeverAnsweredGivesWayToTheNext)
{
    start({});
    NodeAgent agent{"field_signed.mjs", {ws("/agent"), "n2", "secret-of-n2"}};
    ASSERT_TRUE(wait_for([&] { return online("n2"); }));
    const auto version = command("n2", "get_version", {{"channel", "stable"}, {"build", "7"}});
    EXPECT_EQ(version.json["data"]["args"], (json{{"channel", "stable"}, {"build", "7"}})) << version.body;
    const auto reboot = ask("POST", "/api/agents/n2/commands", {{"action", "reboot"}, {"timeout", 0}});
    ASSERT_EQ(reboot.status, 202) << reboot.body;
    const auto lost = ask("POST", "/api/agents/n2/commands", {{"action", "fly"}, {"timeout", 0}});
    ASSERT_EQ(lost.status, 202) << lost.body;
    EXPECT_EQ(agent.wait("command", 1), "reboot");
    EXPECT_EQ(agent.said("command").size(), 2U) << "one at a time";
    // Both wait no longer than a minute each, and what is answered late is known by its command.
    const auto state = [&](const Answer& made) {
        return ask("GET", "/api/tasks/" + made.json["id"].get<std::string>()).json;
    };
    EXPECT_TRUE(wait_for([&] { return state(reboot)["status"] == "success"; }, std::chrono::seconds{100}))
        << state(reboot);
    EXPECT_EQ(state(reboot)["data"], "rebooted after all");
    EXPECT_EQ(agent.wait("command", 2), "fly");
    EXPECT_EQ(logged("has not answered reboot"), 1U);
    EXPECT_TRUE(agent.said("closed").empty()) << "its session goes on";
    EXPECT_TRUE(agent.said("unexpected").empty());
}

struct FirstFrame {
    const char *name, *path, *frame, *close, *log;
    bool shop = false; // names itself in the upgrade
};

class HubFirstFrame : public HubInTheField, public testing::WithParamInterface<FirstFrame> {};

const std::string big =
    R"({"type":"register","payload":{"shopId":"hunter2","devices":")" + std::string(20'000, 'x') + "\"}}";

INSTANTIATE_TEST_SUITE_P(
    Of, HubFirstFrame,
    testing::Values(
        FirstFrame{"StorageAsAnotherProtocol", "/ws/storage", R"({"type":"login","password":"hunter2"})",
                   "1008 the first frame must be an auth frame", "an object with type \"login\", password"},
        FirstFrame{"StorageThatIsNoJson", "/ws/storage", "AUTH hunter2",
                   "1008 the first frame must be an auth frame", "12 bytes, not JSON"},
        FirstFrame{"StorageInBinary", "/ws/storage", "binary", "1003 this protocol has text frames only",
                   "a binary frame of 2 bytes"},
        FirstFrame{"PrintThatDoesNotRegister", "/print-agent",
                   R"({"type":"heartbeat","payload":{"shopId":"hunter2"}})",
                   "1008 the first frame must be a register frame",
                   "an object with type \"heartbeat\", payload", true},
        FirstFrame{"PrintInBinary", "/print-agent", "binary", "1003 this protocol has text frames only",
                   "a binary frame of 2 bytes", true},
        FirstFrame{"PrintTooLarge", "/print-agent", big.c_str(), "1009", "16384 bytes"},
        FirstFrame{"DashboardThatDoesNotConnect", "/ws/agent?token=",
                   R"({"type":"COMMAND_ACK","id":"1","timestamp":1,"payload":{"agentId":"hunter2"}})",
                   "1008 the first frame must be an agent:connect frame",
                   "an object with type \"COMMAND_ACK\", id, timestamp, payload"},
        FirstFrame{"FieldDialectWithoutAnAgent", "/ws/agent?token=",
                   R"({"type":"AGENT_CONNECT","id":"1","timestamp":1,"payload":{"name":"hunter2"}})",
                   "1008 the first frame must be an AGENT_CONNECT frame",
                   "an object with type \"AGENT_CONNECT\", id, timestamp, payload"},
        FirstFrame{"SignedWithoutASignature", "/agent",
                   R"({"type":"auth","agentId":"n2","ts":1,"nonce":"hunter2","payload":{}})",
                   "1008 invalid_signature", "an object with type \"auth\", agentId, ts, nonce, payload"},
        FirstFrame{"SignedThatIsNoJson", "/agent", "hunter2", "1003 invalid_json", "7 bytes, not JSON"}),
    [](const auto& info) { return info.param.name; });

TEST_P(HubFirstFrame, IsSaidOnceInTheLogTheCloseAndTheList)
{
    start({});
    const FirstFrame& bad = GetParam();
    std::string path = bad.path;
    if (path.ends_with("token=")) path += token("p1");
    std::vector<std::string> args{ws(path), bad.frame};
    if (bad.shop) {
        args.insert(args.end(), {"X-Shop-Id=n1", "Authorization=Bearer secret-of-n1"});
    }
    NodeAgent agent{"first_frame.mjs", args};
    const std::string closed =
        std::to_string(agent.wait("closed").get<int>()) + " " + agent.wait("reason").get<std::string>();
    EXPECT_TRUE(closed.starts_with(bad.close)) << closed;
    EXPECT_EQ(closed.find("hunter2"), std::string::npos) << closed;
    ASSERT_TRUE(wait_for([&] { return logged(bad.log) == 1; })) << daemon_->log();
    const json list = ask("GET", "/api/agents").json["failing"];
    ASSERT_EQ(list.size(), 1U) << list;
    EXPECT_EQ(list[0]["count"], 1) << list;
    EXPECT_EQ(list[0]["address"], "127.0.0.1") << list;
    EXPECT_EQ(list[0].value("id", ""), bad.shop ? "n1" : path.starts_with("/ws/agent") ? "p1" : "") << list;
    EXPECT_EQ(list.dump().find("hunter2"), std::string::npos) << list;
    // A second one is counted, not another entry; the log names no value of either.
    NodeAgent again{"first_frame.mjs", args};
    again.wait("closed");
    EXPECT_TRUE(wait_for([&] { return ask("GET", "/api/agents").json["failing"][0]["count"] == 2; }));
    EXPECT_EQ(logged("hunter2"), 0U);
}

} // namespace

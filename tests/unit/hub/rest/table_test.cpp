// The command API and the signed routes with tables in memory, and the names and codes that all protocols
// share.
#include "tests/unit/hub/parts.hpp"

#include "plugins/hub/core/action_words.hpp"
#include "tests/support/support.hpp"

#include <set>

using namespace agenthost::hub_test;
namespace wire = agenthost::wire;
using namespace std::chrono_literals;
using agenthost::wire::Outcome;
using agenthost::wire::Protocol;

namespace {

std::string_view said(Protocol protocol, std::string_view action)
{
    static const ActionWords words;
    return words.word(wire::name(protocol), action);
}

TEST(HubWords, ComeFromTheManifestsOfThisRepository)
{
    const ActionWords words;
    const auto manifest = [](const char* plugin) {
        const auto file = agenthost::test::source_dir() / "plugins" / plugin / "manifest.json";
        return json::parse(agenthost::test::read_file(file));
    };
    for (const char* plugin : {"storage", "telemetry", "terminal", "printer"}) {
        const json aliases = manifest(plugin).at("aliases");
        EXPECT_FALSE(aliases.empty()) << plugin;
        for (const auto& [protocol, actions] : aliases.items())
            for (const auto& [word, action] : actions.items())
                EXPECT_EQ(words.word(protocol, action.get<std::string>()), word) << plugin;
    }
    EXPECT_EQ(words.word("storage", "storage.list"), "list");
    EXPECT_EQ(words.word("storage", "storage.verify"), "verify");
    EXPECT_EQ(words.word("dashboard", "terminal.list"), "terminal:list");
    EXPECT_EQ(words.word("dashboard", "terminal.attach"), "terminal:attach");
    EXPECT_TRUE(words.is_run("terminal.run"));
    EXPECT_TRUE(words.is_run("command:request"));
    EXPECT_FALSE(words.is_run("terminal.list"));
}

TEST(HubWords, ActionAndProtocolNamesMeanTheSame)
{
    EXPECT_EQ(said(Protocol::panel, "docker.start_server"), "start_server");
    EXPECT_EQ(said(Protocol::panel, "start_server"), "start_server");
    EXPECT_EQ(said(Protocol::storage, "storage.upload"), "upload");
    EXPECT_EQ(said(Protocol::print, "printer.print"), "task_print");
    EXPECT_EQ(said(Protocol::print, "host.ping"), "task_ping");
    EXPECT_EQ(said(Protocol::signed_, "host.ping"), "ping");
    EXPECT_EQ(said(Protocol::signed_, "telemetry.version"), "get_version");
    EXPECT_EQ(said(Protocol::dashboard, "terminal.run"), "command:request");
    EXPECT_EQ(said(Protocol::storage, "docker.start_server"), "docker.start_server")
        << "a foreign name goes as it is";
    EXPECT_EQ(said(Protocol::panel, "host.ping"), "host.ping");
}

TEST(HubWords, TheFirstNameOfAnActionIsKept)
{
    ActionWords words;
    EXPECT_EQ(words.add(R"({"id":"x","aliases":{"panel":{"go":"x.start","begin":"x.start"}}})"), "");
    EXPECT_EQ(words.add(R"({"id":"y","aliases":{"panel":{"begin":"x.start"}}})"), "");
    EXPECT_EQ(words.add(R"({"id":"z"})"), "");
    EXPECT_EQ(words.word("panel", "x.start"), "go");
}

TEST(HubWords, AnActionsOwnVerbIsPreferredToAnotherNameOfTheSameManifest)
{
    ActionWords words;
    EXPECT_EQ(words.add(R"({"aliases":{"panel":{"begin":"x.start","start":"x.start"}}})"), "");
    EXPECT_EQ(words.word("panel", "x.start"), "start");
    EXPECT_EQ(words.word("panel", "docker.write_file"), "write_file")
        << "not file_write of the field dialect";
    EXPECT_EQ(words.word("panel", "docker.send_command"), "send_command");
}

TEST(HubWords, ReadsTheManifestsOfAFolder)
{
    const agenthost::test::TempDir dir;
    agenthost::test::write_file(dir / "scale.manifest.json",
                                R"({"id":"scale","aliases":{"print":{"task_weigh":"scale.weigh"}}})");
    ActionWords words;
    EXPECT_EQ(words.word("print", "scale.weigh"), "scale.weigh");
    EXPECT_EQ(words.add_path((dir / ".").string()), "");
    EXPECT_EQ(words.word("print", "scale.weigh"), "task_weigh");
}

TEST(HubWords, ReportsTheProblemOfAManifest)
{
    ActionWords words;
    EXPECT_NE(words.add("not JSON"), "");
    EXPECT_NE(words.add("[]"), "");
    EXPECT_NE(words.add(R"({"aliases":[]})"), "");
    EXPECT_NE(words.add(R"({"aliases":{"panel":["go"]}})"), "");
    EXPECT_NE(words.add(R"({"aliases":{"panel":{"go":1}}})"), "");
    EXPECT_THAT(words.add_path("/nonexistent/x.manifest.json"), testing::HasSubstr("/nonexistent"));
    const agenthost::test::TempDir dir;
    agenthost::test::write_file(dir / "bad.manifest.json", "{");
    agenthost::test::write_file(dir / "README.md", "is not read");
    EXPECT_THAT(words.add_path((dir / ".").string()), testing::HasSubstr("bad.manifest.json"));
}

// Every code of the five documents and of NOTES.md, with its HTTP status.
TEST(HubCodes, EveryCodeOfTheDocumentsHasItsStatus)
{
    const std::map<std::string, int> wanted{{"AGENT_OFFLINE", 503},
                                            {"SERVER_NOT_FOUND", 404},
                                            {"CONTAINER_NOT_FOUND", 404},
                                            {"INSUFFICIENT_RESOURCES", 507},
                                            {"PERMISSION_DENIED", 403},
                                            {"DOCKER_ERROR", 502},
                                            {"CONFIG_INVALID", 422},
                                            {"PORT_CONFLICT", 409},
                                            {"AUTH_FAILED", 401},
                                            {"COMMAND_TIMEOUT", 504},
                                            {"QUEUE_FULL", 503},
                                            {"INVALID_MESSAGE", 400},
                                            {"RATE_LIMIT", 429},
                                            {"UNKNOWN_ACTION", 400},
                                            {"INVALID_REQUEST", 400},
                                            {"FILE_NOT_FOUND", 404},
                                            {"DISK_FULL", 507},
                                            {"NETWORK_ERROR", 502},
                                            {"DENIED", 403},
                                            {"BUSY", 503},
                                            {"TIMEOUT", 504},
                                            {"INTERRUPTED", 502},
                                            {"ID_REUSED", 409},
                                            {"AGENT_NOT_FOUND", 404}};
    for (const auto& [code, status] : wanted) EXPECT_EQ(status_of(code, 0), status) << code;
    std::set<std::string_view> once;
    for (const auto& [code, status] : status_codes())
        EXPECT_TRUE(once.insert(code).second) << code << " stands twice";
    EXPECT_EQ(status_of("SOMETHING_OF_A_PLUGIN"), 502);
}

TEST(HubCodes, TheGuideNamesEveryCode)
{
    const std::string guide =
        agenthost::test::read_file(agenthost::test::source_dir() / "plugins/hub/API.md");
    for (const auto& [code, status] : status_codes())
        EXPECT_NE(guide.find(code), std::string::npos) << code << " is not in API.md";
}

class TableTest : public PartsTest {};

TEST_F(TableTest, ACommandNamesAServerAsTargetOrServerId)
{
    join("node-01", "panel");
    for (const char* key : {"target", "serverId"}) {
        ask("POST", "/api/agents/node-01/commands",
            R"({"action":"docker.start_server","params":{"timeout":30},")" + std::string{key} +
                R"(":"server_123"})");
        EXPECT_EQ(fanout.sent.back().target, "server_123");
        EXPECT_EQ(fanout.sent.back().params, R"({"timeout":30})");
    }
    const Conn both =
        ask("POST", "/api/agents/node-01/commands", R"({"action":"x","target":"a","serverId":"b"})");
    EXPECT_EQ(status(both), 400);
    EXPECT_EQ(status(ask("POST", "/api/agents/node-01/commands", R"({"action":"x","target":7})")), 400);
}

TEST_F(TableTest, WaitsAsLongAsAskedThenAnswers202)
{
    join("node-01", "panel");
    const Conn conn =
        ask("POST", "/api/agents/node-01/commands", R"({"action":"docker.get_status","timeout":2.5})");
    pass(2499ms);
    EXPECT_FALSE(answered(conn));
    pass(1ms);
    EXPECT_EQ(status(conn), 202);
    const std::string id = body(conn)["id"];
    result("node-01", {.id = id, .data = R"({"status":"running"})"});
    EXPECT_EQ(get("/api/tasks/" + id)["data"]["status"], "running");
    const Conn standard = ask("POST", "/api/agents/node-01/commands", R"({"action":"docker.get_status"})");
    pass(29s);
    EXPECT_FALSE(answered(standard));
    pass(1s);
    EXPECT_EQ(status(standard), 202);
}

TEST_F(TableTest, MapsTheAgentsErrorCodeToTheHttpStatus)
{
    join("node-01", "panel");
    for (const auto& [code, http] : status_codes()) {
        const Conn conn = ask("POST", "/api/agents/node-01/commands", R"({"action":"docker.start_server"})");
        result("node-01", {.id = fanout.sent.back().id,
                           .outcome = Outcome::error,
                           .error = {.code = code, .message = "because", .detail = "so"}});
        EXPECT_EQ(status(conn), http) << code;
        EXPECT_EQ(body(conn)["error"]["code"], std::string{code});
        EXPECT_EQ(body(conn)["status"], "error");
    }
}

TEST_F(TableTest, DistinguishesUnknownFromOfflineAgents)
{
    join("node-01", "panel");
    leave("node-01");
    for (const char* path : {"/api/agents/%/commands", "/api/websocket/agents/%/command"}) {
        std::string known{path}, unknown{path};
        known.replace(known.find('%'), 1, "node-01");
        unknown.replace(unknown.find('%'), 1, "nobody");
        EXPECT_EQ(status(ask("POST", known, R"({"action":"x","command":"x"})")), 503) << path;
        const Conn none = ask("POST", unknown, R"({"action":"x"})");
        EXPECT_EQ(status(none), 404);
        EXPECT_EQ(body(none)["error"]["code"], "AGENT_NOT_FOUND");
    }
}

TEST_F(TableTest, AnUnsupportedCommandIsRejectedAtOnce)
{
    join("node-01", "panel");
    const Conn conn = ask("POST", "/api/agents/node-01/commands", R"({"action":"unspeakable"})");
    EXPECT_EQ(status(conn), 400);
    EXPECT_EQ(body(conn)["status"], "failed");
    EXPECT_EQ(status(ask("POST", "/api/agent-tasks", R"({"shopId":"node-01","command":"ping"})")), 202)
        << "and a task for an agent of another protocol is a task";
}

TEST_F(TableTest, ACallerSeesOnlyItsAgents)
{
    // access_test.cpp tests roles. Here: in every route, an agent that a caller may not see does not exist.
    join("node-01", "signed");
    EXPECT_EQ(status(ask("GET", "/api/agents", {}, {}, "wrong")), 401);
    Caller desk{.role = Role::dashboard, .subject = "desk", .agents = std::vector<std::string>{"other"}};
    Head head;
    head.path = "/api/agents";
    enter([&] { call(rest.routes(), "GET", "/api/agents", exchanges.open(1), head, {}, desk); });
    later.run();
    EXPECT_EQ(body(1)["agents"], json::array());
    enter([&] { call(rest.routes(), "GET", "/api/websocket/agents", exchanges.open(2), head, {}, desk); });
    EXPECT_EQ(body(2)["agents"], json::array());
    enter([&] {
        call(rest.routes(), "GET", "/api/agent-tasks/:id", exchanges.open(3), head, {"req_x"}, desk);
    });
    later.run();
    EXPECT_EQ(status(3), 404);
}

// The same checks for every entry point of a command.
TEST_F(TableTest, EveryEntryPointChecksCommandsAlike)
{
    join("agent-123", "signed");
    join("node-01", "storage");
    join("desk", "dashboard");
    const auto refused = [&](const std::string& path, const std::string& text) {
        const std::size_t before = fanout.sent.size();
        const Conn conn = ask("POST", path, text);
        EXPECT_EQ(status(conn), 400) << path << " " << text;
        EXPECT_EQ(body(conn)["error"]["code"], "INVALID_REQUEST");
        EXPECT_EQ(fanout.sent.size(), before) << "nothing was sent";
        return body(conn)["error"].value("message", "");
    };
    const std::string command = "/api/agents/", signed_command = "/api/websocket/agents/";
    refused(command + "node-01/commands", R"({"action":"auth"})");
    refused(command + "node-01/commands", R"({"action":"x","params":{"request_id":"y"}})");
    refused(command + "desk/commands", R"({"action":"heartbeat"})");
    refused(command + "desk/commands", R"({"action":"terminal.run","params":{"commandId":"mine"}})");
    EXPECT_THAT(refused(signed_command + "node-01/command", R"({"command":"auth"})"),
                testing::HasSubstr("speaks storage"));
    refused(signed_command + "desk/command", R"({"command":"ping"})");
    refused(signed_command + "agent-123/command",
            R"({"command":"terminal.run","args":{"commandId":"mine"}})");
    refused(signed_command + "agent-123/command", R"({"command":"a\nb"})");
    const Conn run = ask("POST", signed_command + "agent-123/command",
                         R"({"command":"terminal.run","args":{"command":"ls"},"timeout":0})");
    EXPECT_EQ(status(run), 202);
    ASSERT_FALSE(fanout.sent.empty());
    EXPECT_EQ(json::parse(fanout.sent.back().params)["commandId"], fanout.sent.back().id);
    EXPECT_EQ(status(ask("GET", "/api/commands/" + fanout.sent.back().id)), 200)
        << "it is a run like any other";
}

TEST_F(TableTest, DeleteCancelsATaskThatWasNotSent)
{
    join("node-01", "storage");
    for (std::uint32_t i = 0; i < core.config.in_flight; ++i)
        ask("POST", "/api/agents/node-01/commands", R"({"action":"info","timeout":0})");
    const Conn waiting = ask("POST", "/api/agents/node-01/commands", R"({"action":"info"})");
    const std::string first = fanout.sent.front().id;
    std::string id;
    for (const auto& [task, record] : tables.tasks) {
        if (!commands.find(task)->sent) id = task;
    }
    ASSERT_NE(id, "");
    const json cancelled = body(ask("DELETE", "/api/tasks/" + id));
    EXPECT_EQ(cancelled["cancel"], "removed");
    EXPECT_EQ(cancelled["status"], "failed");
    EXPECT_EQ(cancelled["error"]["code"], "CANCELLED");
    EXPECT_EQ(status(waiting), 409) << "whoever waits for it hears it";
    result("node-01", {.id = first});
    for (const auto& sent : fanout.sent) EXPECT_NE(sent.id, id) << "the agent never hears of it";
    const Conn again = ask("DELETE", "/api/tasks/" + id);
    EXPECT_EQ(status(again), 409);
    EXPECT_EQ(body(again)["error"]["code"], "TASK_ENDED");
    EXPECT_EQ(status(ask("DELETE", "/api/tasks/nonsense")), 404);
}

TEST_F(TableTest, DeleteAbandonsASentTask)
{
    join("node-01", "storage");
    ask("POST", "/api/agents/node-01/commands", R"({"action":"info","timeout":0})");
    const std::string id = fanout.sent.back().id;
    const Conn conn = ask("DELETE", "/api/tasks/" + id);
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(body(conn)["cancel"], "abandoned");
    leave("node-01");
    join("node-01", "storage");
    EXPECT_EQ(fanout.sent.size(), 1U) << "it is not sent again";
    result("node-01", {.id = id, .data = "7"});
    EXPECT_EQ(get("/api/tasks/" + id)["error"]["code"], "CANCELLED") << "a late answer changes nothing";
}

TEST_F(TableTest, DeleteInterruptsACommandOnATerminal)
{
    join("d1", "dashboard");
    const auto begin = [&] {
        ask("POST", "/api/agents/d1/commands",
            R"({"action":"terminal.run","params":{"command":"x"},"timeout":0})");
        return fanout.sent.back().id;
    };
    const std::string id = begin();
    const Conn conn = ask("DELETE", "/api/tasks/" + id, {}, "force=true");
    EXPECT_EQ(fanout.sent.back().action, "terminal.interrupt");
    EXPECT_EQ(json::parse(fanout.sent.back().params), (json{{"commandId", id}, {"force", true}}));
    EXPECT_FALSE(answered(conn));
    enter([&] { requests.result("d1", {.id = fanout.sent.back().id, .data = "{}"}); });
    EXPECT_EQ(status(conn), 202);
    EXPECT_EQ(body(conn)["cancel"], "interrupted");
    EXPECT_EQ(body(conn)["status"], "dispatched") << "its end comes from the agent";

    const std::string other = begin();
    leave("d1");
    const Conn away = ask("DELETE", "/api/tasks/" + other);
    EXPECT_EQ(status(away), 202);
    EXPECT_EQ(body(away)["cancel"], "waiting");
    ASSERT_EQ(interrupted_later.size(), 1U);
    EXPECT_EQ(interrupted_later[0].first, other);
    EXPECT_EQ(status(ask("DELETE", "/api/tasks/" + other, {}, "force=maybe")), 400);
}

TEST_F(TableTest, ATaskReportsADroppedResult)
{
    TaskRecord t{.id = "req_1", .agent = "node-01", .action = "info", .state = TaskState::success};
    t.dropped = 4711;
    tables.save(t, {});
    const json shown = get("/api/tasks/req_1");
    EXPECT_EQ(shown["status"], "success");
    EXPECT_FALSE(shown.contains("data"));
    EXPECT_EQ(shown["dropped"]["bytes"], 4711);
    EXPECT_THAT(shown["dropped"]["message"].get<std::string>(), testing::HasSubstr("result_bytes"));
    t.id = "req_2";
    t.shop = true;
    tables.save(t, {});
    EXPECT_EQ(get("/api/agent-tasks/req_2")["dropped"]["bytes"], 4711);
}

// The agent writes a command's row before it knows the command: until then DELETE was answered 404, 503 or
// 429.
TEST_F(TableTest, DeleteAsksAgainWhileTheAgentDoesNotKnowTheCommandYet)
{
    join("d1", "dashboard");
    ask("POST", "/api/agents/d1/commands",
        R"({"action":"terminal.run","params":{"command":"x"},"timeout":0})");
    const std::string id = fanout.sent.back().id;
    const Conn conn = ask("DELETE", "/api/tasks/" + id);
    std::size_t sent = fanout.sent.size();
    for (const char* code : {"COMMAND_NOT_FOUND", "BUSY", "RATE_LIMIT"}) {
        enter([&] {
            requests.result("d1", {.id = fanout.sent.back().id,
                                   .outcome = wire::Outcome::error,
                                   .error = {.code = code, .message = "not yet"}});
        });
        EXPECT_FALSE(answered(conn)) << code;
        EXPECT_EQ(fanout.sent.size(), sent);
        pass(std::chrono::milliseconds{50});
        ASSERT_EQ(fanout.sent.size(), ++sent) << code;
        EXPECT_EQ(fanout.sent.back().action, "terminal.interrupt");
    }
    enter([&] { requests.result("d1", {.id = fanout.sent.back().id, .data = "{}"}); });
    EXPECT_EQ(status(conn), 202);
    EXPECT_EQ(body(conn)["cancel"], "interrupted");
}

TEST_F(TableTest, DeleteReturnsTheAgentsRefusalIfItPersists)
{
    join("d1", "dashboard");
    ask("POST", "/api/agents/d1/commands",
        R"({"action":"terminal.run","params":{"command":"x"},"timeout":0})");
    const Conn conn = ask("DELETE", "/api/tasks/" + fanout.sent.back().id);
    for (int i = 0; i < 100 && !answered(conn); ++i) {
        enter([&] {
            requests.result("d1", {.id = fanout.sent.back().id,
                                   .outcome = wire::Outcome::error,
                                   .error = {.code = "COMMAND_NOT_FOUND", .message = "no such command"}});
        });
        pass(std::chrono::milliseconds{50});
    }
    EXPECT_EQ(status(conn), 404);
    EXPECT_LE(fanout.sent.size(), 41U) << "for two seconds, not for ever";
}

// It does not depend on the hub's own row either: its writes are delayed here.
TEST_F(TableTest, DeleteReportsThatTheCommandEndedMeanwhile)
{
    join("d1", "dashboard");
    ask("POST", "/api/agents/d1/commands",
        R"({"action":"terminal.run","params":{"command":"x"},"timeout":0})");
    const std::string id = fanout.sent.back().id;
    const Conn conn = ask("DELETE", "/api/tasks/" + id);
    const std::string asked = fanout.sent.back().id;
    enter([&] { commands.events().result("d1", {.id = id, .data = R"({"exit_code":0})"}); });
    enter([&] {
        requests.result("d1", {.id = asked,
                               .outcome = wire::Outcome::error,
                               .error = {.code = "COMMAND_NOT_FOUND", .message = "it has ended"}});
    });
    EXPECT_FALSE(answered(conn)) << "the store is held";
    later.run();
    EXPECT_EQ(status(conn), 409);
    EXPECT_EQ(body(conn)["error"]["code"], "TASK_ENDED");
}

TEST_F(TableTest, DeleteOfAHiddenTaskIsAsIfItDidNotExist)
{
    join("node-01", "storage");
    ask("POST", "/api/agents/node-01/commands", R"({"action":"info","timeout":0})");
    const std::string id = fanout.sent.back().id;
    const Caller desk{
        .role = Role::dashboard, .subject = "desk", .agents = std::vector<std::string>{"other"}};
    enter([&] { call(rest.routes(), "DELETE", "/api/tasks/:id", exchanges.open(1), Head{}, {id}, desk); });
    EXPECT_EQ(status(1), 404);
    EXPECT_EQ(get("/api/tasks/" + id)["status"], "dispatched");
}

TEST_F(TableTest, AnIdentityInConflictIsShownInListAndHealth)
{
    join("p1", "panel");
    IdentityConflicts conflicts;
    for (std::size_t i = 0; i < IdentityConflicts::threshold; ++i)
        conflicts.meet("p1", "192.0.2.1:1", "192.0.2.2:1", now, utc);
    fanout.in_conflict = conflicts.find("p1", now);
    ASSERT_NE(fanout.in_conflict, nullptr);
    const json listed = get("/api/agents")["agents"][0];
    EXPECT_EQ(listed["conflict"]["since"], utc);
    EXPECT_EQ(listed["conflict"]["takeovers"], IdentityConflicts::threshold);
    EXPECT_EQ(listed["conflict"]["peers"], (json{"192.0.2.1:1", "192.0.2.2:1"}));
    const json health = get("/api/agents/p1/health");
    EXPECT_EQ(health["health"], "degraded");
    EXPECT_THAT(health["reason"].get<std::string>(), testing::HasSubstr("Two machines use this identity"));
    fanout.in_conflict = nullptr;
    EXPECT_FALSE(get("/api/agents/p1").contains("conflict"));
}

TEST_F(TableTest, TheSignedRoutesListAgentsAndRunACommand)
{
    join("agent-123", "signed");
    fanout.agents["agent-123"].name = "test-server";
    join("node-01", "panel");
    const json list = get("/api/websocket/agents")["agents"];
    ASSERT_EQ(list.size(), 1U) << "of its protocol";
    EXPECT_EQ(list[0]["agentId"], "agent-123");
    EXPECT_EQ(list[0]["connected"], true);
    EXPECT_EQ(list[0]["hostname"], "test-server");
    EXPECT_EQ(get("/api/websocket/agents/agent-123")["connected"], true);
    EXPECT_EQ(status(ask("GET", "/api/websocket/agents/nobody")), 404);

    const Conn conn =
        ask("POST", "/api/websocket/agents/agent-123/command", R"({"command":"ping","args":{"n":1}})");
    EXPECT_EQ(fanout.sent.back().action, "ping");
    EXPECT_EQ(fanout.sent.back().params, R"({"n":1})");
    result("agent-123", {.id = fanout.sent.back().id, .data = R"("pong")"});
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(body(conn)["result"], "pong");
    EXPECT_EQ(body(conn)["command"], "ping");
    EXPECT_EQ(body(conn)["agentId"], "agent-123");

    const Conn failing = ask("POST", "/api/websocket/agents/agent-123/command", R"({"command":"nonsense"})");
    result("agent-123", {.id = fanout.sent.back().id,
                         .outcome = Outcome::error,
                         .error = {.code = "UNKNOWN_ACTION", .message = "unknown_command"}});
    EXPECT_EQ(status(failing), 400);
    EXPECT_EQ(body(failing)["error"]["code"], "UNKNOWN_ACTION");

    const Conn late =
        ask("POST", "/api/websocket/agents/agent-123/command", R"({"command":"ping","timeout":0})");
    EXPECT_EQ(status(late), 202);
    EXPECT_EQ(status(ask("GET", "/api/tasks/" + body(late)["requestId"].get<std::string>())), 200);
    for (const char* wrong :
         {"[]", "{}", R"({"command":""})", R"({"command":"x","args":[]})", R"({"command":"x","timeout":-1})"})
        EXPECT_EQ(status(ask("POST", "/api/websocket/agents/agent-123/command", wrong)), 400) << wrong;
    leave("agent-123");
    EXPECT_EQ(get("/api/websocket/agents/agent-123")["connected"], false);
    EXPECT_EQ(get("/api/websocket/agents")["agents"], json::array());
}

// A deployed agent left a command unanswered: every later one waited 24 h.
TEST_F(TableTest, AnUnansweredCommandFreesTheLaneAfterAMinute)
{
    join("agent-123", "signed");
    const Conn first =
        ask("POST", "/api/agents/agent-123/commands", R"({"action":"unheard_of","timeout":3600})");
    const Conn second =
        ask("POST", "/api/agents/agent-123/commands", R"({"action":"get_status","timeout":3600})");
    pass(59s);
    EXPECT_EQ(fanout.sent.size(), 1U);
    pass(1s);
    ASSERT_EQ(fanout.sent.size(), 2U);
    EXPECT_EQ(fanout.sent[1].action, "get_status");
    EXPECT_THAT(daemon.logged.back(), testing::HasSubstr("unheard_of"));
    const Conn third =
        ask("POST", "/api/agents/agent-123/commands", R"({"action":"get_version","timeout":3600})");
    EXPECT_EQ(fanout.sent.size(), 2U) << "still one at a time";
    result("agent-123", {.id = {}, .data = R"("ok")", .action = "get_status"});
    EXPECT_EQ(status(second), 200);
    EXPECT_EQ(fanout.sent.size(), 3U);
    // The first command's answer arrives late, in between; it has the command's id.
    result("agent-123", {.id = {}, .data = R"("late")", .action = "unheard_of"});
    EXPECT_EQ(status(first), 200);
    EXPECT_EQ(body(first)["data"], "late");
    EXPECT_FALSE(answered(third));
    result("agent-123", {.id = {}, .data = R"("1.0")", .action = "get_version"});
    EXPECT_EQ(body(third)["data"], "1.0");
}

TEST_F(TableTest, AnAnswerWithoutACommandNeverBelongsToAnAbandonedOne)
{
    join("agent-123", "signed");
    const Conn first =
        ask("POST", "/api/agents/agent-123/commands", R"({"action":"unheard_of","timeout":3600})");
    pass(60s);
    result("agent-123", {.id = {}, .data = R"("?")"});
    EXPECT_FALSE(answered(first));
}

TEST_F(TableTest, AnAgentThatDoesNotRepeatIdsGetsOneCommandAtATime)
{
    join("agent-123", "signed");
    const Conn first = ask("POST", "/api/agents/agent-123/commands", R"({"action":"host.ping"})");
    const Conn second = ask("POST", "/api/agents/agent-123/commands", R"({"action":"get_status"})");
    ASSERT_EQ(fanout.sent.size(), 1U);
    result("agent-123", {.id = {}, .data = R"("late")", .action = "get_version"});
    EXPECT_FALSE(answered(first)) << "the answer to something else";
    result("agent-123", {.id = {}, .data = R"("pong")", .action = "ping"});
    EXPECT_EQ(body(first)["data"], "pong");
    ASSERT_EQ(fanout.sent.size(), 2U);
    result("agent-123", {.id = {}, .data = R"("ok")"});
    EXPECT_EQ(body(second)["data"], "ok");
    result("agent-123", {.id = {}, .data = R"("nobody asked")"});
}

TEST_F(TableTest, AnAgentThatRepeatsIdsGetsManyAtOnce)
{
    join("agent-123", "signed");
    ask("POST", "/api/agents/agent-123/commands", R"({"action":"host.ping"})");
    result("agent-123", {.id = fanout.sent.back().id, .data = R"("pong")", .action = "ping"});
    const Conn slow = ask("POST", "/api/agents/agent-123/commands", R"({"action":"run_health_check"})");
    const Conn quick = ask("POST", "/api/agents/agent-123/commands", R"({"action":"host.ping"})");
    ASSERT_EQ(fanout.sent.size(), 3U);
    result("agent-123", {.id = fanout.sent[2].id, .data = R"("pong")"});
    EXPECT_TRUE(answered(quick));
    EXPECT_FALSE(answered(slow));
    leave("agent-123");
    join("agent-123", "signed");
    EXPECT_EQ(fanout.sent.size(), 4U) << "a new session has to show it again";
}

TEST_F(TableTest, ABusyTableIsReported)
{
    join("node-01", "panel");
    tables.full = true;
    EXPECT_EQ(status(ask("GET", "/api/agents")), 503);
    EXPECT_EQ(status(ask("GET", "/api/agents/node-01")), 503);
    EXPECT_EQ(status(ask("GET", "/api/tasks/x")), 503);
    EXPECT_EQ(status(ask("GET", "/api/agent-heartbeat")), 503);
    EXPECT_EQ(status(ask("POST", "/api/agents/node-01/commands", R"({"action":"x"})")), 503);
}

} // namespace

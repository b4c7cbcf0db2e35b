// The hub's library as it ships, in a FakeHost: the test plays agents, REST callers and the daemon.
#include "kit/hash.hpp"
#include "tests/support/support.hpp"

#include <agenthost/testing/fake_host.hpp>
#include <agenthost/testing/load.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <thread>

using agenthost::test::wait_for;
using agenthost::test::write_file;
using agenthost::testing::FakeHost;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

namespace {

constexpr const char* admin = "admin-token-of-the-test";

class HubTest : public testing::Test {
protected:
    void SetUp() override { boot(); }

    void boot(const json& more = json::object())
    {
        write_file(dir / "admin", std::string{admin} + "\n");
        write_file(dir / "agents.yaml", "agents:\n  - {id: n1, secret: secret-of-n1}\n  - {id: n2, secret: secret-of-n2}\n");
        json config{{"admin_token", {{"file", (dir / "admin").string()}}}, {"credentials", (dir / "agents.yaml").string()},
                    {"database", (dir / "hub.db").string()}, {"spool", (dir / "spool").string()}, {"reserve_free", 0}};
        config.update(more);
        host.reset();
        host = std::make_unique<FakeHost>(agenthost::testing::load_entry((agenthost::test::plugin_dir() / "hub.so").string()), config.dump());
        const auto started = host->start();
        ASSERT_TRUE(started.ok()) << started.text;
    }

    // --- an agent ---
    agh_conn dial(const std::string& id, const std::string& token)
    {
        const agh_conn conn = host->listener.websocket("/ws/storage");
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.upgraded(); }));
        host->listener.frame(conn, json{{"action", "auth"}, {"token", token}, {"agent_id", id}}.dump());
        return conn;
    }
    agh_conn agent(const std::string& id)
    {
        const agh_conn conn = dial(id, "secret-of-" + id);
        EXPECT_EQ(sent(conn, 0)["status"], "ok");
        return conn;
    }
    // The n-th frame the hub sent on it.
    json sent(agh_conn conn, std::size_t n)
    {
        EXPECT_TRUE(host->listener.wait(conn, [n](auto& e) { return e.sent.size() > n; }));
        const auto seen = host->listener.exchange(conn).sent;
        return n < seen.size() ? json::parse(seen[n].bytes) : json{};
    }
    int close_code(agh_conn conn) // waits until the hub has closed it
    {
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.close_code != 0; }));
        return host->listener.exchange(conn).close_code;
    }
    void respond(agh_conn conn, const json& command, json answer)
    {
        answer["action"] = "response";
        answer["request_id"] = command["request_id"];
        host->listener.frame(conn, answer.dump());
    }

    // --- a REST caller ---
    static std::string bearer(std::string_view token = admin) { return json{{"authorization", "Bearer " + std::string{token}}}.dump(); }
    agh_conn ask(std::string_view method, std::string_view path, std::string_view query = {}, std::string_view more = {})
    {
        return host->listener.request(method, path, bearer(), query, more);
    }
    agh_conn command(const std::string& agent_id, const json& body)
    {
        const std::string text = body.dump();
        const agh_conn conn = ask("POST", "/api/agents/" + agent_id + "/commands", {}, "\"length\":" + std::to_string(text.size()));
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving || e.status != 0; }));
        if (host->listener.exchange(conn).receiving) host->listener.body(conn, text);
        return conn;
    }
    struct Answered {
        int status;
        json headers, body;
        std::string text;
    };
    Answered answer(agh_conn conn)
    {
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.status != 0; })) << "no answer";
        const auto e = host->listener.exchange(conn);
        return {e.status, json::parse(e.headers.empty() ? "{}" : e.headers), json::parse(e.body, nullptr, false), e.body};
    }
    std::string code(agh_conn conn) { return answer(conn).body["error"]["code"]; }

    // A PUT whose body the agent is now told to fetch.
    agh_conn put(const std::string& path, const std::string& content, const std::string& headers = bearer(), std::string_view query = {})
    {
        const agh_conn conn = host->listener.request("PUT", path, headers, query, "\"length\":" + std::to_string(content.size()));
        EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving || e.status != 0; }));
        if (host->listener.exchange(conn).receiving) host->listener.body(conn, content);
        return conn;
    }
    static std::string path_of(const std::string& url)
    {
        return url.substr(url.find("/api/"));
    }

    agenthost::test::TempDir dir;
    std::unique_ptr<FakeHost> host;
};

TEST_F(HubTest, RefusesCallersWithoutAValidToken)
{
    for (const std::string& headers : {std::string{"{}"}, bearer("wrong"), bearer(""), std::string{R"({"authorization":"Basic abc"})"},
                                       std::string{R"({"authorization":"Bearer"})"}}) {
        const agh_conn conn = host->listener.request("GET", "/api/agents", headers);
        EXPECT_EQ(answer(conn).status, 401) << headers;
        EXPECT_EQ(answer(conn).headers["www-authenticate"], "Bearer");
        EXPECT_EQ(code(conn), "AUTH_FAILED");
    }
    EXPECT_EQ(answer(host->listener.request("GET", "/api/agents", R"({"authorization":"bearer admin-token-of-the-test"})")).status, 200);
}

TEST_F(HubTest, AnswersUnknownRoutesAndMethods)
{
    EXPECT_EQ(answer(ask("GET", "/api/nothing")).status, 404);
    const auto refused = answer(ask("POST", "/api/agents"));
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.headers["allow"], "GET");
}

TEST_F(HubTest, RefusesAgentsWithAWrongTokenAlikeWhetherTheyAreKnown)
{
    json answers;
    for (const char* id : {"n1", "nobody"}) {
        const agh_conn conn = dial(id, "wrong");
        answers.push_back(sent(conn, 0));
        EXPECT_EQ(close_code(conn), 1008);
        host->listener.closed(conn, 1008);
    }
    EXPECT_EQ(answers[0]["status"], "error");
    EXPECT_EQ(answers[0], answers[1]);
    EXPECT_EQ(answer(ask("GET", "/api/agents")).body["agents"], json::array());
}

TEST_F(HubTest, LimitsAreSmallUntilAnAgentHasAuthenticated)
{
    const agh_conn conn = host->listener.websocket("/ws/storage");
    EXPECT_TRUE(host->listener.wait(conn, [](auto& e) { return e.upgraded(); }));
    const json before = json::parse(host->listener.exchange(conn).limits);
    EXPECT_LE(before["message_bytes"], 16384);
    EXPECT_EQ(before["idle_s"], 10);
    EXPECT_EQ(before["ping_s"], 30);
    host->listener.frame(conn, R"({"action":"auth","token":"secret-of-n1","agent_id":"n1"})");
    EXPECT_EQ(sent(conn, 0)["status"], "ok"); // the new limits come before it
    const json after = json::parse(host->listener.exchange(conn).limits);
    EXPECT_EQ(after["message_bytes"], 1 << 20);
    EXPECT_EQ(after["idle_s"], 0);
}

TEST_F(HubTest, ClosesAStrangerWhoSpeaksBeforeAuthenticating)
{
    for (const char* first : {R"({"action":"response","request_id":"x","status":"success"})", "{", "[]", R"({"action":"auth"})"}) {
        const agh_conn conn = host->listener.websocket("/ws/storage");
        host->listener.frame(conn, first);
        EXPECT_EQ(close_code(conn), 1008) << first;
    }
    const agh_conn conn = host->listener.websocket("/ws/storage");
    host->listener.frame(conn, "x", AGH_WS_BINARY);
    EXPECT_EQ(close_code(conn), 1003);
}

TEST_F(HubTest, ListsAgentsOnlineAndAway)
{
    const agh_conn n1 = agent("n1");
    agent("n2");
    host->listener.closed(n1);
    const auto all = answer(ask("GET", "/api/agents")).body;
    ASSERT_EQ(all["agents"].size(), 2U);
    EXPECT_EQ(all["agents"][0]["id"], "n1");
    EXPECT_EQ(all["agents"][0]["status"], "offline");
    EXPECT_EQ(all["agents"][1]["status"], "online");
    EXPECT_EQ(all["agents"][1]["protocol"], "storage");
    EXPECT_TRUE(all["next"].is_null());
    const auto first = answer(ask("GET", "/api/agents", "limit=1")).body;
    EXPECT_EQ(first["agents"].size(), 1U);
    EXPECT_EQ(first["next"], "n1");
    EXPECT_EQ(answer(ask("GET", "/api/agents", "limit=1&after=n1")).body["agents"][0]["id"], "n2");
    EXPECT_EQ(answer(ask("GET", "/api/agents", "limit=0")).status, 400);
    EXPECT_EQ(answer(ask("GET", "/api/agents/n2")).body["status"], "online");
    EXPECT_EQ(code(ask("GET", "/api/agents/nobody")), "AGENT_NOT_FOUND");
}

TEST_F(HubTest, ACommandTravelsAndItsResultComesBack)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = command("n1", {{"action", "storage.info"}, {"params", {{"deep", true}}}});
    const json wire = sent(n1, 1);
    EXPECT_EQ(wire["action"], "info") << "the protocol's own word";
    EXPECT_EQ(wire["deep"], true);
    EXPECT_EQ(host->listener.exchange(rest).status, 0);
    respond(n1, wire, {{"status", "success"}, {"data", {{"files", 3}}}});
    const auto done = answer(rest);
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ(done.body["status"], "success");
    EXPECT_EQ(done.body["data"]["files"], 3);
    EXPECT_EQ(done.body["id"], wire["request_id"]);
    const auto later = answer(ask("GET", "/api/tasks/" + done.body["id"].get<std::string>()));
    EXPECT_EQ(later.body["data"]["files"], 3);
}

TEST_F(HubTest, TakesTheProtocolsOwnWordsAndForeignActionsAsTheyAre)
{
    const agh_conn n1 = agent("n1");
    command("n1", {{"action", "info"}});
    EXPECT_EQ(sent(n1, 1)["action"], "info");
    command("n1", {{"action", "storage.list"}});
    EXPECT_EQ(sent(n1, 2)["action"], "storage.list");
    command("n1", {{"action", "docker.start_server"}});
    EXPECT_EQ(sent(n1, 3)["action"], "docker.start_server");
}

TEST_F(HubTest, AnAgentsErrorKeepsItsCode)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = command("n1", {{"action", "delete"}, {"params", {{"file_id", "x"}}}});
    respond(n1, sent(n1, 1), {{"status", "error"}, {"message", "File not found"}});
    const auto done = answer(rest);
    EXPECT_EQ(done.status, 404);
    EXPECT_EQ(done.body["status"], "error");
    EXPECT_EQ(done.body["error"]["code"], "FILE_NOT_FOUND");
    EXPECT_EQ(done.body["error"]["message"], "File not found");
}

TEST_F(HubTest, SaysUnknownAgentsFromAbsentOnes)
{
    EXPECT_EQ(answer(command("nobody", {{"action", "info"}})).status, 404);
    EXPECT_EQ(code(command("nobody", {{"action", "info"}})), "AGENT_NOT_FOUND");
    EXPECT_EQ(answer(command("n1", {{"action", "info"}})).status, 503);
    EXPECT_EQ(code(command("n1", {{"action", "info"}})), "AGENT_OFFLINE");
    EXPECT_EQ(code(ask("GET", "/api/agents/nobody/files/f")), "AGENT_NOT_FOUND");
    EXPECT_EQ(code(ask("DELETE", "/api/agents/n1/files/f")), "AGENT_OFFLINE");
}

TEST_F(HubTest, RefusesMalformedCommands)
{
    const agh_conn n1 = agent("n1");
    for (const char* body : {R"({})", R"({"action":5})", R"({"action":""})", R"({"action":"x","params":[]})", R"({"action":"x","timeout":-1})",
                             R"({"action":"x","timeout":"1"})", R"({"action":"x","timeout":1e9})", R"({"action":"x","parms":{}})",
                             R"({"action":"x","params":{"action":"y"}})", R"({"action":"x","params":{"request_id":"y"}})", R"({"action":"auth"})",
                             R"([])", R"({"action":"x")", "\xff"}) {
        const agh_conn conn = ask("POST", "/api/agents/n1/commands", {}, R"("length":9)");
        ASSERT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving; }));
        host->listener.body(conn, body);
        EXPECT_EQ(answer(conn).status, 400) << body;
        EXPECT_EQ(code(conn), "INVALID_REQUEST") << body;
    }
    EXPECT_EQ(answer(ask("POST", "/api/agents/n1/commands")).status, 400) << "no body";
    EXPECT_EQ(answer(ask("POST", "/api/agents/n1/commands", {}, R"("length":600000)")).status, 413);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U) << "the agent has heard of none";
}

TEST_F(HubTest, AnswersAcceptedWhenTheResultIsLate)
{
    const agh_conn n1 = agent("n1");
    for (const double timeout : {0.0, 0.05}) {
        const agh_conn rest = command("n1", {{"action", "info"}, {"timeout", timeout}});
        const auto accepted = answer(rest);
        EXPECT_EQ(accepted.status, 202);
        EXPECT_EQ(accepted.body["status"], "dispatched");
        const std::string url = accepted.headers["location"];
        EXPECT_EQ(answer(ask("GET", url)).body["status"], "dispatched");
        respond(n1, {{"request_id", accepted.body["id"]}}, {{"status", "success"}});
        EXPECT_EQ(answer(ask("GET", url)).body["status"], "success");
    }
    EXPECT_EQ(code(ask("GET", "/api/tasks/req_unknown")), "TASK_NOT_FOUND");
}

TEST_F(HubTest, ACallerWhoLeavesDoesNotStopTheTask)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = command("n1", {{"action", "info"}});
    const json wire = sent(n1, 1);
    host->listener.closed(rest, 0);
    respond(n1, wire, {{"status", "success"}, {"data", 7}});
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + wire["request_id"].get<std::string>())).body["data"], 7);
}

TEST_F(HubTest, ANewerSessionReplacesTheOlderAndGetsItsWork)
{
    const agh_conn older = agent("n1");
    const agh_conn rest = command("n1", {{"action", "info"}});
    const json first = sent(older, 1);
    const agh_conn newer = agent("n1");
    EXPECT_EQ(close_code(older), 1000);
    const json again = sent(newer, 1);
    EXPECT_EQ(again, first) << "the same request id";
    respond(older, first, {{"status", "success"}, {"data", "old"}}); // no longer heard
    host->listener.closed(older, 1000);
    respond(newer, again, {{"status", "success"}, {"data", "new"}});
    EXPECT_EQ(answer(rest).body["data"], "new");
    EXPECT_EQ(answer(ask("GET", "/api/agents/n1")).body["status"], "online");
}

TEST_F(HubTest, SendsAgainAfterALossButNotForEver)
{
    std::string id;
    agh_conn rest = 0;
    for (int i = 0; i < 4; ++i) {
        const agh_conn n1 = agent("n1");
        if (i == 0) rest = command("n1", {{"action", "info"}});
        const json wire = sent(n1, 1);
        if (i == 0) id = wire["request_id"];
        EXPECT_EQ(wire["request_id"], id);
        host->listener.closed(n1);
        EXPECT_EQ(host->listener.exchange(rest).status, 0);
    }
    const agh_conn n1 = agent("n1");
    EXPECT_EQ(answer(rest).status, 503);
    EXPECT_EQ(answer(rest).body["status"], "failed");
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
}

TEST_F(HubTest, ATaskThatNobodyAnswersFailsInTime)
{
    boot({{"task_ttl", "50ms"}});
    agent("n1");
    const auto done = answer(command("n1", {{"action", "info"}, {"timeout", 20}}));
    EXPECT_EQ(done.status, 504);
    EXPECT_EQ(done.body["status"], "failed");
    EXPECT_EQ(done.body["error"]["code"], "TIMEOUT");
}

TEST_F(HubTest, KeepsWhatASlowAgentCannotTakeAndSendsItLater)
{
    const agh_conn n1 = agent("n1");
    host->listener.send_budget(0);
    const agh_conn rest = command("n1", {{"action", "info"}});
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
    host->listener.send_budget(100'000);
    host->listener.writable(n1);
    respond(n1, sent(n1, 1), {{"status", "success"}});
    EXPECT_EQ(answer(rest).body["sent"], 1) << "what was not taken does not count";
}

TEST_F(HubTest, BoundsWhatIsOpenForOneAgent)
{
    boot({{"agent_queue", 3}, {"in_flight", 2}});
    const agh_conn n1 = agent("n1");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(answer(command("n1", {{"action", "info"}, {"timeout", 0}})).status, 202);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 3U) << "two in flight";
    const auto refused = answer(command("n1", {{"action", "info"}}));
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.body["error"]["code"], "BUSY");
    respond(n1, sent(n1, 1), {{"status", "success"}});
    EXPECT_EQ(sent(n1, 3)["action"], "info");
}

TEST_F(HubTest, OpenTasksSurviveARestart)
{
    agent("n1");
    const std::string id = answer(command("n1", {{"action", "info"}, {"timeout", 0}})).body["id"];
    boot();
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + id)).body["status"], "pending");
    const agh_conn n1 = agent("n1");
    EXPECT_EQ(sent(n1, 1)["request_id"], id);
    respond(n1, sent(n1, 1), {{"status", "success"}, {"data", 1}});
    EXPECT_EQ(answer(ask("GET", "/api/tasks/" + id)).body["data"], 1);
}

TEST_F(HubTest, PutLetsTheAgentFetchTheBody)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = put("/api/agents/n1/files/f1", "hello world", bearer(), "name=a%20b.txt&owner=u1");
    const json wire = sent(n1, 1);
    EXPECT_EQ(wire["action"], "upload");
    EXPECT_EQ(wire["file_info"], (json{{"id", "f1"}, {"name", "a b.txt"}, {"owner_id", "u1"}, {"size", 11},
                                       {"sha256", agenthost::kit::hex(agenthost::kit::sha256("hello world"))}}));
    const std::string url = wire["download_url"];
    EXPECT_THAT(url, HasSubstr("http://127.0.0.1:3001/api/temp/download/"));
    const auto whole = answer(host->listener.request("GET", path_of(url)));
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(whole.text, "hello world");
    const auto part = answer(host->listener.request("GET", path_of(url), json{{"range", "bytes=6-"}, {"if-range", whole.headers["etag"]}}.dump()));
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.text, "world");
    EXPECT_EQ(answer(host->listener.request("POST", path_of(url))).status, 401) << "not a method of this route, and no credential";
    respond(n1, wire, {{"status", "success"}, {"data", {{"free_bytes", 5}}}});
    EXPECT_EQ(answer(rest).status, 200);
    EXPECT_EQ(answer(rest).body["free_bytes"], 5);
    EXPECT_EQ(answer(host->listener.request("GET", path_of(url))).status, 404) << "used up";
}

TEST_F(HubTest, PutChecksTheDeclaredHash)
{
    const agh_conn n1 = agent("n1");
    const std::string sum = agenthost::kit::hex(agenthost::kit::sha256("hello"));
    const auto headers = [](const std::string& value) {
        return json{{"authorization", "Bearer " + std::string{admin}}, {"x-content-sha256", value}}.dump();
    };
    EXPECT_EQ(answer(put("/api/agents/n1/files/f1", "hullo", headers(sum))).status, 422);
    EXPECT_EQ(answer(put("/api/agents/n1/files/f1", "hello", headers("nonsense"))).status, 400);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
    put("/api/agents/n1/files/f1", "hello", headers(sum));
    EXPECT_EQ(sent(n1, 1)["action"], "upload");
}

TEST_F(HubTest, PutRefusesWhatIsTooLargeOrDoesNotFit)
{
    boot({{"max_file", 100}, {"spool_bytes", 50}});
    const agh_conn n1 = agent("n1");
    EXPECT_EQ(answer(ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":101)")).status, 413);
    const auto full = answer(ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":51)"));
    EXPECT_EQ(full.status, 507);
    EXPECT_EQ(full.body["error"]["code"], "DISK_FULL");
    EXPECT_EQ(answer(ask("PUT", "/api/agents/n1/files/f1")).status, 411);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
}

TEST_F(HubTest, ABrokenPutLeavesNothing)
{
    boot({{"spool_bytes", 100}});
    const agh_conn n1 = agent("n1");
    for (int i = 0; i < 5; ++i) { // each reserves 60 of 100: a leak would refuse the second
        const agh_conn conn = ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":60)");
        ASSERT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving || e.status != 0; }));
        ASSERT_EQ(host->listener.exchange(conn).status, 0) << answer(conn).text;
        host->listener.body(conn, "only this", AGH_E_CLOSED);
        host->listener.closed(conn, 0);
    }
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
    EXPECT_TRUE(std::filesystem::is_empty(dir / "spool"));
}

TEST_F(HubTest, GetLetsTheAgentSendTheFile)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
    const json wire = sent(n1, 1);
    EXPECT_EQ(wire["action"], "download");
    EXPECT_EQ(wire["file_id"], "f1");
    EXPECT_EQ(wire["method"], "PUT");
    const std::string path = path_of(wire["upload_url"]);
    // A first attempt breaks, a second has the wrong sum, a third is whole.
    const agh_conn broken = host->listener.request("PUT", path, "{}", {}, R"("length":4)");
    ASSERT_TRUE(host->listener.wait(broken, [](auto& e) { return e.receiving; }));
    host->listener.body(broken, "da", AGH_E_CLOSED);
    host->listener.closed(broken, 0);
    EXPECT_EQ(answer(put(path, "dada", json{{"x-content-sha256", std::string(64, 'a')}}.dump())).status, 422);
    EXPECT_EQ(answer(put(path, "data", "{}")).status, 200);
    EXPECT_EQ(host->listener.exchange(rest).status, 0);
    respond(n1, wire, {{"status", "success"}});
    const auto got = answer(rest);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.text, "data");
    EXPECT_EQ(got.headers["x-content-sha256"], agenthost::kit::hex(agenthost::kit::sha256("data")));
    EXPECT_EQ(answer(host->listener.request("PUT", path, "{}", {}, R"("length":4)")).status, 404) << "used up";
}

TEST_F(HubTest, GetBelievesBytesNotWords)
{
    const agh_conn n1 = agent("n1");
    const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
    respond(n1, sent(n1, 1), {{"status", "success"}});
    EXPECT_EQ(answer(rest).status, 502);
    EXPECT_EQ(code(rest), "NETWORK_ERROR");
}

TEST_F(HubTest, FileCallsPassTheAgentsErrorsOn)
{
    const agh_conn n1 = agent("n1");
    const agh_conn get = ask("GET", "/api/agents/n1/files/f1");
    const json wire = sent(n1, 1);
    respond(n1, wire, {{"status", "error"}, {"message", "File not found"}});
    EXPECT_EQ(answer(get).status, 404);
    EXPECT_EQ(answer(host->listener.request("PUT", path_of(wire["upload_url"]), "{}", {}, R"("length":4)")).status, 404);
    const agh_conn del = ask("DELETE", "/api/agents/n1/files/f2");
    EXPECT_EQ(sent(n1, 2)["file_id"], "f2");
    respond(n1, sent(n1, 2), {{"status", "success"}, {"data", {{"free_bytes", 1}}}});
    EXPECT_EQ(answer(del).body["free_bytes"], 1);
}

TEST_F(HubTest, OneTimeUrlsHaveADirection)
{
    const agh_conn n1 = agent("n1");
    put("/api/agents/n1/files/f1", "abc");
    std::string download = path_of(sent(n1, 1)["download_url"]);
    std::string swapped = download;
    swapped.replace(swapped.find("download"), 8, "upload");
    EXPECT_EQ(answer(host->listener.request("PUT", swapped, "{}", {}, R"("length":4)")).status, 404);
    download.back() = download.back() == '0' ? '1' : '0';
    EXPECT_EQ(answer(host->listener.request("GET", download)).status, 404);
}

TEST_F(HubTest, AFileCallEndsWhenItsAgentStaysAway)
{
    boot({{"agent_grace", "50ms"}});
    const agh_conn n1 = agent("n1");
    const agh_conn rest = ask("GET", "/api/agents/n1/files/f1");
    sent(n1, 1);
    host->listener.closed(n1);
    EXPECT_EQ(answer(rest).status, 503);
    EXPECT_EQ(code(rest), "AGENT_OFFLINE");
}

TEST_F(HubTest, AFileCallGoesOnWhenItsAgentComesBack)
{
    const agh_conn first = agent("n1");
    const agh_conn rest = ask("DELETE", "/api/agents/n1/files/f1");
    const json wire = sent(first, 1);
    host->listener.closed(first);
    const agh_conn second = agent("n1");
    EXPECT_EQ(sent(second, 1), wire);
    respond(second, wire, {{"status", "success"}});
    EXPECT_EQ(answer(rest).status, 200);
}

TEST_F(HubTest, MintsAgentsAndRevokesThem)
{
    const auto added = host->call("hub.agent_add", R"({"id":"n9"})");
    ASSERT_TRUE(added.ok()) << added.json;
    const std::string token = json::parse(added.json)["secret"];
    EXPECT_EQ(token.size(), 64U);
    EXPECT_FALSE(host->call("hub.agent_add", R"({"id":"n9"})").ok()) << "only with rotate";
    const agh_conn n9 = dial("n9", token);
    EXPECT_EQ(sent(n9, 0)["status"], "ok");
    const agh_conn rest = command("n9", {{"action", "info"}});
    EXPECT_THAT(host->call("hub.agent_list").json, HasSubstr(R"({"id":"n9","credential":"minted","status":"online"})"));
    EXPECT_TRUE(host->call("hub.agent_revoke", R"({"id":"n9"})").ok());
    EXPECT_EQ(close_code(n9), 1008);
    EXPECT_EQ(answer(rest).body["error"]["code"], "AGENT_NOT_FOUND");
    EXPECT_EQ(sent(dial("n9", token), 0)["status"], "error");
    EXPECT_EQ(code(ask("GET", "/api/agents/n9")), "AGENT_NOT_FOUND");
    EXPECT_FALSE(host->call("hub.agent_revoke", R"({"id":"n9"})").ok());
}

TEST_F(HubTest, RevokesAgentsOfTheFileAcrossARestart)
{
    const agh_conn n1 = agent("n1");
    EXPECT_TRUE(host->call("hub.agent_revoke", R"({"id":"n1"})").ok());
    EXPECT_EQ(close_code(n1), 1008);
    boot();
    EXPECT_EQ(sent(dial("n1", "secret-of-n1"), 0)["status"], "error");
    EXPECT_TRUE(host->call("hub.agent_add", R"({"id":"n1"})").ok());
    EXPECT_EQ(sent(dial("n1", "secret-of-n1"), 0)["status"], "ok");
}

TEST_F(HubTest, RotationEndsTheOldTokenAndItsSession)
{
    const std::string one = json::parse(host->call("hub.agent_add", R"({"id":"n9"})").json)["secret"];
    const agh_conn n9 = dial("n9", one);
    const std::string two = json::parse(host->call("hub.agent_add", R"({"id":"n9","rotate":true})").json)["secret"];
    EXPECT_EQ(close_code(n9), 1008);
    EXPECT_EQ(sent(dial("n9", one), 0)["status"], "error");
    EXPECT_EQ(sent(dial("n9", two), 0)["status"], "ok");
}

TEST_F(HubTest, MintsBearerTokensAndRevokesThem)
{
    const json made = json::parse(host->call("hub.token_new", R"({"label":"ci"})").json);
    const std::string token = made["token"];
    EXPECT_EQ(answer(host->listener.request("GET", "/api/agents", bearer(token))).status, 200);
    boot();
    EXPECT_EQ(answer(host->listener.request("GET", "/api/agents", bearer(token))).status, 200);
    EXPECT_THAT(host->call("hub.token_list").json, HasSubstr("\"label\":\"ci\""));
    EXPECT_THAT(host->call("hub.token_list").json, Not(HasSubstr(token)));
    EXPECT_TRUE(host->call("hub.token_revoke", json{{"id", made["id"]}}.dump()).ok());
    EXPECT_EQ(answer(host->listener.request("GET", "/api/agents", bearer(token))).status, 401);
    EXPECT_FALSE(host->call("hub.token_revoke", json{{"id", made["id"]}}.dump()).ok());
}

TEST_F(HubTest, ReadsChangedSecretsAndCutsWhatTheyNoLongerAdmit)
{
    const agh_conn n1 = agent("n1");
    const agh_conn n2 = agent("n2");
    write_file(dir / "agents.yaml", "agents:\n  - {id: n2, secret: secret-of-n2}\n  - {id: n3, secret: secret-of-n3}\n");
    write_file(dir / "admin", "another-admin-token");
    EXPECT_TRUE(host->listener.wait(n1, [](auto& e) { return e.close_code == 1008; }));
    agent("n3");
    EXPECT_EQ(host->listener.exchange(n2).close_code, 0);
    EXPECT_TRUE(wait_for([&] { return answer(host->listener.request("GET", "/api/agents", bearer("another-admin-token"))).status == 200; }));
    EXPECT_EQ(answer(ask("GET", "/api/agents")).status, 401);
}

TEST_F(HubTest, KeepsTheOldSecretsWhenTheNewFileIsBadAndSaysSo)
{
    EXPECT_TRUE(host->health().ok());
    write_file(dir / "agents.yaml", "agents: [");
    EXPECT_TRUE(wait_for([&] { return !host->health().ok(); }));
    EXPECT_THAT(host->health().text, HasSubstr("agents.yaml"));
    agent("n1");
    write_file(dir / "agents.yaml", "agents:\n  - {id: n1, secret: secret-of-n1}\n");
    EXPECT_TRUE(wait_for([&] { return host->health().ok(); }));
}

TEST_F(HubTest, DoesNotStartWithSecretsOthersCanRead)
{
    write_file(dir / "open", "a-token", 0600);
    ASSERT_EQ(::chmod((dir / "open").c_str(), 0644), 0);
    FakeHost other{agenthost::testing::load_entry((agenthost::test::plugin_dir() / "hub.so").string()),
                   json{{"admin_token", {{"file", (dir / "open").string()}}}, {"reserve_free", 0}}.dump()};
    const auto started = other.start();
    EXPECT_FALSE(started.ok());
    EXPECT_THAT(started.text, HasSubstr("chmod 0600"));
}

TEST_F(HubTest, DoesNotStartOnAListenerThatIsNotThere)
{
    FakeHost other{agenthost::testing::load_entry((agenthost::test::plugin_dir() / "hub.so").string()), R"({"listener":"nowhere","reserve_free":0})"};
    const auto started = other.start();
    EXPECT_FALSE(started.ok());
    EXPECT_THAT(started.text, HasSubstr("no such listener is configured"));
}

TEST_F(HubTest, SaysGoodbyeWhenItGoesDown)
{
    const agh_conn n1 = agent("n1");
    const agh_conn waiting = command("n1", {{"action", "info"}});
    const agh_conn file = ask("GET", "/api/agents/n1/files/f1");
    sent(n1, 2);
    std::thread daemon{[&] { EXPECT_TRUE(host->drain()); }};
    EXPECT_EQ(close_code(n1), 1001);
    EXPECT_EQ(answer(waiting).status, 202);
    EXPECT_EQ(answer(file).status, 503);
    EXPECT_EQ(answer(ask("GET", "/api/agents")).status, 503);
    for (const agh_conn conn : {n1, waiting, file}) host->listener.closed(conn);
    daemon.join();
}

TEST_F(HubTest, SaysWhenTheDiskTookNotTheBody)
{
    const agh_conn n1 = agent("n1");
    const agh_conn conn = ask("PUT", "/api/agents/n1/files/f1", {}, R"("length":60)");
    ASSERT_TRUE(host->listener.wait(conn, [](auto& e) { return e.receiving; }));
    host->listener.body(conn, "only this", AGH_E_INTERNAL);
    EXPECT_EQ(answer(conn).status, 507);
    EXPECT_EQ(host->listener.exchange(n1).sent.size(), 1U);
}

TEST_F(HubTest, NoSecretReachesTheLog)
{
    const std::string minted = json::parse(host->call("hub.agent_add", R"({"id":"n9"})").json)["secret"];
    dial("n9", minted);
    dial("n1", "a-wrong-secret");
    const agh_conn n1 = agent("n1");
    put("/api/agents/n1/files/f1", "abc");
    const std::string url = sent(n1, 1)["download_url"];
    host->listener.frame(n1, R"({"action":"response","request_id":5})"); // malformed: is logged
    EXPECT_TRUE(host->wait([&] { return host->logged("not of its protocol"); }));
    for (const auto& line : host->logs()) {
        for (const std::string& secret : {minted, std::string{"a-wrong-secret"}, std::string{"secret-of-n1"}, std::string{admin}, url.substr(url.rfind('/') + 1)}) {
            EXPECT_THAT(line.message + line.fields, Not(HasSubstr(secret)));
        }
    }
}

TEST_F(HubTest, PublishesHowManyAgentsAreThere)
{
    agent("n1");
    EXPECT_TRUE(host->wait([&] { return host->facts()["agents"].find("\"online\":1") != std::string::npos; }));
    EXPECT_EQ(host->mistakes(), std::vector<std::string>{});
}

TEST_F(HubTest, ManyCallersAndAgentsAtOnceEachGetTheirOwnAnswer)
{
    std::vector<agh_conn> agents{agent("n1"), agent("n2")};
    std::atomic<int> right{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (std::size_t a = 0; a < agents.size(); ++a) {
        threads.emplace_back([&, a] { // an agent that answers what it is asked
            for (std::size_t seen = 1; !over;) {
                const auto frames = host->listener.exchange(agents[a]).sent;
                for (; seen < frames.size(); ++seen) {
                    const json wire = json::parse(frames[seen].bytes);
                    respond(agents[a], wire, {{"status", "success"}, {"data", {{"n", wire["n"]}}}});
                }
                std::this_thread::yield();
            }
        });
    }
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 25; ++i) {
                const int n = t * 100 + i;
                const auto done = answer(command(t % 2 == 0 ? "n1" : "n2", {{"action", "echo"}, {"params", {{"n", n}}}}));
                if (done.status == 200 && done.body["data"]["n"] == n) ++right;
            }
        });
    }
    for (std::size_t i = agents.size(); i < threads.size(); ++i) threads[i].join();
    over = true;
    for (std::size_t i = 0; i < agents.size(); ++i) threads[i].join();
    EXPECT_EQ(right, 100);
}

} // namespace

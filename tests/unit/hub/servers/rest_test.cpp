// The routes of the servers of one agent: what reaches the agent, and every kind of answer.
#include "servers_fixture.hpp"

#include <span>

using namespace agenthost::hub_test;

namespace {

struct Route {
    const char *method, *path, *query, *body, *action;
    json params;
};

class Routes : public ServersTest {
protected:
    // Each request reaches the agent as its action, and is answered when the agent has answered.
    void expect(std::span<const Route> table)
    {
        node("n1");
        for (const auto& row : table) {
            SCOPED_TRACE(std::string{row.method} + " " + row.path + " " + row.body);
            const Conn conn = ask(row.method, std::string{one} + row.path, row.body, row.query);
            EXPECT_EQ(last().action, row.action);
            EXPECT_EQ(last().target, "mc1");
            EXPECT_EQ(json::parse(last().params), row.params);
            EXPECT_FALSE(answered(conn));
            succeed({{"content", "eA=="}, {"encoding", "base64"}, {"size", 1}});
            EXPECT_EQ(status(conn), 200);
        }
    }
};

TEST_F(Routes, OfAServerSendTheirActionsWithTheirParameters)
{
    const Route table[] = {
        {"GET", "", "", "", "docker.get_status", json::object()},
        {"DELETE", "", "", "", "docker.delete_server", json::object()},
        {"POST", "/power", "", R"({"action":"start"})", "docker.start_server", json::object()},
        {"POST",
         "/power",
         "",
         R"({"action":"stop","signal":"SIGINT","timeout":30})",
         "docker.stop_server",
         {{"signal", "SIGINT"}, {"timeout", 30}}},
        {"POST",
         "/power",
         "",
         R"({"action":"restart","timeout":5})",
         "docker.restart_server",
         {{"timeout", 5}}},
        {"POST", "/power", "", R"({"action":"kill"})", "docker.kill_server", json::object()},
        {"POST",
         "/command",
         "",
         R"({"command":"say \"hi\""})",
         "docker.send_command",
         {{"command", "say \"hi\""}}},
        {"POST", "/reinstall", "", "", "docker.reinstall_server", json::object()},
        {"GET",
         "/logs",
         "tail=5&since=2025-01-23T10:00:00Z&offset=007&limit=9",
         "",
         "docker.get_logs",
         {{"tail", 5}, {"since", "2025-01-23T10:00:00Z"}, {"offset", 7}, {"limit", 9}}},
    };
    expect(table);
}

TEST_F(Routes, OfFilesSendTheirActionsWithTheirParameters)
{
    const Route table[] = {
        {"GET",
         "/files",
         "path=/a%20b&after=x&limit=10&offset=2",
         "",
         "docker.list_files",
         {{"path", "/a b"}, {"after", "x"}, {"limit", 10}, {"offset", 2}}},
        {"GET",
         "/files/content",
         "path=/server.properties&offset=5&length=100",
         "",
         "docker.get_file",
         {{"path", "/server.properties"}, {"offset", 5}, {"length", 100}}},
        {"PUT",
         "/files/content",
         "path=/a.txt&mode=0640",
         "text\n",
         "docker.write_file",
         {{"path", "/a.txt"}, {"mode", "0640"}, {"encoding", "base64"}, {"content", "dGV4dAo="}}},
        {"DELETE", "/files", "path=/world", "", "docker.delete_file", {{"path", "/world"}}},
    };
    expect(table);
}

TEST_F(Routes, ThatChangeFilesSendTheirActionsWithTheirParameters)
{
    const Route table[] = {
        {"POST",
         "/files/rename",
         "",
         R"({"from":"a","to":"b"})",
         "docker.rename_file",
         {{"from", "a"}, {"to", "b"}}},
        {"POST",
         "/files/copy",
         "",
         R"({"from":"a","to":"b","replace":true})",
         "docker.copy_file",
         {{"from", "a"}, {"to", "b"}, {"replace", true}}},
        {"POST",
         "/files/mkdir",
         "",
         R"({"path":"p","parents":true})",
         "docker.make_directory",
         {{"path", "p"}, {"parents", true}}},
        {"POST",
         "/files/chmod",
         "",
         R"({"path":"p","mode":"0755"})",
         "docker.chmod_file",
         {{"path", "p"}, {"mode", "0755"}}},
        {"POST",
         "/files/archive",
         "",
         R"({"files":["w"],"target":"w.zip"})",
         "docker.archive_files",
         {{"files", {"w"}}, {"target", "w.zip"}}},
        {"POST",
         "/files/extract",
         "",
         R"({"path":"w.zip","target":"/"})",
         "docker.extract_archive",
         {{"path", "w.zip"}, {"target", "/"}}},
    };
    expect(table);
}

TEST_F(ServersTest, TheListOfServersSendsItsActionWithItsParameters)
{
    node("n1");
    const Conn conn = ask("GET", "/api/agents/n1/servers", {}, "limit=3&after=a");
    EXPECT_EQ(last().action, "docker.list_servers");
    EXPECT_EQ(last().target, "");
    succeed({{"servers", json::array()}});
    EXPECT_EQ(body(conn), (json{{"servers", json::array()}}));
}

TEST_F(ServersTest, AuditsWhatChangesSomething)
{
    node("n1");
    daemon.logged.clear();
    ask("GET", one);
    ask("GET", std::string{one} + "/logs");
    EXPECT_TRUE(daemon.logged.empty());
    ask("POST", std::string{one} + "/power", R"({"action":"kill"})");
    ask("DELETE", one);
    EXPECT_THAT(daemon.logged,
                testing::ElementsAre("audit: docker.kill_server", "audit: docker.delete_server"));
}

TEST_F(ServersTest, RefusesMalformedRequestsWithoutAskingTheAgent)
{
    node("n1");
    const std::size_t before = fanout.sent.size();
    struct {
        const char *method, *path, *query, *body;
    } const table[] = {
        {"POST", "/power", "", "{}"},
        {"POST", "/power", "", R"({"action":"explode"})"},
        {"POST", "/power", "", R"({"action":"start","timeout":3})"},
        {"POST", "/power", "", R"({"action":"stop","timeout":"3"})"},
        {"POST", "/power", "", R"({"action":"stop","signal":5})"},
        {"POST", "/power", "", R"({"action":"stop","more":5})"},
        {"POST", "/power", "", ""},
        {"POST", "/power", "timeout=soon", R"({"action":"start"})"},
        {"POST", "/command", "", R"({"command":"a\nb"})"},
        {"POST", "/command", "", R"({"command":"a\u0000b"})"},
        {"POST", "/command", "", R"({"command":5})"},
        {"POST", "/command", "", R"({"command":"a","x":1})"},
        {"GET", "/logs", "tail=0", ""},
        {"GET", "/logs", "tail=-1", ""},
        {"GET", "/logs", "offset=x", ""},
        {"GET", "/files", "limit=999999", ""},
        {"GET", "/files/content", "", ""},
        {"GET", "/files/content", "path=a%00b", ""},
        {"GET", "/files/content", "path=a%ff", ""},
        {"DELETE", "/files", "path=/a%fe", ""},
        {"GET", "/files", "path=%c0%af", ""},
        {"GET", "/files", "after=%ff", ""},
        {"PUT", "/files/content", "path=/a%ff", "x"},
        {"PUT", "/files/content", "", "x"},
        {"PUT", "/files/content", "path=a&replace=maybe", "x"},
        {"DELETE", "/files", "", ""},
        {"POST", "/files/rename", "", R"({"from":"a"})"},
        {"POST", "/files/rename", "", R"({"from":"a","to":5})"},
        {"POST", "/files/mkdir", "", R"({"path":"a","mode":"0755"})"},
        {"POST", "/files/archive", "", R"({"files":"a","target":"b"})"},
        {"POST", "/files/extract", "", "[]"},
    };
    for (const auto& row : table) {
        const Conn conn = ask(row.method, std::string{one} + row.path, row.body, row.query);
        EXPECT_EQ(status(conn), 400) << row.path << " " << row.query << " " << row.body;
        EXPECT_EQ(body(conn)["error"]["code"], "INVALID_REQUEST");
    }
    EXPECT_EQ(status(ask("PUT", std::string{one} + "/files/content", std::string(600 << 10, 'x'), "path=a")),
              413);
    EXPECT_EQ(status(ask("GET", "/api/agents/n1/servers/" + std::string(129, 'a'))), 400);
    EXPECT_EQ(fanout.sent.size(), before);
}

TEST_F(ServersTest, RefusesMalformedCreationsWithoutAskingTheAgent)
{
    node("n1");
    const std::size_t before = fanout.sent.size();
    EXPECT_EQ(
        status(ask("POST", "/api/agents/n1/servers", R"({"serverId":"a/b","eggConfig":{"image":"i"}})")),
        422);
    EXPECT_EQ(status(ask("POST", "/api/agents/n1/servers", R"({"eggConfig":{"image":"i"},"agents":[]})")),
              400);
    for (const char* path : {"/api/agents/n1/servers", "/api/servers"}) {
        for (const char* member :
             {R"("serverId":null)", R"("serverId":5)", R"("serverId":[])", R"("name":5)"}) {
            const Conn conn = ask("POST", path, "{" + std::string{member} + R"(,"eggConfig":{"image":"i"}})");
            EXPECT_EQ(status(conn), 400) << path << member;
            EXPECT_EQ(body(conn)["error"]["code"], "INVALID_REQUEST") << path << member;
        }
        const Conn empty = ask("POST", path, R"({"serverId":"","eggConfig":{"image":"i"}})");
        EXPECT_EQ(status(empty), 422) << path;
        EXPECT_THAT(body(empty)["error"]["message"], HasSubstr("serverId"));
    }
    EXPECT_EQ(status(ask("POST", "/api/servers", R"({"eggConfig":{"image":"i"},"agents":[]})")), 400)
        << "no agent is not every agent";
    EXPECT_EQ(fanout.sent.size(), before);
}

TEST_F(ServersTest, KeepsEveryCodeOfTheDocumentWithItsStatusAndARemedy)
{
    node("n1");
    const std::pair<const char*, int> codes[] = {
        {"SERVER_NOT_FOUND", 404},  {"CONTAINER_NOT_FOUND", 404}, {"INSUFFICIENT_RESOURCES", 507},
        {"PERMISSION_DENIED", 403}, {"DOCKER_ERROR", 502},        {"CONFIG_INVALID", 422},
        {"PORT_CONFLICT", 409},     {"UNKNOWN_ACTION", 400},      {"FILE_NOT_FOUND", 404},
        {"AUTH_FAILED", 401}};
    for (const auto& [code, http] : codes) {
        const Conn conn = ask("POST", std::string{one} + "/power", R"({"action":"start"})");
        const std::string id = last().id;
        fail(code, "the agent's words");
        EXPECT_EQ(status(conn), http) << code;
        const json answer = body(conn);
        EXPECT_EQ(answer["error"]["code"], code);
        EXPECT_EQ(answer["error"]["message"], "the agent's words");
        EXPECT_EQ(answer["error"]["remedy"], std::string{remedy_of(code)});
        EXPECT_FALSE(remedy_of(code).empty()) << code;
        EXPECT_EQ(answer["id"], id);
        EXPECT_EQ(answer["serverId"], "mc1");
        EXPECT_EQ(answer["status"], "error");
    }
}

TEST_F(ServersTest, AnOfflineAgentIs503WithTheLastKnownState)
{
    node("n1", json::object(), json::array({{{"serverId", "mc1"}, {"status", "running"}}}));
    leave("n1");
    const Conn conn = ask("GET", one);
    EXPECT_EQ(status(conn), 503);
    const json answer = body(conn);
    EXPECT_EQ(answer["error"]["code"], "AGENT_OFFLINE");
    EXPECT_THAT(answer["error"]["remedy"].get<std::string>(), HasSubstr("Start agenthost"));
    EXPECT_EQ(answer["lastKnown"]["status"], "running");
    EXPECT_EQ(answer["lastKnown"]["healthy"], false);
    EXPECT_EQ(status(ask("GET", "/api/agents/nobody/servers/mc1")), 404);
    EXPECT_EQ(status(ask("POST", std::string{one} + "/power", R"({"action":"start"})")), 503);
}

TEST_F(ServersTest, ASlowActionIs202WithItsTask)
{
    node("n1");
    const Conn conn = ask("POST", std::string{one} + "/power", R"({"action":"start"})", "timeout=2");
    pass(2s);
    EXPECT_EQ(status(conn), 202);
    EXPECT_EQ(body(conn)["status"], "dispatched");
    EXPECT_EQ(body(conn)["serverId"], "mc1");
    EXPECT_EQ(header(conn, "location"), "/api/tasks/" + last().id);
    const Conn at_once = ask("POST", std::string{one} + "/power", R"({"action":"stop"})", "timeout=0");
    EXPECT_EQ(status(at_once), 202);
}

TEST_F(ServersTest, ATaskSurvivesABrokenSessionUnderTheSameId)
{
    node("n1");
    const Conn conn = ask("POST", std::string{one} + "/power", R"({"action":"start"})");
    const auto first = last();
    leave("n1");
    join("n1", "panel");
    EXPECT_EQ(last().id, first.id) << "the agent's journal answers a repeat";
    EXPECT_EQ(last().action, "docker.start_server");
    succeed({{"status", "starting"}});
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(server_rows.rows.at({"n1", "mc1"}).desired, DesiredState::running);
}

TEST_F(ServersTest, ProtocolsWithoutATargetNameTheServerInTheParameters)
{
    join("n1", "storage");
    ask("POST", std::string{one} + "/power", R"({"action":"stop","timeout":9})");
    EXPECT_EQ(last().target, "");
    EXPECT_EQ(json::parse(last().params), (json{{"serverId", "mc1"}, {"timeout", 9}}));
    TaskRecord task{.params = R"({"serverId":"old","a":1})"};
    task.action = server_action::create;
    name_server(task, "new", "panel");
    EXPECT_EQ(json::parse(task.params), (json{{"serverId", "new"}, {"a", 1}}))
        << "the document has it in the payload";
    EXPECT_EQ(named_server(task), "new");
}

TEST_F(ServersTest, AHeadOfAFileAsksForItsSizeOnly)
{
    node("n1");
    const auto head = [&](const std::string& query, std::uint64_t size, int offset = 0) {
        const Conn conn = ask("HEAD", std::string{one} + "/files/content", {}, query);
        EXPECT_EQ(last().action, server_action::get_file);
        EXPECT_EQ(json::parse(last().params)["length"], 1) << "not the file";
        EXPECT_EQ(json::parse(last().params).value("offset", 0), offset);
        succeed({{"size", size}, {"encoding", "base64"}, {"content", "AA=="}, {"offset", offset}});
        return conn;
    };
    const Conn small = head("path=/a", 10);
    EXPECT_EQ(status(small), 200);
    EXPECT_EQ(daemon.answers.at(small).absent_length, 10u);
    EXPECT_EQ(daemon.answers.at(small).body, "") << "no bytes are made up";
    EXPECT_EQ(header(small, "x-file-size"), "10");
    EXPECT_EQ(header(small, "x-next-offset"), "");
    const Conn large = head("path=/a", std::uint64_t{5} << 30);
    EXPECT_EQ(daemon.answers.at(large).absent_length, ServerFilesRest::max_content);
    EXPECT_EQ(header(large, "x-next-offset"), std::to_string(ServerFilesRest::max_content));
    const Conn part = head("path=/a&offset=4&length=3", 10, 4);
    EXPECT_EQ(daemon.answers.at(part).absent_length, 3u);
    EXPECT_EQ(header(part, "x-next-offset"), "7");
    const Conn empty = head("path=/a", 0);
    EXPECT_EQ(daemon.answers.at(empty).absent_length, 0u);
    const Conn none = ask("HEAD", std::string{one} + "/files/content", {}, "path=/b");
    fail("FILE_NOT_FOUND");
    EXPECT_EQ(status(none), 404);
}

TEST_F(ServersTest, AFilesContentIsItsBytes)
{
    node("n1");
    const Conn conn = ask("GET", std::string{one} + "/files/content", {}, "path=/a");
    succeed({{"path", "/a"}, {"size", 10}, {"encoding", "base64"}, {"content", "AAEC/w=="}, {"offset", 2}});
    EXPECT_EQ(status(conn), 200);
    EXPECT_EQ(daemon.answers.at(conn).body, std::string("\0\1\2\xff", 4));
    EXPECT_EQ(header(conn, "x-file-size"), "10");
    EXPECT_EQ(header(conn, "x-next-offset"), "6");
    const Conn text = ask("GET", std::string{one} + "/files/content", {}, "path=/a");
    succeed({{"size", 2}, {"encoding", "utf8"}, {"content", "é"}});
    EXPECT_EQ(daemon.answers.at(text).body, "é");
    EXPECT_EQ(header(text, "x-next-offset"), "");
    for (const json& wrong :
         {json{{"size", 2}}, json{{"content", "!"}, {"encoding", "base64"}}, json::array()}) {
        const Conn broken = ask("GET", std::string{one} + "/files/content", {}, "path=/a");
        succeed(wrong);
        EXPECT_EQ(status(broken), 502) << wrong;
    }
}

} // namespace

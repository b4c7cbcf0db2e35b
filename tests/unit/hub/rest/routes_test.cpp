// The hub's route table: the row of a request, its role, and requests without a row.
#include "tests/unit/hub/parts.hpp"

#include "tests/support/support.hpp"

#include <fstream>
#include <regex>

using namespace agenthost::hub_test;
namespace base = agenthost::base;

namespace {

// A row names its role: without one, or with its role in another place, it does not compile.
template <class... Member>
concept Row = requires(Member... m)
{
    Route{m...};
};
using Handler = std::function<void(const HttpRequest&)>;
static_assert(Row<const char*, const char*, Needs::Role, Handler>);
static_assert(!Row<const char*, const char*, Handler>);
static_assert(!Row<const char*, const char*>);
static_assert(!std::is_default_constructible_v<Needs>);

class EnrolmentRows final : public EnrolmentTable { // writes nothing
public:
    bool save(const Enrolment&, std::uint64_t, std::function<void(Written)>) override { return false; }
    bool remove(std::string, std::uint64_t, std::function<void(Written)>) override { return false; }
    bool save(const MintedJwt&, std::function<void(bool)>) override { return false; }
    bool remove_jwt(std::string, std::function<void(bool)>) override { return false; }
};

class RoutesTest : public PartsTest {
protected:
    RoutesTest()
    {
        registration_rows = registration.routes();
        for (const Route& row : registration_rows) all.push_back(row);
        for (const Route& row : rest.routes()) all.push_back(row);
        std::string why;
        const auto jwt = Jwt::of_secret(std::string(40, 'k'), why);
        credentials.agents.set_jwt(jwt);
        for (const Role role : {Role::agent, Role::dashboard, Role::admin})
            tokens[role] = jwt->sign(
                {.sub = "s", .role = role, .iat = utc / 1000, .exp = utc / 1000 + 3600, .jti = "j"});
    }
    // The status that the hub answers; 0: the handler was called.
    int status_of_call(Rest& gate, std::string_view method, std::string_view path, std::string_view token)
    {
        const Conn conn = ++last;
        Head head{.method = std::string{method}, .path = std::string{path}, .peer = std::to_string(conn)};
        if (!token.empty()) head.headers.emplace("authorization", "Bearer " + std::string{token});
        enter([&] { gate.request(exchanges.open(conn), head); });
        return status(conn);
    }
    // The hub's rows, with handlers that only count their calls.
    std::vector<Route> counted(int& called) const
    {
        std::vector<Route> rows = all;
        for (Route& row : rows) row.handler = [&called](const HttpRequest&) { ++called; };
        return rows;
    }
    static std::string path_of(std::string_view pattern)
    {
        std::string path{pattern};
        for (const std::string_view name : {":agent", ":server", ":id", ":file", ":token"}) {
            if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), "x");
        }
        return path.find(':') == std::string::npos ? path : path_of(path);
    }

    EnrolmentRows table;
    EnrolmentBook book{core, credentials, table};
    Registration registration{core, exchanges, credentials, book, {.renewed = [](auto, auto&) {}}};
    std::vector<Route> registration_rows, all;
    std::map<Role, std::string> tokens;
    Conn last = 1'000;
};

// Each row with each role.
TEST_F(RoutesTest, EveryRowIsCalledByItsRoleAndByNoOther)
{
    for (const Route& row : all) {
        Rest gate{core, exchanges, credentials.callers};
        int called = 0;
        gate.add({{row.method, row.pattern, row.needs, [&](const HttpRequest&) { ++called; }}});
        const auto may = [&](std::string_view token) {
            called = 0;
            const int answer = status_of_call(gate, row.method, path_of(row.pattern), token);
            EXPECT_EQ(answer == 0, called == 1) << row.method << " " << row.pattern;
            return answer;
        };
        const bool open = row.needs.role() == Needs::own_credential;
        const bool admins = row.needs.role() == Needs::admin;
        EXPECT_EQ(may(""), open ? 0 : 401) << row.method << " " << row.pattern;
        EXPECT_EQ(may("wrong"), open ? 0 : 401) << row.method << " " << row.pattern;
        EXPECT_EQ(may(tokens[Role::agent]), open ? 0 : 403) << row.method << " " << row.pattern;
        EXPECT_EQ(may(tokens[Role::dashboard]), admins ? 403 : 0) << row.method << " " << row.pattern;
        EXPECT_EQ(may(tokens[Role::admin]), 0) << row.method << " " << row.pattern;
    }
}

TEST_F(RoutesTest, AnAdminsRowRefusesADashboard)
{
    Rest gate{core, exchanges, credentials.callers};
    gate.add({{"GET", "/api/secrets", Needs::admin, [](const HttpRequest&) {}}});
    EXPECT_EQ(status_of_call(gate, "GET", "/api/secrets", tokens[Role::dashboard]), 403);
    EXPECT_EQ(status_of_call(gate, "GET", "/api/secrets", tokens[Role::admin]), 0);
}

// This list must be changed with every new row and every changed role.
TEST_F(RoutesTest, TheHubHasExactlyTheseRoutes)
{
    std::vector<std::string> rows;
    for (const Route& row : all) {
        const char* const role = row.needs.role() == Needs::own_credential ? "own_credential"
                                 : row.needs.role() == Needs::dashboard    ? "dashboard"
                                                                           : "admin";
        rows.push_back(std::string{row.method} + " " + std::string{row.pattern} + " " + role);
    }
    EXPECT_THAT(
        rows,
        testing::UnorderedElementsAre(
            "POST /api/agents/register own_credential", "POST /api/agents/refresh own_credential",
            "GET /api/agents dashboard", "GET /api/agents/:agent dashboard",
            "GET /api/agents/:agent/health dashboard", "GET /api/agents/:agent/metrics dashboard",
            "GET /api/agents/:agent/events dashboard", "GET /api/agents/:agent/logs dashboard",
            "POST /api/agents/:agent/commands dashboard", "GET /api/tasks/:id dashboard",
            "DELETE /api/tasks/:id dashboard", "GET /api/commands/:id dashboard",
            "GET /api/commands/:id/output dashboard", "POST /api/agent-tasks dashboard",
            "GET /api/agent-tasks/:id dashboard", "GET /api/agent-heartbeat dashboard",
            "GET /api/websocket/agents dashboard", "GET /api/websocket/agents/:agent dashboard",
            "POST /api/websocket/agents/:agent/command dashboard",
            "PUT /api/agents/:agent/files/:file dashboard", "GET /api/agents/:agent/files/:file dashboard",
            "DELETE /api/agents/:agent/files/:file dashboard", "PUT /api/temp/upload/:token own_credential",
            "POST /api/temp/upload/:token own_credential", "GET /api/temp/download/:token own_credential",
            "GET /api/servers dashboard", "POST /api/servers dashboard", "GET /api/servers/metrics dashboard",
            "GET /api/agents/:agent/servers dashboard", "POST /api/agents/:agent/servers dashboard",
            "GET /api/agents/:agent/servers/:server dashboard",
            "DELETE /api/agents/:agent/servers/:server dashboard",
            "POST /api/agents/:agent/servers/:server/power dashboard",
            "POST /api/agents/:agent/servers/:server/command dashboard",
            "POST /api/agents/:agent/servers/:server/reinstall dashboard",
            "GET /api/agents/:agent/servers/:server/logs dashboard",
            "GET /api/agents/:agent/servers/:server/files dashboard",
            "DELETE /api/agents/:agent/servers/:server/files dashboard",
            "GET /api/agents/:agent/servers/:server/files/content dashboard",
            "PUT /api/agents/:agent/servers/:server/files/content dashboard",
            "POST /api/agents/:agent/servers/:server/files/rename dashboard",
            "POST /api/agents/:agent/servers/:server/files/copy dashboard",
            "POST /api/agents/:agent/servers/:server/files/mkdir dashboard",
            "POST /api/agents/:agent/servers/:server/files/chmod dashboard",
            "POST /api/agents/:agent/servers/:server/files/archive dashboard",
            "POST /api/agents/:agent/servers/:server/files/extract dashboard",
            "POST /api/shops/:agent/print dashboard", "GET /api/shops/:agent/printers dashboard",
            "GET /api/shops/:agent/tasks dashboard", "POST /api/agent-tasks/:id/reprint dashboard",
            "GET /api/agent-tasks/:id/receipt.png dashboard",
            "GET /api/agent-tasks/:id/receipt.txt dashboard"));
}

// Each `curl` of API.md names a row and its role, and each row has its `curl`.
TEST_F(RoutesTest, TheManualShowsEveryRowWithItsRole)
{
    Router router;
    router.add(all);
    std::set<const Route*> shown;
    const std::regex call{R"(^curl .*\$H(/api/[^\s"?]*))"}, other_method{R"( -X ([A-Z]+))"};
    std::ifstream manual{agenthost::test::source_dir() / "plugins/hub/API.md"};
    for (std::string line; std::getline(manual, line);) {
        std::smatch found, named;
        if (!std::regex_search(line, found, call)) continue;
        const std::string path = found[1];
        std::vector<std::string> methods{"GET"};
        if (std::regex_search(line, named, other_method)) methods = {named[1]};
        for (const char* body : {" -d ", " --data-binary "})
            if (line.find(body) != std::string::npos) methods = {"POST"};
        if (line.find(" -T ") != std::string::npos) methods = {"PUT"};
        if (line.find("PUT or POST") != std::string::npos) methods = {"PUT", "POST"};
        const auto role =
            line.find("-H \"$A\"") != std::string::npos ? Needs::dashboard : Needs::own_credential;
        for (const std::string& method : methods) {
            const Match match = router.match(method, path);
            ASSERT_NE(match.route, nullptr) << line;
            EXPECT_EQ(match.route->method, method) << line;
            EXPECT_EQ(match.route->needs.role(), role) << line;
            shown.insert(match.route);
        }
    }
    for (const Route& row : router.rows())
        EXPECT_TRUE(shown.contains(&row)) << row.method << " " << row.pattern << " has no curl in API.md";
}

// A row is reached only by its own method; especially never by DELETE.
TEST_F(RoutesTest, EveryOtherMethodOfEveryRowIs405)
{
    int called = 0;
    Rest gate{core, exchanges, credentials.callers};
    gate.add(counted(called));
    std::set<std::pair<std::string_view, std::string_view>> there{
        // "register" and "refresh" are also the id of an agent.
        {"GET", "/api/agents/register"},
        {"GET", "/api/agents/refresh"}};
    for (const Route& row : all) there.emplace(row.method, row.pattern);
    for (const auto& [method, pattern] : std::set{there}) {
        if (method == "GET") there.emplace("HEAD", pattern);
    }
    for (const Route& row : all) {
        const std::string path = path_of(row.pattern);
        for (const char* method :
             {"GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "delete", ""}) {
            if (there.contains({method, row.pattern})) continue;
            EXPECT_EQ(status_of_call(gate, method, path, tokens[Role::admin]), 405) << method << " " << path;
        }
        for (const char* method : {"GET", "PUT", "POST", "DELETE"})
            EXPECT_EQ(status_of_call(gate, method, path + "/more/of/it", tokens[Role::admin]), 404)
                << method << " " << path;
    }
    EXPECT_EQ(called, 0);
}

TEST_F(RoutesTest, AnUnmatchedRequestIs404AndReachesNoHandler)
{
    join("n1", "storage");
    for (const char* path :
         {"/", "/api", "/api/agent", "/api/agents/", "/api/agents//commands", "/api/agents/n1/files",
          "/api/agents/n1/files/b/c", "/api/agents/n1/commands/", "/apix/agents", "api"}) {
        for (const char* method : {"GET", "PUT", "POST", "DELETE", "PATCH"})
            EXPECT_EQ(status(ask(method, path)), 404) << method << " " << path;
    }
    EXPECT_TRUE(fanout.sent.empty());
}

TEST_F(RoutesTest, AWrongMethodIs405WithTheAllowedOnes)
{
    join("n1", "storage");
    const auto allow = [&](const char* method, const char* path) {
        const Conn conn = ask(method, path);
        EXPECT_EQ(status(conn), 405) << method << " " << path;
        for (const auto& [name, value] : daemon.answers.at(conn).headers) {
            if (name == "allow") return value;
        }
        return std::string{};
    };
    EXPECT_EQ(allow("PATCH", "/api/agents/n1/files/f"), "PUT, GET, HEAD, DELETE");
    EXPECT_EQ(allow("POST", "/api/agents/n1/files/f"), "PUT, GET, HEAD, DELETE");
    EXPECT_EQ(allow("DELETE", "/api/agents"), "GET, HEAD");
    EXPECT_EQ(allow("DELETE", "/api/agent-tasks"), "POST");
    EXPECT_EQ(allow("GET", "/api/temp/upload/x"), "PUT, POST");
    EXPECT_TRUE(fanout.sent.empty()) << "nothing unmatched falls into another row";
}

// RFC 9110, 9.3.2. The listener omits the body.
TEST_F(RoutesTest, HeadOfEveryGetIsAnsweredLikeIt)
{
    int called = 0, rows = 0;
    Rest gate{core, exchanges, credentials.callers};
    gate.add(counted(called));
    for (const Route& row : all) {
        if (row.method != "GET") continue;
        const int before = called;
        EXPECT_EQ(status_of_call(gate, "HEAD", path_of(row.pattern), tokens[Role::admin]), 0) << row.pattern;
        EXPECT_EQ(called, before + 1) << row.pattern;
        ++rows;
    }
    EXPECT_GT(rows, 10);
    EXPECT_EQ(status(ask("HEAD", "/api/agents")), 200);
    EXPECT_EQ(status(ask("HEAD", "/api/agents", {}, {}, "wrong")), 401);
    EXPECT_EQ(status(ask("HEAD", "/api/agents/unknown")), 404);
}

TEST_F(RoutesTest, WithoutATokenRoutesAreNotRevealed)
{
    for (const char* path : {"/api/agents", "/api/nothing", "/api/temp/upload/x"})
        EXPECT_EQ(status(ask("PATCH", path, {}, {}, "wrong")), 401) << path;
}

TEST_F(RoutesTest, IdsAreCheckedByTheNameOfTheirSegment)
{
    join("n1", "storage");
    EXPECT_EQ(status(ask("GET", "/api/agents/" + std::string(129, 'a'))), 400);
    EXPECT_EQ(status(ask("GET", "/api/tasks/" + std::string(129, 'a'))), 400);
    EXPECT_EQ(status(ask("DELETE", "/api/agents/n1/files/" + std::string(256, 'a'))), 400);
    EXPECT_EQ(status(ask("DELETE", "/api/agents/n1/files/" + std::string(255, 'a'))), 0)
        << "sent to the agent";
    EXPECT_EQ(status(ask("GET", "/api/agents/nobody")), 404);
}

TEST(HubRouter, FindsArgumentsByTheirNames)
{
    Router router;
    router.add({{"DELETE", "/api/agents/:agent/files/:file", Needs::dashboard, [](const HttpRequest&) {}}});
    const Match file = router.match("DELETE", "/api/agents/n1/files/f 1");
    ASSERT_NE(file.route, nullptr);
    EXPECT_EQ(file.names, (std::vector<std::string_view>{":agent", ":file"}));
    EXPECT_EQ(file.arguments, (std::vector<std::string_view>{"n1", "f 1"}));
    EXPECT_EQ(router.match("GET", "/api/agents/n1/files/f").allow, "DELETE");
    EXPECT_EQ(router.match("GET", "/api/agents/n1/files").allow, "");
}

TEST(HubRouter, RejectsInvalidRows)
{
    const auto handler = [](const HttpRequest&) {};
    Router router;
    router.add({{"GET", "/a/:id", Needs::admin, handler}});
    EXPECT_THROW(router.add({{"GET", "/a/:id", Needs::dashboard, handler}}), std::logic_error) << "twice";
    EXPECT_THROW(router.add({{"GET", "/b", Needs::admin, {}}}), std::logic_error) << "no handler";
    EXPECT_THROW(router.add({{"GET", "/c/:thing", Needs::admin, handler}}), std::logic_error) << "a name";
    EXPECT_EQ(router.rows().size(), 1U);
}

} // namespace

// Registration over REST (panel), by whole sessions: tokens are kept, renewed and never shown. The server
// plays both halves.
#include "tests/unit/session/fixture.hpp"

#include <sys/stat.h>

#include <fstream>

namespace agenthost::test {
namespace {

class PanelSession : public SessionTest {
protected:
    PanelSession()
    {
        serve({.answer = "", .http = [this](const std::string& request) { return answer(request); }});
        write_file(dir / "admin", "admin-secret");
    }

    // What the panel's REST half says; `good` is the token its WebSocket half takes.
    std::pair<int, std::string> answer(const std::string& request)
    {
        const bool registers = request.starts_with("POST /api/agents/register ");
        if (registers && (!admits_registration || request.find("Bearer admin-secret") == std::string::npos))
            return {401, R"({"success":false,"error":{"code":"AUTH_FAILED","message":"who are you"}})"};
        if (!registers && (!admits_refresh || !request.starts_with("POST /api/agents/refresh ")))
            return {401, R"({"success":false,"error":{"code":"AUTH_FAILED"}})"};
        const Json agent{{"id", "agent_uuid"},
                         {"token", good},
                         {"refreshToken", "refresh-one"},
                         {"websocketUrl", websocket_url}};
        return {200, Json{{"success", true}, {"agent", agent}}.dump()};
    }
    host::ServerConfig panel(const std::string& refresh = "86400000")
    {
        const std::string base = "http://127.0.0.1:" + std::to_string(server->port());
        return config_of("panel", R"({"register_url":")" + base + R"(/api/agents/register","port":8080,)" +
                                      R"("refresh_ms":)" + refresh + R"(,"admin_credential":{"file":")" +
                                      (dir / "admin").string() + R"("}})");
    }
    // The WebSocket half: refuses any other token than `good`, by closing with 1008 or, `by_upgrade`, with a
    // 401.
    void check_tokens()
    {
        server->options.on_open = [this](Peer& peer) {
            if (peer.request.find("Bearer " + good + "\r\n") == std::string::npos) peer.close(1008);
        };
    }
    std::vector<Peer*> sockets()
    {
        std::vector<Peer*> out;
        for (const auto& peer : server->peers)
            if (!peer->http) out.push_back(peer.get());
        return out;
    }
    std::string stored() { return read_file(state_dir + "/servers/files/registration.json"); }
    void age_the_token(std::chrono::hours by)
    {
        Json json = Json::parse(stored());
        json["refreshed_at"] =
            json["refreshed_at"].get<std::int64_t>() - std::chrono::milliseconds{by}.count();
        write_file(state_dir + "/servers/files/registration.json", json.dump());
    }
    bool waits_long()
    {
        if (!until([&] { return session->status().state == "waiting"; })) return false;
        const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
        return session->status().next_attempt - now > 15'000;
    }

    bool admits_registration = true, admits_refresh = true;
    std::string good = "jwt-one", websocket_url;
};

TEST_F(PanelSession, RegistersOnceAndLivesOnItsToken)
{
    connect(panel());
    ASSERT_TRUE(ready()) << problem();
    ASSERT_EQ(server->requests.size(), 1u);
    const std::string& request = server->requests[0];
    EXPECT_NE(request.find("Authorization: Bearer admin-secret\r\n"), std::string::npos) << request;
    const Json body = Json::parse(request.substr(request.find("\r\n\r\n") + 4));
    EXPECT_EQ(body["name"], "agent-7");
    EXPECT_EQ(body["port"], 8080);
    EXPECT_FALSE(body["hostname"].get<std::string>().empty());
    EXPECT_EQ(body["capabilities"]["features"], (Json{"echo", "loud"}));
    EXPECT_GT(body["capabilities"]["maxCpuCores"], 0);
    const Peer& socket = *sockets().at(0);
    EXPECT_NE(socket.request.find("Authorization: Bearer jwt-one\r\n"), std::string::npos) << socket.request;
    EXPECT_NE(socket.request.find("X-Agent-ID: agent_uuid\r\n"), std::string::npos) << socket.request;
    EXPECT_EQ(session->status().notice, "");

    stop();
    connect(panel()); // as after a restart
    ASSERT_TRUE(ready()) << problem();
    EXPECT_EQ(server->requests.size(), 1u);
    EXPECT_NE(sockets().back()->request.find("X-Agent-ID: agent_uuid\r\n"), std::string::npos);
}

TEST_F(PanelSession, KeepsItsTokensToItself)
{
    connect(panel());
    ASSERT_TRUE(ready()) << problem();
    struct stat st {};
    for (const char* folder : {"/servers", "/servers/files"}) {
        ASSERT_EQ(::stat((state_dir + folder).c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 0777, 0700u);
    }
    ASSERT_EQ(::stat((state_dir + "/servers/files/registration.json").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    EXPECT_EQ(stored().find("admin-secret"), std::string::npos);
}

TEST_F(PanelSession, ServesCommandsAndAnswersPings)
{
    facts.publish("telemetry", "system_load", R"({"cpu":25.5})");
    server->options.on_open = [](Peer& peer) {
        peer.send(R"({"id":"heartbeat_001","type":"ping","timestamp":"2025-01-23T10:09:00Z"})");
        peer.send(
            R"({"id":"m1","type":"command","timestamp":"2025-01-23T10:00:00Z","agentId":"agent_uuid","action":"echo.say","payload":{"x":1}})");
        peer.send(R"({"id":"m2","type":"command","agentId":"another","action":"echo.say"})");
    };
    connect(panel());
    ASSERT_TRUE(until([&] { return !sockets().empty() && sockets()[0]->got.size() == 3; })) << problem();
    const Json pong = Json::parse(sockets()[0]->got[0]), answer = Json::parse(sockets()[0]->got[1]),
               refusal = Json::parse(sockets()[0]->got[2]);
    EXPECT_EQ(pong["type"], "pong");
    EXPECT_EQ(pong["id"], "heartbeat_001");
    EXPECT_EQ(pong["data"]["agentStatus"], "healthy");
    EXPECT_EQ(pong["data"]["systemLoad"]["cpu"], 25.5);
    EXPECT_EQ(answer["id"], "m1");
    EXPECT_EQ(answer["success"], true);
    EXPECT_EQ(answer["data"]["x"], 1);
    EXPECT_EQ(refusal["success"], false);
    EXPECT_EQ(plugin.invoked, 1u);
}

// 1008: refresh, and the new token is good.
TEST_F(PanelSession, RefreshesARefusedToken)
{
    check_tokens();
    connect(panel());
    ASSERT_TRUE(ready()) << problem();
    good = "jwt-two"; // the panel has forgotten the first
    sockets().back()->close(1008);
    ASSERT_TRUE(until([&] { return sockets().size() == 2 && sockets()[1]->open && ready(); })) << problem();
    ASSERT_EQ(server->requests.size(), 2u);
    EXPECT_TRUE(server->requests[1].starts_with("POST /api/agents/refresh "));
    EXPECT_NE(server->requests[1].find(R"({"refreshToken":"refresh-one"})"), std::string::npos);
    EXPECT_EQ(server->requests[1].find("Authorization"), std::string::npos);
    EXPECT_NE(sockets()[1]->request.find("Bearer jwt-two\r\n"), std::string::npos);
    EXPECT_EQ(Json::parse(stored())["token"], "jwt-two");
}

TEST_F(PanelSession, RegistersAgainWhenTheRefreshIsRefusedToo)
{
    check_tokens();
    connect(panel());
    ASSERT_TRUE(ready()) << problem();
    good = "jwt-two";
    admits_refresh = false;
    sockets().back()->close(1008);
    ASSERT_TRUE(until([&] { return sockets().size() == 2 && ready(); })) << problem();
    ASSERT_EQ(server->requests.size(), 3u);
    EXPECT_TRUE(server->requests[1].starts_with("POST /api/agents/refresh "));
    EXPECT_TRUE(server->requests[2].starts_with("POST /api/agents/register "));
    EXPECT_NE(sockets()[1]->request.find("Bearer jwt-two\r\n"), std::string::npos);
}

TEST_F(PanelSession, BacksOffWhenNothingHelps)
{
    server->options.refuse = 401;
    connect(panel());
    ASSERT_TRUE(waits_long()) << session->status().state;
    // Registration, 401; refresh, 401; one more registration, 401.
    ASSERT_EQ(server->requests.size(), 3u);
    EXPECT_TRUE(server->requests[1].starts_with("POST /api/agents/refresh "));
    EXPECT_TRUE(server->requests[2].starts_with("POST /api/agents/register "));
    EXPECT_EQ(sockets().size(), 3u);
    EXPECT_NE(problem().find("answered 401"), std::string::npos) << problem();
    server->options.refuse = 0;
    session->reconnect();
    EXPECT_TRUE(ready()) << problem();
}

TEST_F(PanelSession, AsksOnlyOnceWithAnAdminCredentialThatIsRefused)
{
    admits_registration = false;
    connect(panel());
    ASSERT_TRUE(waits_long()) << session->status().state;
    EXPECT_EQ(server->requests.size(), 1u);
    EXPECT_NE(problem().find("answered 401: AUTH_FAILED who are you. Check panel.admin_credential"),
              std::string::npos)
        << problem();
}

TEST_F(PanelSession, TriesSoonAgainWhenTheRegistrationIsDown)
{
    int asked = 0;
    server->options.http = [&](const std::string& request) {
        return ++asked < 3 ? std::pair<int, std::string>{503, ""} : answer(request);
    };
    connect(panel());
    EXPECT_TRUE(ready()) << problem();
    EXPECT_EQ(asked, 3);
}

TEST_F(PanelSession, RefreshesADayOldTokenBeforeItConnects)
{
    connect(panel());
    ASSERT_TRUE(ready()) << problem();
    stop();
    age_the_token(std::chrono::hours{25});
    good = "jwt-two";
    connect(panel());
    ASSERT_TRUE(ready()) << problem();
    ASSERT_EQ(server->requests.size(), 2u);
    EXPECT_NE(sockets().back()->request.find("Bearer jwt-two\r\n"), std::string::npos);
}

TEST_F(PanelSession, GoesOnWithADayOldTokenWhenItCannotBeRefreshed)
{
    connect(panel());
    ASSERT_TRUE(ready()) << problem();
    stop();
    age_the_token(std::chrono::hours{25});
    admits_refresh = false;
    connect(panel());
    ASSERT_TRUE(ready()) << problem();
    EXPECT_NE(sockets().back()->request.find("Bearer jwt-one\r\n"), std::string::npos);
    EXPECT_NE(session->status().notice.find("refresh of its token failed"), std::string::npos)
        << session->status().notice;
}

TEST_F(PanelSession, RefreshesTheTokenOfALivingSessionWithoutEndingIt)
{
    auto quick = panel("200");
    quick.heartbeat = 50ms;
    connect(quick);
    ASSERT_TRUE(ready()) << problem();
    good = "jwt-two";
    ASSERT_TRUE(until([&] { return server->requests.size() >= 3; }));
    EXPECT_EQ(sockets().size(), 1u);
    EXPECT_EQ(session->status().state, "ready");
    EXPECT_TRUE(until([&] { return Json::parse(stored())["token"] == "jwt-two"; }));
}

TEST_F(PanelSession, ConnectsWhereTheRegistrationSays)
{
    websocket_url = "ws://127.0.0.1:" + std::to_string(server->port()) + "/from/registration";
    auto without = panel();
    without.url.clear();
    connect(without);
    ASSERT_TRUE(ready()) << problem();
    EXPECT_TRUE(sockets()[0]->request.starts_with("GET /from/registration "));
    EXPECT_EQ(session->status().url, websocket_url);
}

TEST_F(PanelSession, DoesNotFollowTheRegistrationToAnotherHostOrScheme)
{
    for (const std::string elsewhere :
         {"ws://localhost:1/x", "wss://127.0.0.1:1/x", "http://127.0.0.1:1/x", ""}) {
        SCOPED_TRACE(elsewhere);
        websocket_url = elsewhere;
        auto without = panel();
        without.url.clear();
        std::filesystem::remove_all(state_dir + "/servers");
        connect(without);
        ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
        EXPECT_NE(problem().find("the registration named none of the same host and scheme"),
                  std::string::npos)
            << problem();
        EXPECT_TRUE(sockets().empty());
        stop();
    }
}

TEST_F(PanelSession, RegistersAnewWithAnotherPanel)
{
    connect(panel());
    ASSERT_TRUE(ready()) << problem();
    stop();
    auto other = panel();
    other.protocol_json.replace(other.protocol_json.find("/api/agents/register"), 20, "/API/agents/register");
    server->options.http = [this](std::string request) {
        return answer(request.replace(request.find("/API"), 4, "/api"));
    };
    connect(other);
    ASSERT_TRUE(ready()) << problem();
    EXPECT_TRUE(server->requests.back().starts_with("POST /API/agents/register "));
}

TEST_F(PanelSession, DoesNotSendItsAdminCredentialInClearText)
{
    auto remote = panel();
    remote.protocol_json =
        R"({"register_url":"http://192.0.2.1/api/agents/register","admin_credential":{"file":")" +
        (dir / "admin").string() + R"("}})";
    connect(remote);
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("would send secrets in clear text. Use https://, or set `insecure: true`"),
              std::string::npos)
        << problem();
}

TEST_F(PanelSession, DoesNotFollowARedirectWithItsCredential)
{
    int elsewhere = 0;
    server->options.http = [&](const std::string& request) {
        if (!request.starts_with("POST /api/agents/register")) ++elsewhere;
        return std::pair<int, std::string>{307, ""};
    };
    connect(panel());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("Redirects are not followed"), std::string::npos) << problem();
    EXPECT_EQ(elsewhere, 0);
}

class BadAnswer : public PanelSession, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Bodies, BadAnswer,
                         testing::Values("", "{", "[]", R"({"agent":7})", R"({"agent":{"id":"a"}})",
                                         R"({"agent":{"id":"a","token":""}})",
                                         R"({"agent":{"id":"a\r\nX: y","token":"t"}})",
                                         R"({"agent":{"id":"a","token":"t\n"}})"));

TEST_P(BadAnswer, IsNoRegistration)
{
    server->options.http = [](const std::string&) { return std::pair<int, std::string>{200, GetParam()}; };
    connect(panel());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("did not answer with agent.id and agent.token"), std::string::npos) << problem();
    EXPECT_FALSE(std::filesystem::exists(state_dir + "/servers/files/registration.json"));
}

TEST_F(PanelSession, RefusesAnAnswerWithoutEnd)
{
    server->options.http = [](const std::string&) {
        return std::pair<int, std::string>{200, std::string(200'000, ' ')};
    };
    connect(panel());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("longer than 65536 bytes"), std::string::npos) << problem();
}

TEST_F(PanelSession, SaysThatItsStoredTokensAreDamaged)
{
    std::filesystem::create_directories(state_dir + "/servers/files");
    write_file(state_dir + "/servers/files/registration.json", R"({"agent_id":"a)");
    connect(panel());
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("is damaged. Remove it, or run: agenthost register files"), std::string::npos)
        << problem();
    EXPECT_TRUE(server->requests.empty());
}

} // namespace
} // namespace agenthost::test

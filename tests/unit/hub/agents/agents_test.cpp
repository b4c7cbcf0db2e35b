// Agents of each protocol are admitted and disconnected.
#include "tests/unit/hub/agents_fixture.hpp"

#include "base/hash.hpp"
#include "base/uuid.hpp"

using namespace agenthost::hub_test;
using agenthost::hub::Role;

namespace {

TEST_F(AgentsTest, APanelAgentIsOnlineAfterThe101)
{
    const agh_conn conn = panel("p1", token("p1"));
    ASSERT_TRUE(upgraded(conn));
    EXPECT_EQ(status("p1"), "online");
    EXPECT_EQ(answer(ask("GET", "/api/agents/p1")).body["protocol"], "panel");
    const auto seen = host->listener.exchange(conn);
    EXPECT_EQ(json::parse(seen.limits)["message_bytes"], 1 << 20);
    EXPECT_THAT(json::parse(seen.headers)["date"].get<std::string>(), HasSubstr("GMT"));
    EXPECT_TRUE(seen.sent.empty());
}

TEST_F(AgentsTest, APanelAgentsTokenIsCheckedBeforeThe101)
{
    EXPECT_TRUE(unauthorized(panel("p1", "")));
    EXPECT_TRUE(unauthorized(panel("p1", "garbage")));
    EXPECT_TRUE(unauthorized(panel("p1", token("p2")))) << "another agent's";
    EXPECT_TRUE(unauthorized(panel("p1", token("p1", Role::agent, -1)))) << "expired";
    EXPECT_TRUE(unauthorized(panel("p1", token("p1", Role::dashboard))));
    EXPECT_TRUE(unauthorized(panel("p1", token("p1", Role::admin))));
    EXPECT_TRUE(unauthorized(panel("p1", token("p1", Role::agent, 600, std::string(40, 'x')))));
    EXPECT_TRUE(unauthorized(panel("p1", admin)));
    EXPECT_EQ(code(ask("GET", "/api/agents/p1")), "AGENT_NOT_FOUND");
}

// A shop sends its heartbeat, with all its printers, right behind its first frame.
TEST_F(AgentsTest, APrintShopThatHasProvedItselfMaySendLargeFramesAtOnce)
{
    const auto most = [&](agh_conn conn) {
        EXPECT_TRUE(upgraded(conn));
        return json::parse(host->listener.exchange(conn).limits)["message_bytes"].get<int>();
    };
    EXPECT_EQ(most(print({{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}})), 1 << 20);
    EXPECT_LE(most(print({})), 16384);
}

TEST_F(AgentsTest, ADashboardAgentConnectsAsItsTokensSubject)
{
    for (const std::string& bad :
         {std::string{}, std::string{"x.y.z"}, token("d1", Role::dashboard), token("d1", Role::agent, -5)})
        EXPECT_TRUE(unauthorized(dashboard(bad))) << bad;
    const agh_conn conn = dashboard(token("d1"));
    ASSERT_TRUE(upgraded(conn));
    EXPECT_LE(json::parse(host->listener.exchange(conn).limits)["message_bytes"], 16384);
    EXPECT_EQ(code(ask("GET", "/api/agents/d1")), "AGENT_NOT_FOUND") << "not before agent:connect";
    const json connect{{"type", "agent:connect"},
                       {"payload",
                        {{"agentId", "d1"},
                         {"name", "desk"},
                         {"version", "1.0"},
                         {"platform", "linux"},
                         {"capabilities", {"terminal"}}}}};
    host->listener.frame(conn, connect.dump());
    EXPECT_EQ(sent(conn, 0)["type"], "connection:ack");
    EXPECT_EQ(json::parse(host->listener.exchange(conn).limits)["message_bytes"], 1 << 20);
    EXPECT_EQ(status("d1"), "online");
    host->listener.frame(conn, R"({"type":"heartbeat","payload":{"sequence":7}})");
    EXPECT_EQ(sent(conn, 1)["type"], "heartbeat");
    EXPECT_EQ(sent(conn, 1)["payload"]["sequence"], 7);

    const agh_conn other = dashboard(token("d2"));
    host->listener.frame(other, connect.dump());
    EXPECT_EQ(close_code(other), 1008) << "d1 is not the token's subject";
    EXPECT_EQ(status("d1"), "online");
}

TEST_F(AgentsTest, APrintShopWithACredentialNeedsItsToken)
{
    EXPECT_TRUE(unauthorized(print({{"x-shop-id", "n1"}})));
    EXPECT_TRUE(unauthorized(print({{"x-shop-id", "n1"}, {"authorization", "Bearer wrong-token"}})));
    EXPECT_TRUE(unauthorized(print({{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n2"}})));
    EXPECT_TRUE(unauthorized(print({{"x-shop-id", "stranger"}}))) << "not listed, not trusted";
    const agh_conn conn =
        print({{"x-shop-id", "n1"}, {"x-agent-version", "0.2.0"}, {"authorization", "Bearer secret-of-n1"}});
    ASSERT_TRUE(upgraded(conn));
    host->listener.frame(conn,
                         R"({"type":"register","id":"r1","payload":{"shopId":"n1","capabilities":["usb"]}})");
    EXPECT_EQ(sent(conn, 0)["type"], "ack");
    EXPECT_EQ(status("n1"), "online");
    host->listener.frame(conn, R"({"type":"heartbeat","id":"h1","payload":{"shopId":"n1","uptime":5}})");
    EXPECT_EQ(sent(conn, 1)["type"], "ack");
    EXPECT_EQ(sent(conn, 1)["id"], "h1");
    host->listener.frame(conn, R"({"type":"register","id":"r2","payload":{"shopId":"n1"}})");
    EXPECT_EQ(sent(conn, 2)["type"], "ack") << "a repeat is acknowledged and changes nothing";
}

TEST_F(AgentsTest, APrintAgentWithoutHeadersIsIdentifiedByItsRegisterFrame)
{
    const auto dial_shop = [&](const json& headers, const char* shop) {
        const agh_conn conn = print(headers);
        EXPECT_TRUE(upgraded(conn));
        host->listener.frame(conn, json{{"type", "register"}, {"payload", {{"shopId", shop}}}}.dump());
        return conn;
    };
    EXPECT_EQ(close_code(dial_shop(json::object(), "n1")), 1008);
    EXPECT_EQ(close_code(dial_shop({{"authorization", "Bearer secret-of-n2"}}, "n1")), 1008);
    EXPECT_EQ(close_code(dial_shop(json::object(), "stranger")), 1008);
    EXPECT_EQ(sent(dial_shop({{"authorization", "Bearer secret-of-n1"}}, "n1"), 0)["type"], "ack");
}

TEST_F(AgentsTest, UnknownShopsAreTrustedOnlyWhenConfigured)
{
    reboot({{"trust_shop_id", true}});
    const agh_conn conn = print({{"x-shop-id", "stranger"}});
    ASSERT_TRUE(upgraded(conn));
    host->listener.frame(conn, R"({"type":"register","payload":{"shopId":"stranger"}})");
    EXPECT_EQ(sent(conn, 0)["type"], "ack");
    EXPECT_EQ(status("stranger"), "online");
    EXPECT_TRUE(unauthorized(print({{"x-shop-id", "n1"}}))) << "listed shops still need their token";
    EXPECT_TRUE(host->call("hub.agent_revoke", R"({"id":"stranger"})").ok());
    EXPECT_EQ(close_code(conn), 1008);
    EXPECT_TRUE(unauthorized(print({{"x-shop-id", "stranger"}})));
}

TEST_F(AgentsTest, ARegisterFrameForAnotherShopEndsTheSession)
{
    const agh_conn conn = print({{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}});
    host->listener.frame(conn, R"({"type":"register","payload":{"shopId":"n2"}})");
    EXPECT_EQ(close_code(conn), 1008);
    EXPECT_EQ(status("n2"), "offline");
}

// A signed agent's frame, as documented: hex(HMAC-SHA256(secret, compact JSON of type, agentId, ts,
// nonce, payload)).
std::string signed_frame(const std::string& secret, const std::string& type, const std::string& agent,
                         const std::string& payload, std::int64_t ts = now_s() * 1000,
                         const std::string& nonce = agenthost::base::random_uuid())
{
    const std::string body = "{\"type\":\"" + type + "\",\"agentId\":\"" + agent +
                             "\",\"ts\":" + std::to_string(ts) + ",\"nonce\":\"" + nonce +
                             "\",\"payload\":" + payload;
    const auto mac = agenthost::base::hex(agenthost::base::hmac_sha256(secret, body + "}"));
    return body + ",\"signature\":\"" + mac + "\"}";
}
const std::string auth_payload = R"({"hostname":"h1","version":"1.0.0"})";

struct SignedTest : AgentsTest {
    agh_conn agent_socket() { return host->listener.websocket("/agent"); }
    agh_conn signed_agent(const std::string& id, const std::string& secret)
    {
        const agh_conn conn = agent_socket();
        EXPECT_TRUE(upgraded(conn));
        host->listener.frame(conn, signed_frame(secret, "auth", id, auth_payload));
        EXPECT_TRUE(wait_for([&] { return status(id) == "online"; }));
        return conn;
    }
    std::string closed_with(const std::string& first_frame)
    {
        const agh_conn conn = agent_socket();
        host->listener.frame(conn, first_frame);
        const int closed = close_code(conn);
        return std::to_string(closed) + " " + host->listener.exchange(conn).close_reason;
    }
};

TEST_F(SignedTest, AnAgentIsAdmittedByItsSignatureWithoutAReply)
{
    const agh_conn conn = signed_agent("n1", "secret-of-n1");
    EXPECT_TRUE(host->listener.exchange(conn).sent.empty());
    EXPECT_EQ(json::parse(host->listener.exchange(conn).limits)["message_bytes"], 1 << 20);
    EXPECT_THAT(json::parse(host->listener.exchange(conn).headers)["date"].get<std::string>(),
                HasSubstr("GMT"));
    EXPECT_EQ(answer(ask("GET", "/api/agents/n1")).body["protocol"], "signed");
}

TEST_F(SignedTest, RefusalsHaveTheCodesOfDeployedServers)
{
    const std::int64_t now = now_s() * 1000;
    EXPECT_EQ(closed_with("{"), "1003 invalid_json");
    EXPECT_EQ(closed_with(signed_frame("secret", "auth", "stranger", auth_payload)), "1008 unknown_agent");
    EXPECT_EQ(closed_with(signed_frame("wrong", "auth", "n1", auth_payload)), "1008 invalid_signature");
    EXPECT_EQ(closed_with(signed_frame("secret-of-n2", "auth", "n1", auth_payload)),
              "1008 invalid_signature");
    EXPECT_EQ(closed_with(signed_frame("secret-of-n1", "auth", "n1", auth_payload, now - 301'000)),
              "1008 invalid_timestamp");
    EXPECT_EQ(closed_with(signed_frame("secret-of-n1", "auth", "n1", auth_payload, now + 301'000)),
              "1008 invalid_timestamp");
    EXPECT_EQ(closed_with(signed_frame("secret-of-n1", "heartbeat", "n1", "{}")),
              "1008 the first frame must be a signed auth frame");
}

TEST_F(SignedTest, AReplayedFrameIsRejectedEvenAfterARestart)
{
    const std::string captured = signed_frame("secret-of-n1", "auth", "n1", auth_payload);
    const agh_conn conn = agent_socket();
    host->listener.frame(conn, captured);
    EXPECT_TRUE(wait_for([&] { return status("n1") == "online"; }));
    EXPECT_THAT(closed_with(captured), HasSubstr("1008"));
    EXPECT_EQ(status("n1"), "online") << "the replay took nothing over";
    reboot();
    EXPECT_THAT(closed_with(captured), HasSubstr("1008"));
    EXPECT_EQ(code(ask("GET", "/api/agents/n1/files/x")), "AGENT_OFFLINE");
    signed_agent("n1", "secret-of-n1");
}

TEST_F(SignedTest, MintedSecretsSignAndSurviveARestart)
{
    const json made = json::parse(host->call("hub.agent_add", R"({"id":"s9","protocol":"signed"})").json);
    const std::string secret = made["secret"];
    signed_agent("s9", secret);
    reboot();
    signed_agent("s9", secret);
    const agh_conn conn = signed_agent("s9", secret);
    const std::string next = json::parse(
        host->call("hub.agent_add", R"({"id":"s9","protocol":"signed","rotate":true})").json)["secret"];
    EXPECT_EQ(close_code(conn), 1008);
    EXPECT_EQ(closed_with(signed_frame(secret, "auth", "s9", auth_payload)), "1008 invalid_signature");
    signed_agent("s9", next);
}

TEST_F(SignedTest, OneAgentHasOneSessionWhateverTheProtocol)
{
    const agh_conn storage = agent("n1");
    const agh_conn signed_conn = signed_agent("n1", "secret-of-n1");
    EXPECT_EQ(close_code(storage), 1000);
    EXPECT_EQ(answer(ask("GET", "/api/agents/n1")).body["protocol"], "signed");
    const agh_conn panel_conn = panel("n1", token("n1"));
    EXPECT_EQ(close_code(signed_conn), 1000);
    const agh_conn shop = print({{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}});
    EXPECT_EQ(host->listener.exchange(panel_conn).close_code, 0) << "not before register";
    host->listener.frame(shop, R"({"type":"register","payload":{"shopId":"n1"}})");
    EXPECT_EQ(close_code(panel_conn), 1000);
    const agh_conn desk = dashboard(token("n1"));
    host->listener.frame(desk, R"({"type":"agent:connect","payload":{"agentId":"n1"}})");
    EXPECT_EQ(close_code(shop), 1000);
    host->listener.closed(storage, 1000);
    host->listener.closed(shop, 1000);
    EXPECT_EQ(answer(ask("GET", "/api/agents/n1")).body["protocol"], "dashboard");
    EXPECT_EQ(answer(ask("GET", "/api/agents")).body["agents"].size(), 1U);
}

TEST_F(AgentsTest, RevokingAnAgentEndsItsSessionAndRejectsItsToken)
{
    const std::string jwt = token("d1");
    const agh_conn conn = dashboard(jwt);
    host->listener.frame(conn, R"({"type":"agent:connect","payload":{"agentId":"d1"}})");
    EXPECT_EQ(sent(conn, 0)["type"], "connection:ack");
    EXPECT_TRUE(host->call("hub.agent_revoke", R"({"id":"d1"})").ok());
    EXPECT_EQ(close_code(conn), 1008);
    EXPECT_EQ(sent(conn, 1)["type"], "error");
    EXPECT_EQ(sent(conn, 1)["payload"]["code"], "AUTH_FAILED");
    EXPECT_TRUE(unauthorized(dashboard(jwt)));
    EXPECT_TRUE(unauthorized(panel("d1", jwt)));
    reboot();
    EXPECT_TRUE(unauthorized(dashboard(jwt))) << "after a restart";
    const auto added = host->call("hub.agent_add", R"({"id":"d1","protocol":"dashboard"})");
    ASSERT_TRUE(added.ok()) << added.json;
    EXPECT_TRUE(unauthorized(dashboard(jwt))) << "the old one, although the agent is welcome again";
    EXPECT_TRUE(upgraded(dashboard(json::parse(added.json)["token"])));
}

TEST_F(AgentsTest, ATokenEndsItsSessionWhenItExpires)
{
    const agh_conn desk = dashboard(token("d1", Role::agent, 5));
    host->listener.frame(desk, R"({"type":"agent:connect","payload":{"agentId":"d1"}})");
    const agh_conn node = panel("p1", token("p1", Role::agent, 5));
    ASSERT_TRUE(upgraded(node));
    EXPECT_EQ(close_code(desk), 1008);
    EXPECT_EQ(sent(desk, 1)["payload"]["code"], "AUTH_FAILED");
    EXPECT_EQ(close_code(node), 1008);
    EXPECT_EQ(host->listener.exchange(node).close_reason, "the token has expired");
}

TEST_F(AgentsTest, ANewJwtKeyEndsSessionsOfTheOldOne)
{
    const agh_conn node = panel("p1", token("p1"));
    const agh_conn storage = agent("n1");
    ASSERT_TRUE(upgraded(node));
    const std::string other(40, 'o');
    write_file(dir / "jwt", other);
    EXPECT_EQ(close_code(node), 1008);
    EXPECT_EQ(host->listener.exchange(storage).close_code, 0);
    EXPECT_TRUE(unauthorized(panel("p1", token("p1"))));
    EXPECT_TRUE(upgraded(panel("p1", token("p1", Role::agent, 600, other))));
}

TEST_F(AgentsTest, RefusesWebPagesOfOtherOriginsBeforeOtherChecks)
{
    reboot({{"allow_origins", {"https://desk.example.com"}}});
    const auto status_with = [&](const std::string& origin) {
        json headers = json::parse(bearer());
        headers["host"] = "hub.test:3001";
        headers["origin"] = origin;
        return answer(host->listener.request("GET", "/api/agents", headers.dump())).status;
    };
    EXPECT_EQ(status_with("https://evil.example"), 403);
    EXPECT_EQ(status_with("null"), 403);
    EXPECT_EQ(status_with("https://desk.example.com"), 200);
    EXPECT_EQ(status_with("http://hub.test:3001"), 200);
    for (const char* path : {"/ws/storage", "/ws/agents", "/ws/agent", "/print-agent", "/agent"}) {
        const auto a = answer(
            host->listener.websocket(path, R"({"origin":"https://evil.example","host":"hub.test:3001"})"));
        EXPECT_EQ(a.status, 403) << path;
        EXPECT_EQ(a.body["error"]["code"], "DENIED") << path;
    }
}

TEST_F(AgentsTest, EveryRouteChecksTheCallersRole)
{
    std::string why;
    const auto jwt = agenthost::hub::Jwt::of_secret(jwt_secret, why);
    const std::string limited = jwt->sign({.sub = "desk",
                                           .role = Role::dashboard,
                                           .agents = std::vector<std::string>{"n1"},
                                           .iat = now_s(),
                                           .exp = now_s() + 600});
    const auto get = [&](const std::string& path, const std::string& bearer_token) {
        return answer(host->listener.request("GET", path, bearer(bearer_token)));
    };
    agent("n1");
    agent("n2");
    EXPECT_EQ(get("/api/agents/n1", limited).status, 200);
    EXPECT_EQ(get("/api/agents/n2", limited).body["error"]["code"], "AGENT_NOT_FOUND")
        << "as if it did not exist";
    EXPECT_EQ(get("/api/agents/n2/files/f", limited).status, 404);
    EXPECT_EQ(get("/api/agents/n2", token("desk", Role::dashboard)).status, 200);
    EXPECT_EQ(get("/api/agents/n2", token("boss", Role::admin)).status, 200);
    EXPECT_EQ(get("/api/agents/n1", token("n1", Role::agent)).status, 403) << "agents do not use it";
    EXPECT_EQ(get("/api/agents/n1", token("boss", Role::admin, -1)).status, 401);
    EXPECT_EQ(answer(post("/api/agents/register", {{"name", "x"}}, token("desk", Role::dashboard))).status,
              401);
}

TEST_F(AgentsTest, MintsListsAndRevokesTokensWithARole)
{
    const json made =
        json::parse(host->call("hub.token_new",
                               R"({"label":"desk","role":"dashboard","agents":["n1","n3"],"expires":"30d"})")
                        .json);
    const std::string jwt = made["token"];
    agent("n1");
    const auto status_of_n1 = [&] {
        return answer(host->listener.request("GET", "/api/agents/n1", bearer(jwt))).status;
    };
    EXPECT_EQ(status_of_n1(), 200);
    const json list = json::parse(host->call("hub.token_list").json)["tokens"];
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0]["id"], made["id"]);
    EXPECT_EQ(list[0]["role"], "dashboard");
    EXPECT_EQ(list[0]["agents"], (json{"n1", "n3"}));
    EXPECT_NEAR(double(list[0]["expires"]), double(now_s() + 30 * 86'400) * 1000, 60'000);
    EXPECT_TRUE(host->call("hub.token_revoke", json{{"id", made["id"]}}.dump()).ok());
    EXPECT_EQ(status_of_n1(), 401);
    EXPECT_EQ(json::parse(host->call("hub.token_list").json)["tokens"].size(), 0U);
    reboot();
    EXPECT_EQ(status_of_n1(), 401) << "after a restart";
    EXPECT_FALSE(host->call("hub.token_revoke", json{{"id", made["id"]}}.dump()).ok());
    EXPECT_FALSE(host->call("hub.token_new", R"({"agents":["n1"]})").ok())
        << "an opaque token has no such limit";
    EXPECT_FALSE(host->call("hub.token_new", R"({"role":"admin","agents":["n1"]})").ok());
    EXPECT_FALSE(host->call("hub.token_new", R"({"role":"dashboard","expires":"soon"})").ok());
}

TEST_F(AgentsTest, MintsPanelAgentsWithARefreshToken)
{
    const json made = json::parse(host->call("hub.agent_add", R"({"id":"p9","protocol":"panel"})").json);
    const agh_conn conn = panel("p9", made["token"]);
    ASSERT_TRUE(upgraded(conn));
    const auto renewed = refresh(made["refreshToken"]);
    EXPECT_EQ(renewed.status, 200);
    EXPECT_TRUE(upgraded(panel("p9", renewed.body["agent"]["token"])));
    EXPECT_THAT(host->call("hub.agent_list").json,
                HasSubstr(R"({"id":"p9","credential":"minted","status":"online","protocol":"panel"})"));
}

TEST_F(AgentsTest, NoSecretOfAnyProtocolReachesTheLog)
{
    const std::string jwt = token("p1"), bad = token("p1", Role::agent, -5);
    const json node = enrolled();
    panel("p1", jwt);
    panel("p1", bad);
    dashboard(jwt);
    dashboard(bad);
    print({{"x-shop-id", "n1"}, {"authorization", "Bearer secret-of-n1"}});
    print({{"x-shop-id", "n1"}, {"authorization", "Bearer wrong-secret"}});
    const std::string renewed = refresh(node["refreshToken"]).body["agent"]["token"];
    EXPECT_TRUE(upgraded(panel(node["id"], renewed)));
    refresh(node["refreshToken"]);
    host->call("hub.agent_add", R"({"id":"s9","protocol":"signed"})");
    EXPECT_TRUE(host->wait([&] { return host->logged("used again"); }));
    for (const auto& line : host->logs()) {
        for (const std::string& secret :
             {jwt, bad, jwt_secret, std::string{enroll}, std::string{"secret-of-n1"},
              std::string{"wrong-secret"}, node["token"].get<std::string>(), renewed,
              node["refreshToken"].get<std::string>()}) {
            EXPECT_THAT(line.message + line.fields, Not(HasSubstr(secret)));
        }
    }
}

} // namespace

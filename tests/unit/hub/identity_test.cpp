// Identities: revocations that last, ids that no other agent can claim, the view of a limited caller, rate
// limits.
#include "agents_fixture.hpp"

#include "node_jwt.hpp"

#include <set>

using namespace agenthost::hub_test;
using agenthost::hub::Role;

namespace {

// ---- revocation ----

// The daemon decides the race; a restart must not change the outcome.
TEST_F(AgentsTest, ARevocationDuringARefreshSurvivesARestart)
{
    for (int round = 0; round < 10; ++round) {
        const json node = enrolled();
        const std::string id = node["id"];
        std::string renewed_jwt, renewed_refresh;
        std::thread revoker{[&] {
            EXPECT_TRUE(host->call("hub.agent_revoke", json{{"id", id}}.dump()).ok());
        }};
        const auto renewed = refresh(node["refreshToken"]);
        revoker.join();
        if (renewed.status == 200) {
            renewed_jwt = renewed.body["agent"]["token"];
            renewed_refresh = renewed.body["agent"]["refreshToken"];
        }
        reboot();
        EXPECT_TRUE(unauthorized(panel(id, node["token"]))) << round;
        if (renewed.status != 200) continue;
        EXPECT_TRUE(unauthorized(panel(id, renewed_jwt))) << round;
        EXPECT_EQ(refresh(renewed_refresh).status, 401) << round;
    }
}

TEST_F(AgentsTest, ARotationDuringARefreshSurvivesARestart)
{
    for (int round = 0; round < 10; ++round) {
        const json node = enrolled();
        const std::string id = node["id"];
        std::string added;
        std::thread rotator{[&] {
            added =
                host->call("hub.agent_add", json{{"id", id}, {"protocol", "panel"}, {"rotate", true}}.dump())
                    .json;
        }};
        const auto renewed = refresh(node["refreshToken"]);
        rotator.join();
        const json made = json::parse(added);
        reboot();
        EXPECT_TRUE(unauthorized(panel(id, node["token"]))) << round;
        if (renewed.status == 200) {
            EXPECT_TRUE(unauthorized(panel(id, renewed.body["agent"]["token"]))) << round;
        }
        EXPECT_TRUE(upgraded(panel(id, made["token"]))) << round;
        EXPECT_EQ(refresh(made["refreshToken"]).status, 200) << round;
    }
}

TEST_F(AgentsTest, ARevokedAgentsIdIsRefusedToTokensSignedElsewhere)
{
    for (const char* protocol : {"storage", "panel", "dashboard"}) {
        const std::string id = std::string{"agent-"} + protocol;
        ASSERT_TRUE(host->call("hub.agent_add", json{{"id", id}, {"protocol", protocol}}.dump()).ok());
        ASSERT_TRUE(host->call("hub.agent_revoke", json{{"id", id}}.dump()).ok());
        EXPECT_TRUE(unauthorized(panel(id, token(id)))) << protocol;
        EXPECT_TRUE(unauthorized(dashboard(token(id)))) << protocol;
    }
    reboot();
    for (const char* protocol : {"storage", "panel", "dashboard"}) {
        const std::string id = std::string{"agent-"} + protocol;
        EXPECT_TRUE(unauthorized(panel(id, token(id)))) << protocol << ", after a restart";
    }
    EXPECT_FALSE(host->call("hub.agent_revoke", R"({"id":"agent-storage"})").ok());
    ASSERT_TRUE(host->call("hub.agent_add", R"({"id":"agent-storage"})").ok()) << "it is welcome again";
}

TEST_F(AgentsTest, AnOfflineAgentCanBeRevokedByItsId)
{
    const std::string jwt = token("d1");
    const agh_conn conn = panel("d1", jwt);
    ASSERT_TRUE(upgraded(conn));
    host->listener.closed(conn);
    EXPECT_TRUE(wait_for([&] { return status("d1") == "offline"; }));
    EXPECT_TRUE(host->call("hub.agent_revoke", R"({"id":"d1"})").ok());
    EXPECT_TRUE(unauthorized(panel("d1", jwt)));
    EXPECT_FALSE(host->call("hub.agent_revoke", R"({"id":"nobody"})").ok());
}

// ---- trusted shops ----

TEST_F(AgentsTest, AnUnknownShopIsNotTrustedWithTheIdOfAJwtAgent)
{
    reboot({{"trust_shop_id", true}});
    const agh_conn node = panel("p1", token("p1"));
    ASSERT_TRUE(upgraded(node));
    const auto stranger_is_refused = [&](const char* when) {
        EXPECT_TRUE(unauthorized(print({{"x-shop-id", "p1"}}))) << when;
        const agh_conn nameless = print(json::object());
        EXPECT_TRUE(upgraded(nameless));
        host->listener.frame(nameless, R"({"type":"register","payload":{"shopId":"p1"}})");
        EXPECT_EQ(close_code(nameless), 1008) << when;
    };
    stranger_is_refused("while it is connected");
    EXPECT_EQ(host->listener.exchange(node).close_code, 0) << "the real session goes on";
    host->listener.closed(node);
    EXPECT_TRUE(wait_for([&] { return status("p1") == "offline"; }));
    stranger_is_refused("while it is away");
    reboot({{"trust_shop_id", true}});
    stranger_is_refused("after a restart");
    EXPECT_TRUE(upgraded(panel("p1", token("p1"))));
}

TEST_F(AgentsTest, AnUnknownShopIsNotTrustedWithAnEnrolledOrRevokedId)
{
    reboot({{"trust_shop_id", true}});
    const json node = enrolled();
    EXPECT_TRUE(unauthorized(print({{"x-shop-id", node["id"]}})));
    ASSERT_TRUE(host->call("hub.agent_add", R"({"id":"d9","protocol":"dashboard"})").ok());
    EXPECT_TRUE(unauthorized(print({{"x-shop-id", "d9"}})));
    ASSERT_TRUE(host->call("hub.agent_revoke", R"({"id":"d9"})").ok());
    EXPECT_TRUE(unauthorized(print({{"x-shop-id", "d9"}})));
}

TEST_F(AgentsTest, ATrustedSessionEndsWhenItsIdGetsACredential)
{
    reboot({{"trust_shop_id", true}});
    const agh_conn shop = print({{"x-shop-id", "s1"}});
    ASSERT_TRUE(upgraded(shop));
    host->listener.frame(shop, R"({"type":"register","payload":{"shopId":"s1"}})");
    EXPECT_EQ(sent(shop, 0)["type"], "ack");
    ASSERT_TRUE(host->call("hub.agent_add", R"({"id":"s1","protocol":"dashboard"})").ok());
    EXPECT_EQ(close_code(shop), 1008);
}

// ---- the view of a limited caller ----

struct SightTest : AgentsTest {
    std::string limited(const json& agents) const
    {
        return node_sign(
            "HS256", jwt_secret,
            {{"sub", "desk"}, {"role", "dashboard"}, {"exp", now_s() + 600}, {"agents", agents}});
    }
    Answered get(const std::string& path, const std::string& bearer_token, const std::string& query = {})
    {
        return answer(host->listener.request("GET", path, bearer(bearer_token), query));
    }
    // All pages; every cursor is the id of an agent on its page.
    std::vector<std::string> walk(const std::string& path, const char* list, const char* id,
                                  const std::string& jwt)
    {
        std::vector<std::string> seen;
        std::string after;
        for (int page = 0; page < 20; ++page) {
            const auto a = get(path, jwt, "limit=1&after=" + after);
            EXPECT_EQ(a.status, 200) << a.text;
            EXPECT_EQ(a.body[list].size(), 1U)
                << a.text << ": an empty page tells that there is something to hide";
            for (const json& one : a.body[list]) seen.push_back(one[id]);
            if (a.body["next"].is_null()) return seen;
            after = a.body["next"];
            EXPECT_EQ(after, seen.back()) << "a cursor names nobody else";
        }
        ADD_FAILURE() << "no end";
        return seen;
    }
};

TEST_F(SightTest, CursorsOfTheAgentsListNameOnlyVisibleAgents)
{
    for (const char* id : {"a-hidden", "m1", "n-hidden", "p1", "z-hidden"})
        ASSERT_TRUE(upgraded(panel(id, token(id))));
    const std::string jwt = limited({"p1", "m1", "never-here"});
    EXPECT_EQ(walk("/api/agents", "agents", "id", jwt), (std::vector<std::string>{"m1", "p1"}));
    EXPECT_EQ(get("/api/agents", jwt, "limit=1&after=p1").body["next"], nullptr);
    EXPECT_EQ(get("/api/agents", jwt, "protocol=storage").body["agents"], json::array());
    EXPECT_EQ(get("/api/agents", limited(json::array())).body["agents"], json::array());
    EXPECT_EQ(walk("/api/agents", "agents", "id", admin).size(), 5U);
}

TEST_F(SightTest, CursorsOfShopHeartbeatsNameOnlyVisibleShops)
{
    reboot({{"trust_shop_id", true}});
    for (const char* id : {"a-hidden", "bar", "kitchen", "z-hidden"}) {
        const agh_conn shop = print({{"x-shop-id", id}});
        ASSERT_TRUE(upgraded(shop));
        host->listener.frame(shop, json{{"type", "register"}, {"payload", {{"shopId", id}}}}.dump());
        EXPECT_EQ(sent(shop, 0)["type"], "ack");
    }
    EXPECT_EQ(walk("/api/agent-heartbeat", "shops", "shopId", limited({"kitchen", "bar"})),
              (std::vector<std::string>{"bar", "kitchen"}));
}

TEST_F(SightTest, AnAgentsClaimThatIsNotAListIsRejectedEverywhere)
{
    agent("n1");
    const std::string good = limited({"n1"});
    const agh_conn desk = host->listener.websocket("/ws/dashboard", "{}", "token=" + good);
    ASSERT_TRUE(upgraded(desk));
    int host_number = 0; // no address has many failures
    for (const json& agents :
         {json(nullptr), json("n1"), json(true), json::object(), json{1}, json{nullptr}}) {
        const std::string jwt = limited(agents);
        const std::string peer = "\"peer\":\"192.0.2." + std::to_string(++host_number) + ":1\"";
        EXPECT_EQ(answer(host->listener.request("GET", "/api/agents/n1", bearer(jwt), {}, peer)).status, 401)
            << agents;
        EXPECT_TRUE(unauthorized(host->listener.websocket("/ws/dashboard", "{}", "token=" + jwt))) << agents;
        EXPECT_TRUE(unauthorized(panel(
            "n1", node_sign("HS256", jwt_secret,
                            {{"sub", "n1"}, {"role", "agent"}, {"exp", now_s() + 600}, {"agents", agents}}))))
            << agents;
    }
    host->listener.frame(desk,
                         json{{"type", "token:refresh"}, {"payload", {{"token", limited(nullptr)}}}}.dump());
    EXPECT_EQ(close_code(desk), 1008);
}

// ---- rate limits ----

constexpr const char* proxy = "203.0.113.5:1000";

TEST_F(AgentsTest, AValidRefreshOrRegistrationIsNeverSlowedDown)
{
    std::string good = enrolled()["refreshToken"];
    const auto fail_until_throttled = [&] {
        for (int i = 0; i < 100; ++i) {
            if (refresh("guess", proxy).status == 429) return true;
        }
        return false;
    };
    ASSERT_TRUE(fail_until_throttled());
    for (int i = 0; i < 40; ++i) {
        EXPECT_EQ(refresh("guess", proxy).status, 429);
        const auto renewed = refresh(good, proxy);
        ASSERT_EQ(renewed.status, 200) << i;
        good = renewed.body["agent"]["refreshToken"];
    }
    EXPECT_EQ(answer(post("/api/agents/register", {{"name", "x"}}, "wrong", proxy)).status, 429);
    EXPECT_EQ(answer(post("/api/agents/register", {{"name", "x"}}, enroll, proxy)).status, 200);
}

TEST_F(AgentsTest, GuessedBearerTokensAreSlowedDownAndValidOnesAreNot)
{
    const auto get = [&](const std::string& bearer_token, const std::string& peer) {
        return answer(host->listener.request("GET", "/api/agents", bearer(bearer_token), {},
                                             "\"peer\":\"" + peer + "\""));
    };
    int refused = 0;
    auto late = get("guess", proxy);
    for (; late.status == 401 && refused < 200; ++refused)
        late = get("guess-" + std::to_string(refused), proxy);
    EXPECT_GE(refused, 10);
    ASSERT_EQ(late.status, 429);
    EXPECT_EQ(late.body["error"]["code"], "RATE_LIMIT");
    EXPECT_GE(std::stoi(late.headers["retry-after"].get<std::string>()), 1);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(get(admin, proxy).status, 200);
    EXPECT_EQ(answer(host->listener.websocket("/ws/dashboard", "{}", "token=guess")).status, 401)
        << "another address";
    EXPECT_EQ(get("guess", "203.0.113.6:1000").status, 401) << "another address";
}

TEST_F(AgentsTest, AnIpv6NetworkCountsAsOneAddress)
{
    int refused = 0;
    const auto guess = [&](const std::string& network) {
        return refresh("guess", "[" + network + std::to_string(++refused) + "]:1000").status;
    };
    while (refused < 200 && guess("2001:db8:1:2::") == 401) {}
    EXPECT_LT(refused, 100) << "each address of a /64 had guesses of its own";
    EXPECT_EQ(guess("2001:db8:1:2:ffff::"), 429);
    EXPECT_EQ(guess("2001:db8:1:3::"), 401) << "another network";
}

TEST_F(AgentsTest, AShortTokenIsRefusedAtStartWithItsFileAndARemedy)
{
    for (const char* key : {"admin_token", "enroll_token", "jwt_secret"}) {
        write_file(dir / "short", "1234567\n");
        FakeHost other{agenthost::testing::load_entry((agenthost::test::plugin_dir() / "hub.so").string()),
                       json{{key, {{"file", (dir / "short").string()}}},
                            {"database", (dir / "other.db").string()},
                            {"spool", (dir / "other").string()},
                            {"reserve_free", 0}}
                           .dump()};
        EXPECT_THAT(other.check({"hub"}),
                    ::testing::Contains(::testing::AllOf(HasSubstr(key), HasSubstr("shorter than"))));
        const auto started = other.start();
        EXPECT_FALSE(started.ok()) << key;
        EXPECT_THAT(started.text, HasSubstr(key));
        EXPECT_THAT(started.text, HasSubstr((dir / "short").string()));
        EXPECT_THAT(started.text, HasSubstr("openssl rand -hex 32"));
    }
}

TEST_F(AgentsTest, KeepsTheOldTokenWhenTheNewOneIsTooShort)
{
    write_file(dir / "admin", "x\n");
    EXPECT_TRUE(wait_for([&] { return !host->health().ok(); }));
    EXPECT_THAT(host->health().text, HasSubstr("shorter than 8 characters"));
    EXPECT_EQ(answer(host->listener.request("GET", "/api/agents", bearer("x"))).status, 401);
    EXPECT_EQ(answer(ask("GET", "/api/agents")).status, 200);
}

} // namespace

#include "tests/unit/hub/agents_fixture.hpp"

#include "tests/unit/hub/node_jwt.hpp"

using namespace agenthost::hub_test;

namespace {

TEST_F(AgentsTest, RegistersAsDocumented)
{
    const auto a = answer(post("/api/agents/register",
                               {{"name", "node-01"},
                                {"hostname", "192.168.1.100"},
                                {"port", 8080},
                                {"capabilities", {{"maxMemory", "16GB"}, {"maxCpuCores", 8}}}},
                               enroll));
    ASSERT_EQ(a.status, 200) << a.text;
    EXPECT_EQ(a.body["success"], true);
    const json made = a.body["agent"];
    EXPECT_EQ(made.size(), 4U);
    EXPECT_THAT(made["id"].get<std::string>(),
                testing::MatchesRegex("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"));
    EXPECT_EQ(made["websocketUrl"], "ws://hub.test:3001/ws/agents");
    EXPECT_EQ(a.headers["cache-control"], "no-store");
    const json read =
        json::parse(node_jwt("check", {{"alg", "HS256"}, {"key", jwt_secret}, {"token", made["token"]}}));
    EXPECT_EQ(read["claims"]["sub"], made["id"]);
    EXPECT_EQ(read["claims"]["role"], "agent");
    EXPECT_NEAR(double(read["claims"]["exp"]), double(now_s() + 25 * 3600), 60);
    EXPECT_TRUE(upgraded(panel(made["id"], made["token"])));
    EXPECT_EQ(answer(ask("GET", "/api/agents/" + made["id"].get<std::string>())).body["name"], "node-01");
    EXPECT_NE(enrolled()["id"], made["id"])
        << "the same name again is another agent: nobody takes one over by its name";
}

TEST_F(AgentsTest, AgentsAreGivenThePublicUrl)
{
    reboot({{"public_url", "https://hub.example.com"}});
    EXPECT_EQ(enrolled()["websocketUrl"], "wss://hub.example.com/ws/agents");
}

TEST_F(AgentsTest, RegisteringNeedsTheEnrollToken)
{
    for (const std::string& bearer_token : {std::string{}, std::string{"wrong"}, std::string{admin}}) {
        const auto a = answer(post("/api/agents/register", {{"name", "x"}}, bearer_token));
        EXPECT_EQ(a.status, 401) << bearer_token;
        EXPECT_EQ(a.body["success"], false);
        EXPECT_EQ(a.body["error"]["code"], "AUTH_FAILED");
    }
    EXPECT_EQ(answer(ask("GET", "/api/agents/register")).status, 404);
    boot({{"jwt_secret", {{"file", (dir / "jwt").string()}}}}); // without an enroll token
    EXPECT_EQ(answer(post("/api/agents/register", {{"name", "x"}}, enroll)).status, 401);
    EXPECT_EQ(answer(post("/api/agents/register", {{"name", "x"}}, admin)).status, 200);
}

TEST_F(AgentsTest, MalformedRegistrationsAreRefusedWithAReason)
{
    const auto refused = [&](const json& body) {
        const auto a = answer(post("/api/agents/register", body, enroll));
        EXPECT_EQ(a.status, 400) << body;
        return a.body["error"]["message"].get<std::string>();
    };
    EXPECT_THAT(refused("{"), HasSubstr("not a JSON object"));
    EXPECT_THAT(refused("[]"), HasSubstr("not a JSON object"));
    EXPECT_THAT(refused(json::object()), HasSubstr("\"name\" is missing"));
    EXPECT_THAT(refused({{"name", ""}}), HasSubstr("\"name\""));
    EXPECT_THAT(refused({{"name", 5}}), HasSubstr("\"name\""));
    EXPECT_THAT(refused({{"name", "a/b"}}), HasSubstr("slash"));
    EXPECT_THAT(refused({{"name", std::string(200, 'x')}}), HasSubstr("128"));
    EXPECT_THAT(refused({{"name", "x"}, {"port", 70'000}}), HasSubstr("\"port\""));
    EXPECT_THAT(refused({{"name", "x"}, {"port", "80"}}), HasSubstr("\"port\""));
    EXPECT_THAT(refused({{"name", "x"}, {"capabilities", 5}}), HasSubstr("\"capabilities\""));
    EXPECT_EQ(answer(post("/api/agents/register", {{"name", "x"}, {"port", nullptr}, {"later", {1}}}, enroll))
                  .status,
              200);
    const agh_conn large =
        host->listener.request("POST", "/api/agents/register", bearer(enroll), {}, "\"length\":70000");
    EXPECT_EQ(answer(large).status, 413);
    EXPECT_EQ(answer(host->listener.request("POST", "/api/agents/register", bearer(enroll))).status, 400);
}

TEST_F(AgentsTest, ARefreshTokenIsValidOnce)
{
    const json node = enrolled();
    const auto first = refresh(node["refreshToken"]);
    ASSERT_EQ(first.status, 200) << first.text;
    EXPECT_EQ(first.body["success"], true);
    EXPECT_EQ(first.body["agent"]["id"], node["id"]);
    EXPECT_NE(first.body["agent"]["refreshToken"], node["refreshToken"]);
    EXPECT_TRUE(upgraded(panel(node["id"], first.body["agent"]["token"])));
    const auto second = refresh(first.body["agent"]["refreshToken"]);
    EXPECT_EQ(second.status, 200);
    reboot();
    EXPECT_EQ(refresh(second.body["agent"]["refreshToken"]).status, 200) << "after a restart";
}

TEST_F(AgentsTest, ReusingAnOldRefreshTokenRevokesTheValidOne)
{
    const json node = enrolled();
    const std::string one = node["refreshToken"];
    const json renewed = refresh(one).body["agent"];
    const std::string two = renewed["refreshToken"];
    EXPECT_TRUE(upgraded(panel(node["id"], renewed["token"]))) << "the answer has arrived";
    const auto stolen = refresh(one);
    EXPECT_EQ(stolen.status, 401);
    EXPECT_EQ(stolen.body["error"]["code"], "AUTH_FAILED");
    EXPECT_TRUE(host->logged("used again"));
    EXPECT_EQ(refresh(two).status, 401) << "nobody can tell who the thief is";
    reboot();
    EXPECT_EQ(refresh(two).status, 401) << "after a restart";
    EXPECT_EQ(refresh(one).status, 401);
    EXPECT_TRUE(upgraded(panel(node["id"], node["token"])))
        << "its JWT is good until it expires or is revoked";
}

TEST_F(AgentsTest, ALostAnswerToARefreshCostsNothing)
{
    const json node = enrolled();
    const std::string one = node["refreshToken"];
    for (int lost = 0; lost < 3; ++lost) {
        EXPECT_EQ(refresh(one).status, 200) << lost;
        if (lost == 1) reboot(); // killed between the commit and the answer
    }
    const json received = refresh(one).body["agent"];
    ASSERT_EQ(received["id"], node["id"]);
    EXPECT_TRUE(upgraded(panel(node["id"], received["token"])));
    const auto next = refresh(received["refreshToken"]);
    ASSERT_EQ(next.status, 200) << next.text;
    EXPECT_EQ(refresh(next.body["agent"]["refreshToken"]).status, 200);
    EXPECT_FALSE(host->logged("used again"));
}

TEST_F(AgentsTest, AReusedRefreshTokenIsTheftOnceTheNewTokensWereUsed)
{
    for (const char* used : {"the newer token", "the JWT", "the replaced token"}) {
        for (const bool restart : {false, true}) {
            SCOPED_TRACE(std::string{used} + (restart ? ", then a restart" : ""));
            const json node = enrolled();
            const std::string one = node["refreshToken"];
            const json two = refresh(one).body["agent"];
            std::string valid = two["refreshToken"];
            if (std::string_view{used} == "the newer token") {
                valid = refresh(valid).body["agent"]["refreshToken"];
            } else if (std::string_view{used} == "the JWT") {
                ASSERT_TRUE(upgraded(panel(node["id"], two["token"])));
            } else { // a thief has used `one`; the agent, which had received `two`, comes later
                const json thief = refresh(one).body["agent"];
                EXPECT_EQ(thief["id"], node["id"]);
                valid = thief["refreshToken"];
            }
            if (restart) reboot();
            EXPECT_EQ(refresh(std::string_view{used} == "the replaced token"
                                  ? two["refreshToken"].get<std::string>()
                                  : one)
                          .status,
                      401);
            EXPECT_EQ(refresh(valid).status, 401) << "nobody can tell who the thief is";
        }
    }
}

TEST_F(AgentsTest, AReplacedCredentialMakesNoOldRefreshTokenValid)
{
    const json node = enrolled();
    const std::string one = node["refreshToken"], id = node["id"];
    EXPECT_EQ(refresh(one).status, 200);
    const auto made =
        host->call("hub.agent_add", json{{"id", id}, {"protocol", "panel"}, {"rotate", true}}.dump());
    ASSERT_TRUE(made.ok()) << made.json;
    EXPECT_EQ(refresh(one).status, 401);
    EXPECT_EQ(refresh(json::parse(made.json)["refreshToken"]).status, 200);
}

TEST_F(AgentsTest, AGuessedRefreshTokenDoesNotAffectTheAgent)
{
    const json node = enrolled();
    const std::string id = node["id"];
    for (const std::string& guess :
         {std::string{"x"}, id, id + ".", id + "." + std::string(64, '0'), "nobody." + std::string(64, '0')})
        EXPECT_EQ(refresh(guess).status, 401) << guess;
    EXPECT_EQ(answer(post("/api/agents/refresh", json::object())).status, 400);
    EXPECT_EQ(answer(post("/api/agents/refresh", {{"refreshToken", 5}})).status, 400);
    EXPECT_EQ(refresh(node["refreshToken"]).status, 200);
}

TEST_F(AgentsTest, RevokingEndsSessionTokenAndRefresh)
{
    const json node = enrolled();
    const std::string id = node["id"];
    const agh_conn conn = panel(id, node["token"]);
    ASSERT_TRUE(upgraded(conn));
    EXPECT_TRUE(host->call("hub.agent_revoke", json{{"id", id}}.dump()).ok());
    EXPECT_EQ(close_code(conn), 1008);
    EXPECT_TRUE(unauthorized(panel(id, node["token"])));
    EXPECT_EQ(refresh(node["refreshToken"]).status, 401);
    reboot();
    EXPECT_TRUE(unauthorized(panel(id, node["token"])));
    EXPECT_EQ(refresh(node["refreshToken"]).status, 401);
}

TEST_F(AgentsTest, TooManyFailuresOfOneAddressAreSlowedDown)
{
    const json node = enrolled();
    int refused = 0;
    auto late = refresh("guess", "203.0.113.5:1000");
    for (; late.status == 401 && refused < 200; ++refused) late = refresh("guess", "203.0.113.5:1000");
    EXPECT_GE(refused, 10);
    EXPECT_EQ(late.status, 429);
    EXPECT_EQ(late.body["error"]["code"], "RATE_LIMIT");
    EXPECT_GE(std::stoi(late.headers["retry-after"].get<std::string>()), 1);
    EXPECT_EQ(answer(post("/api/agents/register", {{"name", "x"}}, "wrong", "203.0.113.5:2000")).status, 429);
    EXPECT_EQ(refresh(node["refreshToken"]).status, 200) << "others are not touched";
}

TEST_F(AgentsTest, TokensAreKeptAsDigestsOnly)
{
    const json node = enrolled();
    const std::string minted = json::parse(host->call("hub.agent_add", R"({"id":"s9"})").json)["secret"];
    host.reset();
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
        if (entry.path().filename().string().starts_with("hub.db"))
            all += agenthost::test::read_file(entry.path());
    }
    EXPECT_THAT(all, HasSubstr(node["id"].get<std::string>()));
    const std::string refresh_token = node["refreshToken"];
    for (const std::string& secret : {node["token"].get<std::string>(), refresh_token,
                                      refresh_token.substr(refresh_token.rfind('.') + 1), minted, jwt_secret})
        EXPECT_EQ(all.find(secret), std::string::npos);
}

} // namespace

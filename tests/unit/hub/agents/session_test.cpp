#include "tests/unit/hub/fixture.hpp"

using namespace agenthost::hub_test;

namespace {

TEST_F(HubTest, RefusesCallersWithoutAValidToken)
{
    for (const std::string& headers :
         {std::string{"{}"}, bearer("wrong"), bearer(""), std::string{R"({"authorization":"Basic abc"})"},
          std::string{R"({"authorization":"Bearer"})"}}) {
        const agh_conn conn = host->listener.request("GET", "/api/agents", headers);
        EXPECT_EQ(answer(conn).status, 401) << headers;
        EXPECT_EQ(answer(conn).headers["www-authenticate"], "Bearer");
        EXPECT_EQ(code(conn), "AUTH_FAILED");
    }
    EXPECT_EQ(answer(host->listener.request("GET", "/api/agents",
                                            R"({"authorization":"bearer admin-token-of-the-test"})"))
                  .status,
              200);
}

TEST_F(HubTest, AnswersUnknownRoutesAndMethods)
{
    EXPECT_EQ(answer(ask("GET", "/api/nothing")).status, 404);
    const auto refused = answer(ask("POST", "/api/agents"));
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.headers["allow"], "GET, HEAD");
}

TEST_F(HubTest, RejectsWrongTokensEquallyForKnownAndUnknownAgents)
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
    EXPECT_LE(before["idle_s"], 15);
    EXPECT_EQ(before["ping_s"], 30);
    host->listener.frame(conn, R"({"action":"auth","token":"secret-of-n1","agent_id":"n1"})");
    EXPECT_EQ(sent(conn, 0)["status"], "ok"); // the new limits come before it
    const json after = json::parse(host->listener.exchange(conn).limits);
    EXPECT_EQ(after["message_bytes"], 1 << 20);
    EXPECT_EQ(after["idle_s"], 0);
}

TEST_F(HubTest, ClosesAPeerThatSendsBeforeAuthenticating)
{
    for (const char* first : {R"({"action":"response","request_id":"x","status":"success"})", "{", "[]",
                              R"({"action":"auth"})"}) {
        const agh_conn conn = host->listener.websocket("/ws/storage");
        host->listener.frame(conn, first);
        EXPECT_EQ(close_code(conn), 1008) << first;
    }
    const agh_conn conn = host->listener.websocket("/ws/storage");
    host->listener.frame(conn, "x", AGH_WS_BINARY);
    EXPECT_EQ(close_code(conn), 1003);
}

TEST_F(HubTest, ListsOnlineAndOfflineAgents)
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

TEST_F(HubTest, MessagesOfAnAgentAreAsLargeAsConfigured)
{
    boot({{"message_bytes", "3MiB"}});
    EXPECT_EQ(json::parse(host->listener.exchange(agent("n1")).limits)["message_bytes"], 3 << 20);
}

TEST_F(HubTest, ATaskWhoseAnswerIsTooLargeForTheHubEndsInsteadOfBeingSentAgain)
{
    const agh_conn first = agent("n1");
    const agh_conn rest = command("n1", {{"action", "info"}});
    sent(first, 1);
    host->listener.closed(first, 1009);
    EXPECT_EQ(answer(rest).status, 413);
    EXPECT_EQ(code(rest), "TOO_LARGE");
    EXPECT_THAT(answer(rest).text, HasSubstr("message_bytes is 1048576"));
    const agh_conn second = agent("n1");
    const agh_conn next = command("n1", {{"action", "other"}});
    EXPECT_EQ(sent(second, 1)["action"], "other");
    respond(second, sent(second, 1), {{"status", "success"}});
    EXPECT_EQ(answer(next).status, 200);
}

// It is unknown whose message it was.
TEST_F(HubTest, WithSeveralTasksATooLargeMessageEndsNone)
{
    const agh_conn first = agent("n1");
    const agh_conn a = command("n1", {{"action", "info"}}), b = command("n1", {{"action", "info"}});
    sent(first, 2);
    host->listener.closed(first, 1009);
    const agh_conn second = agent("n1");
    for (std::size_t i = 1; i <= 2; ++i) respond(second, sent(second, i), {{"status", "success"}});
    EXPECT_EQ(answer(a).status, 200);
    EXPECT_EQ(answer(b).status, 200);
}

} // namespace

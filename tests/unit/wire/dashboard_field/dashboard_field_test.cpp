#include "tests/unit/wire/environment.hpp"
#include "tests/unit/wire/generate.hpp"
#include "tests/unit/wire/messages.hpp"

#include "wire/dashboard_field/dashboard_field.hpp"

#include <gtest/gtest.h>

using namespace agenthost::wire;

namespace {

class DashboardField : public testing::Test {
protected:
    DashboardField()
    {
        Hello hello;
        hello.agent_id = "desk";
        (void)agent->opening(hello);
        (void)agent->hello(hello);
    }
    static std::string frame(const std::string& type, const Json& payload)
    {
        return Json{{"type", type}, {"id", "m1"}, {"timestamp", test_now}, {"payload", payload}}.dump();
    }
    Json written(const Result& result)
    {
        std::string out;
        EXPECT_TRUE(agent->encode(result, out));
        return Json::parse(out).at("payload");
    }

    TestEnvironment environment;
    std::unique_ptr<AgentCodec> agent =
        make_dashboard_field_agent({.environment = environment.environment()});
    std::unique_ptr<ServerCodec> server = make_dashboard_field_server(
        {.environment = environment.environment(), .agent_id = "desk", .secret_of = {}});
};

TEST_F(DashboardField, ReadsBackEveryCommandItWrites)
{
    std::mt19937 random{1};
    const std::vector<std::string> priorities{"high", "normal", "low"};
    for (int i = 0; i < 1000; ++i) {
        const std::string id = identifier(random, 256);
        Json params{{"commandId", id}, {"cwd", random_text(random, 20, true)}};
        if (random() % 2 == 0) {
            params["command"] = identifier(random, 200);
        } else {
            Json argv = Json::array();
            for (auto n = 2 + random() % 3; n > 0; --n) argv.push_back(identifier(random, 20));
            params["argv"] = argv;
        }
        params["priority"] = priorities[random() % 3];
        const std::string text = params.dump();
        Command command{id, "command:request", text, {}, {}};
        if (random() % 2 == 0) command.timeout = milliseconds{1 + random() % 100'000};
        std::string out;
        ASSERT_TRUE(server->encode(command, out)) << text;
        const FromServer message = agent->decode(out, false);
        const auto* told = std::get_if<Command>(&message);
        ASSERT_NE(told, nullptr) << out << describe(message);
        EXPECT_EQ(told->id, id);
        EXPECT_EQ(told->timeout, command.timeout);
        if (command.timeout) params["timeoutMs"] = command.timeout->count();
        EXPECT_EQ(Json::parse(told->params), params);
    }
}

// The parameters' own names are the document's: what a server sends under them never stands beside ours.
TEST_F(DashboardField, WritesNoParameterTwice)
{
    Json payload{{"commandId", "c1"}, {"content", "ls"}, {"args", {"-l"}}};
    for (const char* name : {"argv", "command", "timeoutMs", "requestId", "type", "context"})
        payload[name] = "x";
    payload["priority"] = 1;
    payload["executionConstraints"] = {{"timeLimitMs", 5}};
    const FromServer message = agent->decode(frame("COMMAND_REQUEST", payload), false);
    const auto* told = std::get_if<Command>(&message);
    ASSERT_NE(told, nullptr) << describe(message);
    EXPECT_EQ(told->params, R"({"commandId":"c1","argv":["ls","-l"],"priority":"normal","timeoutMs":5})");
}

TEST_F(DashboardField, ReadsBackOutputInPiecesOfAnySize)
{
    std::mt19937 random{2};
    std::string text;
    while (text.size() < 100'000) text += random_text(random, 200, false);
    std::string heard;
    std::uint64_t at = 0, sequence = 0;
    while (at < text.size()) {
        const std::string_view rest = std::string_view{text}.substr(at, 1 + random() % 30'000);
        Stream stream{"c1", 1, at, rest};
        stream.bytes = rest.substr(0, agent->fitting(stream));
        std::string out;
        ASSERT_TRUE(agent->encode(stream, out));
        const Json payload = Json::parse(out).at("payload");
        EXPECT_LE(payload.at("content").get<std::string>().size(), 10u * 1024);
        EXPECT_EQ(payload.at("sequence"), ++sequence);
        heard += std::get<Stream>(server->decode(out)).bytes;
        at += stream.bytes.size();
    }
    EXPECT_EQ(heard, text);
}

TEST_F(DashboardField, TellsHowLongACommandRan)
{
    (void)agent->decode(frame("COMMAND_REQUEST", {{"commandId", "c1"}, {"content", "ls"}}), false);
    environment.set_now(test_now + 1500);
    EXPECT_EQ(written({.id = "c1", .action = "command:request"}).at("executionTime"), 1500);
    // Of a command of an earlier connection it is not known.
    EXPECT_EQ(written({.id = "c2", .action = "command:request"}).at("executionTime"), 0);
}

// As the host does: the id of the refusal is the view that decode() gave.
TEST_F(DashboardField, EndsACommandThatItCouldNotReadUnderItsId)
{
    const FromServer message =
        agent->decode(frame("COMMAND_REQUEST", {{"commandId", "cmd-1"}, {"content", 7}}), false);
    Result refusal{.id = std::get<Malformed>(message).id, .outcome = Outcome::error};
    refusal.error = {"INVALID_REQUEST", "content is missing", {}, {}};
    const Json payload = written(refusal);
    EXPECT_EQ(payload.at("commandId"), "cmd-1");
    EXPECT_EQ(payload.at("status"), "FAILED");
}

TEST_F(DashboardField, IsCalledAsTheServerAssigns)
{
    ASSERT_TRUE(
        std::holds_alternative<Welcome>(agent->decode(frame("ACK", {{"agentId", "assigned"}}), true)));
    EXPECT_EQ(written({.id = "c1", .action = "command:request"}).at("agentId"), "assigned");
    const Json request{{"commandId", "c1"}, {"content", "ls"}, {"agentId", "assigned"}};
    EXPECT_TRUE(std::holds_alternative<Command>(agent->decode(frame("COMMAND_REQUEST", request), false)));
}

TEST_F(DashboardField, AssignsTheTokensSubject)
{
    const FromAgent message = server->decode(frame("AGENT_CONNECT", {{"agentId", "agent-77"}}));
    EXPECT_EQ(std::get<Hello>(message).agent_id, "desk");
    std::string out;
    ASSERT_TRUE(server->encode(Welcome{true, {}}, out));
    EXPECT_EQ(Json::parse(out).at("payload").at("agentId"), "desk");
    EXPECT_EQ(Json::parse(out).at("payload").at("messageId"), "m1");
    // Either name is this agent's from now on.
    for (const char* name : {"desk", "agent-77"})
        EXPECT_TRUE(std::holds_alternative<Progress>(server->decode(
            frame("COMMAND_ACK", {{"commandId", "c1"}, {"agentId", name}, {"status", "EXECUTING"}}))));
}

TEST_F(DashboardField, NeverSendsATokenBack)
{
    Hello hello;
    hello.agent_id = "desk";
    hello.credential = "jwt-secret";
    EXPECT_EQ(agent->hello(hello).find("jwt-secret"), std::string::npos);
    EXPECT_EQ(agent->opening(hello).query, "");
    EXPECT_EQ(
        std::get<NewCredential>(agent->decode(frame("TOKEN_REFRESH", {{"accessToken", "jwt-secret"}}), false))
            .credential,
        "jwt-secret");
}

TEST_F(DashboardField, NeedsNoEnvironment)
{
    std::string out;
    EXPECT_TRUE(make_dashboard_field_agent({})->encode(Result{.id = "c1", .action = "command:request"}, out));
    EXPECT_TRUE(make_dashboard_field_server({})->encode(Ping{}, out));
}

} // namespace

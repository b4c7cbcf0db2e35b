#include "tests/unit/wire/environment.hpp"
#include "tests/unit/wire/generate.hpp"
#include "tests/unit/wire/messages.hpp"

#include "wire/panel_field/panel_field.hpp"
#include "wire/panel_field/requests.hpp"

#include <gtest/gtest.h>

using namespace agenthost::wire;

namespace {

class PanelField : public testing::Test {
protected:
    PanelField()
    {
        Hello hello;
        hello.agent_id = "node-01";
        (void)agent->opening(hello);
        (void)agent->hello(hello);
    }
    Command command(const std::string& frame)
    {
        const FromServer message = agent->decode(frame, false);
        const auto* command = std::get_if<Command>(&message);
        EXPECT_NE(command, nullptr) << frame << describe(message);
        return command ? *command : Command{};
    }
    Json answer(const Result& result)
    {
        std::string out;
        EXPECT_TRUE(agent->encode(result, out));
        return Json::parse(out);
    }

    TestEnvironment environment;
    std::unique_ptr<AgentCodec> agent = make_panel_field_agent({.environment = environment.environment()});
    std::unique_ptr<ServerCodec> server = make_panel_field_server(
        {.environment = environment.environment(), .agent_id = "node-01", .secret_of = {}});
};

TEST_F(PanelField, ReadsBackEveryCommandItWrites)
{
    std::mt19937 random{1};
    for (int i = 0; i < 1000; ++i) {
        Json made = Json::parse(random_object(random));
        made.erase("serverId");
        Json meant{{"type", "command"},
                   {"id", identifier(random, 256)},
                   {"action", identifier(random, 128)},
                   {"params", made.dump()}};
        if (random() % 2 == 0) meant["target"] = identifier(random, 256);
        if (random() % 4 == 0) meant["timeout_ms"] = random() % 100'000'000;
        const Message message{meant};
        std::string frame;
        ASSERT_TRUE(write(*server, message, frame)) << meant;
        EXPECT_TRUE(Json::parse(frame).at("data").contains("action")) << frame;
        EXPECT_FALSE(Json::parse(frame).contains("action")) << frame;
        EXPECT_EQ(describe(agent->decode(frame, false)), meant);
    }
}

TEST_F(PanelField, SendsNoXAgentId)
{
    Hello hello;
    hello.agent_id = "node-01";
    hello.credential = "jwt";
    const Opening opening = agent->opening(hello);
    ASSERT_EQ(opening.headers.size(), 2u);
    EXPECT_EQ(opening.headers[1], (std::pair<std::string, std::string>{"X-Node-Id", "node-01"}));
    EXPECT_EQ(opening.query, "nodeId=node-01");
}

TEST_F(PanelField, AnswersEachRequestWithWhatItAskedFor)
{
    const std::string first{command(R"({"type":"file_read","data":{"serverId":"s1","path":"/a"}})").id};
    const std::string second{command(R"({"type":"file_read","data":{"serverId":"s2","path":"/b"}})").id};
    ASSERT_NE(first, second);
    EXPECT_EQ(answer({.id = second, .data = R"({"content":"B"})"}).at("data").at("serverId"), "s2");
    EXPECT_EQ(answer({.id = first, .data = R"({"content":"A"})"}).at("data").at("path"), "/a");
    // Answered: it is forgotten.
    EXPECT_FALSE(answer({.id = first}).at("data").contains("path"));
}

TEST_F(PanelField, KeepsABoundedNumberOfRequests)
{
    const std::string oldest{command(R"({"type":"server_start","data":{"serverId":"s0"}})").id};
    std::string newest;
    for (std::size_t i = 0; i < panel_field::Requests::max; ++i)
        newest = command(R"({"type":"server_start","data":{"serverId":"s1"}})").id;
    EXPECT_FALSE(answer({.id = oldest}).at("data").contains("serverId"));
    EXPECT_EQ(answer({.id = newest}).at("data").at("serverId"), "s1");
}

TEST_F(PanelField, TellsAHeartbeatFromTheAnswerToAPing)
{
    std::string beat, pong;
    ASSERT_TRUE(agent->encode(Heartbeat{"{}", 0, {}}, beat));
    EXPECT_EQ(Json::parse(beat).at("type"), "heartbeat");
    ASSERT_TRUE(std::holds_alternative<Ping>(agent->decode(R"({"type":"ping"})", false)));
    ASSERT_TRUE(agent->encode(Heartbeat{"{}", 0, {}}, pong));
    EXPECT_EQ(Json::parse(pong).at("type"), "pong");
}

TEST_F(PanelField, LeavesOutFactsThatAreTooLarge)
{
    const std::string facts = "{\"x\":\"" + std::string(70'000, 'x') + "\"}";
    std::string out;
    ASSERT_TRUE(agent->encode(Heartbeat{facts, 0, {}}, out));
    EXPECT_FALSE(Json::parse(out).at("data").contains("facts"));
}

TEST_F(PanelField, TakesAnIdOfALaterHello)
{
    const std::string frame = R"({"type":"server_start","nodeId":"assigned"})";
    EXPECT_TRUE(std::holds_alternative<Malformed>(agent->decode(frame, false)));
    Hello hello;
    hello.agent_id = "assigned"; // by a new registration
    (void)agent->opening(hello);
    EXPECT_TRUE(std::holds_alternative<Command>(agent->decode(frame, false)));
}

TEST_F(PanelField, NeedsNoEnvironment)
{
    std::string out;
    EXPECT_TRUE(make_panel_field_agent({})->encode(Heartbeat{"{}", 0, {}}, out));
    EXPECT_TRUE(make_panel_field_server({})->encode(Welcome{true, {}}, out));
}

TEST_F(PanelField, ServesASmallFrameAfterABigOneAndAnError)
{
    const std::string big = R"({"type":"server_power","data":{"action":"stop","serverId":"s1","x":")" +
                            std::string(1 << 20, 'x') + "\"}}";
    EXPECT_EQ(command(big).target, "s1");
    EXPECT_TRUE(std::holds_alternative<Malformed>(agent->decode(big.substr(0, big.size() - 1), false)));
    EXPECT_EQ(command(R"({"type":"server_power","data":{"action":"stop","serverId":"s2"}})").params,
              R"({"serverId":"s2"})");
}

} // namespace

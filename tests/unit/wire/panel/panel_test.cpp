#include "tests/unit/wire/both_ends.hpp"
#include "tests/unit/wire/generate.hpp"

#include "wire/codes.hpp"

#include <gtest/gtest.h>

using namespace agenthost::wire;

namespace {

class Panel : public BothEnds {
protected:
    Panel()
    {
        agent = agent_codec(Protocol::panel, {.environment = clock.environment()});
        server = server_codec(
            Protocol::panel, {.environment = clock.environment(), .agent_id = "agent_uuid", .secret_of = {}});
        Hello hello;
        hello.agent_id = "agent_uuid";
        (void)agent->opening(hello);
        (void)agent->hello(hello);
    }
    static std::string object(std::mt19937& random)
    {
        Json made = Json::parse(random_object(random));
        for (const char* key : {"message", "serverId", "id"}) made.erase(key);
        return made.dump();
    }
};

TEST_F(Panel, ReadsBackEveryCommandAndPingItWrites)
{
    std::mt19937 random{1};
    for (int i = 0; i < 2000; ++i) {
        Json meant{{"type", "command"},
                   {"id", identifier(random, 256)},
                   {"action", identifier(random, 128)},
                   {"params", object(random)}};
        if (random() % 2 == 0) meant["target"] = identifier(random, 256);
        if (random() % 4 == 0) meant["timeout_ms"] = random() % 100'000'000;
        EXPECT_EQ(sent_to_agent(meant), meant);
        const Json ping{{"type", "ping"}, {"id", identifier(random, 256)}};
        EXPECT_EQ(sent_to_agent(ping), ping);
    }
}

TEST_F(Panel, ReadsBackEveryResultItWrites)
{
    std::mt19937 random{2};
    const std::vector<std::string> codes{"SERVER_NOT_FOUND", "PORT_CONFLICT", "BUSY", "TIMEOUT",
                                         "INTERRUPTED"};
    const std::vector<std::string> outcomes{"error", "not_started", "unknown", "interrupted"};
    for (int i = 0; i < 2000; ++i) {
        Json meant{{"type", "result"}, {"id", identifier(random, 256)}, {"outcome", "success"}};
        std::string data = random() % 2 == 0 ? object(random) : "";
        if (random() % 2 == 0) {
            if (random() % 2 == 0) { // what people read stands first
                const std::string message = Json(identifier(random, 200)).dump();
                const std::string rest = data.size() > 2 ? "," + data.substr(1) : "}";
                data = "{\"message\":";
                data += message + rest;
            }
            if (!data.empty()) meant["data"] = data;
        } else {
            meant["outcome"] = outcomes[random() % outcomes.size()];
            meant["code"] = codes[random() % codes.size()];
            meant["message"] = identifier(random, 200);
            if (const std::string detail = random_text(random, 200, false); !detail.empty())
                meant["detail"] = detail;
            if (!data.empty()) meant["error_data"] = data;
        }
        EXPECT_EQ(sent_to_server(meant), meant);
    }
}

TEST_F(Panel, ReadsBackEveryEventProgressAndLogItWrites)
{
    std::mt19937 random{3};
    for (int i = 0; i < 1000; ++i) {
        std::string word = "word" + identifier(random, 50); // neither log nor progress
        std::erase(word, '.');
        const std::int64_t at = 1'700'000'000'000 + static_cast<std::int64_t>(random());
        Json event{{"type", "event"}, {"topic", word}, {"json", object(random)}, {"at", at}};
        EXPECT_EQ(sent_to_server(event), event);
        const std::string target = identifier(random, 100);
        Json aimed = event;
        aimed["target"] = target;
        Json data = Json::parse(event["json"].get<std::string>());
        data["serverId"] = target;
        const Json heard = sent_to_server(aimed);
        EXPECT_EQ(heard.at("target"), target);
        EXPECT_EQ(Json::parse(heard.at("json").get<std::string>()), data);

        const Json progress{{"type", "progress"}, {"id", identifier(random, 256)}, {"json", object(random)}};
        EXPECT_EQ(sent_to_server(progress), progress);
        const Json log{{"type", "log"},
                       {"level", identifier(random, 64)},
                       {"message", identifier(random, 500)},
                       {"source", identifier(random, 100)},
                       {"at", at}};
        EXPECT_EQ(sent_to_server(log), log);
    }
}

TEST_F(Panel, ReadsBackEveryPongItWrites)
{
    std::mt19937 random{4};
    for (int i = 0; i < 500; ++i) {
        const std::string facts = "{\"agent_status\":\"" +
                                  std::string{random() % 2 ? "healthy" : "degraded"} +
                                  "\",\"active_servers\":" + std::to_string(random() % 100) +
                                  ",\"system_load\":" + object(random) + "}";
        const Json meant{{"type", "heartbeat"},
                         {"id", identifier(random, 256)},
                         {"facts", facts},
                         {"at", 1'700'000'000'000 + static_cast<std::int64_t>(random())}};
        EXPECT_EQ(sent_to_server(meant), meant);
    }
}

TEST_F(Panel, ProvesWhoItIsInTheUpgradeOnly)
{
    Hello hello;
    hello.agent_id = "node-01";
    hello.credential = "jwt";
    const Opening opening = agent->opening(hello);
    ASSERT_EQ(opening.headers.size(), 2u);
    EXPECT_EQ(opening.headers[0], (std::pair<std::string, std::string>{"Authorization", "Bearer jwt"}));
    EXPECT_EQ(opening.headers[1], (std::pair<std::string, std::string>{"X-Agent-ID", "node-01"}));
    EXPECT_EQ(opening.query, "");
    EXPECT_EQ(agent->hello(hello), "");
}

TEST_F(Panel, TakesAnIdOfALaterHello)
{
    const std::string frame = R"({"id":"c1","type":"command","agentId":"assigned","action":"host.ping"})";
    EXPECT_TRUE(std::holds_alternative<Malformed>(agent->decode(frame, false)));
    Hello hello;
    hello.agent_id = "assigned"; // by a new registration
    (void)agent->opening(hello);
    EXPECT_TRUE(std::holds_alternative<Command>(agent->decode(frame, false)));
}

TEST_F(Panel, AnswersAPingWithoutAnIdOnce)
{
    std::string out;
    EXPECT_FALSE(agent->encode(Heartbeat{"{}", 0, {}}, out));
    ASSERT_TRUE(std::holds_alternative<Ping>(agent->decode(R"({"type":"ping"})", false)));
    EXPECT_TRUE(agent->encode(Heartbeat{"{}", 0, {}}, out));
    out.clear();
    EXPECT_FALSE(agent->encode(Heartbeat{"{}", 0, {}}, out));
    EXPECT_EQ(out, "");
}

TEST_F(Panel, SaysThatItLivesWhenTheFactsAreNone)
{
    std::string out;
    ASSERT_TRUE(agent->encode(Heartbeat{"not json", 0, "p1"}, out));
    EXPECT_EQ(Json::parse(out).at("data"), Json::parse(R"({"agentStatus":"healthy","activeServers":0})"));
}

TEST_F(Panel, KeepsALongMessageInTheData)
{
    const std::string data = "{\"message\":\"" + std::string(5000, 'x') + "\"}";
    std::string out;
    ASSERT_TRUE(agent->encode(Result{.id = "c1", .data = data}, out));
    EXPECT_FALSE(Json::parse(out).contains("message"));
    EXPECT_EQ(std::get<Result>(server->decode(out)).data, data);
}

TEST_F(Panel, CutsLongWordsBetweenCharacters)
{
    std::string text(4095, 'x');
    text += "€€";
    Result result{.id = "c1", .outcome = Outcome::error};
    result.error = {code::denied, text, text, {}};
    std::string out;
    ASSERT_TRUE(agent->encode(result, out));
    EXPECT_EQ(Json::parse(out).at("error").at("message"), std::string(4095, 'x'));
    EXPECT_TRUE(std::holds_alternative<Result>(server->decode(out)));
}

TEST_F(Panel, AddsNoTargetToDataThatIsFull)
{
    Json data = Json::object();
    for (int i = 0; i < 256; ++i) data["k" + std::to_string(i)] = i;
    const Json event{{"type", "event"}, {"topic", "x"}, {"json", data.dump()}, {"target", "s1"}, {"at", 1}};
    EXPECT_EQ(sent_to_server(event), event); // in the envelope instead
}

TEST_F(Panel, NeedsNoEnvironment)
{
    const auto bare_agent = agent_codec(Protocol::panel);
    const auto bare_server = server_codec(Protocol::panel);
    std::string out;
    EXPECT_TRUE(bare_agent->encode(Event{"x.y", "{}", {}, 0}, out));
    EXPECT_TRUE(bare_server->encode(Ping{}, out));
}

TEST_F(Panel, ServesASmallFrameAfterABigOneAndAnError)
{
    const std::string big = R"({"type":"command","id":"c1","action":"a","payload":{"serverId":"s1","x":")" +
                            std::string(1 << 20, 'x') + "\"}}";
    EXPECT_TRUE(std::holds_alternative<Command>(agent->decode(big, false)));
    EXPECT_TRUE(std::holds_alternative<Malformed>(agent->decode(big.substr(0, big.size() - 1), false)));
    EXPECT_EQ(
        describe(agent->decode(R"({"type":"command","id":"c2","action":"a","payload":{"y":1}})", false)),
        (Json{{"type", "command"}, {"id", "c2"}, {"action", "a"}, {"params", R"({"y":1})"}}));
}

} // namespace

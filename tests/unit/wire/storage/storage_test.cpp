#include "tests/unit/wire/generate.hpp"
#include "tests/unit/wire/messages.hpp"

#include "wire/codes.hpp"
#include "wire/json/json.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace agenthost::wire;

namespace {

class Storage : public testing::Test {
protected:
    std::string answer(Result result)
    {
        std::string out;
        EXPECT_TRUE(agent->encode(result, out));
        return out;
    }
    std::unique_ptr<AgentCodec> agent = agent_codec(Protocol::storage);
    std::unique_ptr<ServerCodec> server = server_codec(Protocol::storage);
};

TEST_F(Storage, ReadsBackEveryCommandItWrites)
{
    std::mt19937 random{1};
    for (int i = 0; i < 3000; ++i) {
        const Json meant{{"type", "command"},
                         {"id", identifier(random, 256)},
                         {"action", identifier(random, 128)},
                         {"params", random_object(random)}};
        if (meant["action"] == "response" || meant["action"] == "auth") continue;
        std::string frame;
        const Message message = made_of(meant);
        ASSERT_TRUE(server->encode(message.command, frame)) << meant;
        EXPECT_EQ(describe(agent->decode(frame, false)), meant) << frame;
        EXPECT_TRUE(Json::accept(frame));
    }
}

TEST_F(Storage, ReadsBackEveryResultItWrites)
{
    std::mt19937 random{2};
    const std::vector<std::string> codes{"FILE_NOT_FOUND", "DISK_FULL",   "NETWORK_ERROR", "BUSY",
                                         "TIMEOUT",        "INTERRUPTED", "DENIED"};
    const std::vector<std::string> words{"File not found", "Disk full", "Network error"};
    const std::vector<std::string> outcomes{"error", "not_started", "unknown", "interrupted"};
    for (int i = 0; i < 3000; ++i) {
        Json meant{{"type", "result"}, {"id", identifier(random, 256)}, {"outcome", "success"}};
        const std::string data = random() % 2 == 0 ? random_object(random) : "";
        if (random() % 2 == 0) {
            if (!data.empty()) meant["data"] = data;
        } else {
            const std::size_t which = random() % codes.size();
            meant["outcome"] = outcomes[random() % outcomes.size()];
            meant["code"] = codes[which];
            meant["message"] = which < words.size() ? words[which] : identifier(random, 200);
            if (const std::string detail = random_text(random, 200, false); !detail.empty())
                meant["detail"] = detail;
            if (!data.empty()) meant["error_data"] = data;
        }
        const Message message = made_of(meant);
        const std::string frame = answer(message.result);
        EXPECT_EQ(describe(server->decode(frame)), meant) << frame;
    }
}

TEST_F(Storage, ReadsBackEveryHelloAndWelcomeItWrites)
{
    std::mt19937 random{3};
    for (int i = 0; i < 500; ++i) {
        const Json hello{{"type", "hello"},
                         {"agent_id", identifier(random, 256)},
                         {"credential", identifier(random, 500)}};
        EXPECT_EQ(describe(server->decode(agent->hello(made_of(hello).hello))), hello);
        const Json welcome{
            {"type", "welcome"}, {"accepted", random() % 2 == 0}, {"message", identifier(random, 500)}};
        std::string frame;
        ASSERT_TRUE(server->encode(made_of(welcome).welcome, frame));
        EXPECT_EQ(describe(agent->decode(frame, true)), welcome);
    }
}

TEST_F(Storage, KeepsTheDocumentsWordsWhateverThePluginSays)
{
    Result result{.id = "r1", .outcome = Outcome::error};
    result.error = {code::disk_full, "only 3 MiB left", "free some space", {}};
    EXPECT_EQ(
        answer(result),
        R"({"action":"response","request_id":"r1","status":"error","message":"Disk full","code":"DISK_FULL",)"
        R"("detail":"only 3 MiB left: free some space"})");
    result.error = {code::file_not_found, "no such id", {}, {}};
    EXPECT_EQ(answer(result),
              R"({"action":"response","request_id":"r1","status":"error","message":"File not found",)"
              R"("code":"FILE_NOT_FOUND","detail":"no such id"})");
    result.error = {code::network_error, {}, {}, {}};
    EXPECT_EQ(
        answer(result),
        R"({"action":"response","request_id":"r1","status":"error","message":"Network error","code":"NETWORK_ERROR"})");
}

TEST_F(Storage, NamesTheUnknownAction)
{
    Result result{.id = "r1", .outcome = Outcome::error, .action = "dance"};
    result.error = {code::unknown_action, "nobody knows dance", {}, {}};
    EXPECT_EQ(answer(result),
              R"({"action":"response","request_id":"r1","status":"error","message":"Unknown action: dance",)"
              R"("code":"UNKNOWN_ACTION"})");
}

TEST_F(Storage, HasNoWordsForWhatTheProtocolDoesNotKnow)
{
    std::string out;
    EXPECT_FALSE(agent->encode(Event{"storage.quarantined", "{}", {}, 0}, out));
    EXPECT_FALSE(agent->encode(Progress{"r1", "{}"}, out));
    EXPECT_FALSE(agent->encode(Stream{"r1", 1, 0, "x"}, out));
    EXPECT_FALSE(agent->encode(Heartbeat{"{}", 0}, out));
    EXPECT_FALSE(server->encode(Command{"r1", "info", "{}", "some-server", {}}, out));
    EXPECT_FALSE(server->encode(Command{"r1", "info", R"({"action":"other"})", {}, {}}, out));
    EXPECT_FALSE(server->encode(Command{"r1", "info", R"({"x":1,"request_id":"other"})", {}, {}}, out));
    EXPECT_FALSE(server->encode(Command{"r1", "info", "[1]", {}, {}}, out));
    EXPECT_EQ(out, "");
}

TEST_F(Storage, RefusesWhatIsNotUtf8)
{
    for (const char* bad :
         {"\xC3\x28", "\xED\xA0\x80", "\xF8\x88\x80\x80\x80", "\xC0\xAF", "\xF5\x80\x80\x80", "\x80"}) {
        const std::string frame = std::string{R"({"action":"info","request_id":"r1","x":")"} + bad + "\"}";
        EXPECT_TRUE(std::holds_alternative<Malformed>(agent->decode(frame, false)));
    }
}

TEST_F(Storage, RefusesTooManyKeys)
{
    std::string frame = R"({"action":"info","request_id":"r1")";
    for (int i = 0; i < 255; ++i) frame += ",\"k" + std::to_string(i) + "\":1";
    EXPECT_TRUE(std::holds_alternative<Malformed>(agent->decode(frame + "}", false)));
}

TEST_F(Storage, NeverWritesWhatIsNotUtf8)
{
    Result result{.id = "r1", .outcome = Outcome::error};
    result.error = {code::denied, "a\xC3\x28z\xED\xA0\x80\xFF", {}, {}};
    const std::string frame = answer(result);
    EXPECT_EQ(Json::parse(frame)["message"], "a\uFFFD(z\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST_F(Storage, CutsLongWordsBetweenCharacters)
{
    std::string long_text(4095, 'x');
    long_text += "€€";
    Result result{.id = "r1", .outcome = Outcome::error};
    result.error = {code::denied, long_text, {}, {}};
    const Json frame = Json::parse(answer(result));
    EXPECT_EQ(frame["message"].get<std::string>(), std::string(4095, 'x'));
}

TEST_F(Storage, ServesASmallFrameAfterABigOneAndAnError)
{
    const std::string big = R"({"action":"info","request_id":"r1","x":")" + std::string(1 << 20, 'x') + "\"}";
    EXPECT_TRUE(std::holds_alternative<Command>(agent->decode(big, false)));
    EXPECT_TRUE(std::holds_alternative<Malformed>(agent->decode(big.substr(0, big.size() - 1), false)));
    const auto small = agent->decode(R"({"action":"info","request_id":"r2","y":1})", false);
    ASSERT_TRUE(std::holds_alternative<Command>(small));
    EXPECT_EQ(std::get<Command>(small).params, R"({"y":1})");
}

TEST(Json, AgreesWithAnotherParser)
{
    std::mt19937 random{4};
    for (int i = 0; i < 2000; ++i) {
        const Json object = Json::parse(random_object(random));
        const std::string text =
            object.dump(static_cast<int>(random() % 3) - 1); // compact, no indent, indent 1
        std::string why;
        const auto members = agenthost::wire::json::split(text, why);
        ASSERT_TRUE(members) << why << text;
        ASSERT_EQ(members->size(), object.size());
        for (const auto& member : *members) {
            ASSERT_TRUE(object.contains(member.key));
            EXPECT_EQ(Json::parse(member.raw), object[std::string{member.key}]);
            EXPECT_EQ(Json::parse(member.key_raw), std::string{member.key});
        }
    }
}

TEST(Protocols, HaveNames)
{
    for (const auto each :
         {Protocol::storage, Protocol::panel, Protocol::print, Protocol::dashboard, Protocol::signed_}) {
        EXPECT_EQ(protocol(name(each)), each);
    }
    EXPECT_FALSE(protocol("telnet"));
}

} // namespace

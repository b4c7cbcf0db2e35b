#include "tests/unit/wire/both_ends.hpp"
#include "tests/unit/wire/generate.hpp"
#include "tests/unit/wire/node.hpp"

#include "wire/codes.hpp"
#include "wire/json/canonical.hpp"
#include "wire/session/replay.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

using namespace agenthost::wire;

namespace {

constexpr const char* secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
constexpr const char* agent_id = "agent-7";

class Signed : public BothEnds {
protected:
    Signed()
    {
        agent = agent_codec(Protocol::signed_, {.environment = clock.environment(), .nonces = &agents_book});
        ServerSetup setup{
            .environment = clock.environment(), .agent_id = {}, .secret_of = {}, .nonces = &servers_book};
        setup.secret_of = [this](std::string_view asked) {
            return asked == agent_id ? known_secret : std::nullopt;
        };
        server = server_codec(Protocol::signed_, std::move(setup));
        hello.agent_id = agent_id;
        hello.credential = secret;
        hello.name = "host.example";
        hello.version = "1.2.3";
    }
    void greet() { ASSERT_TRUE(std::holds_alternative<Hello>(server->decode(agent->hello(hello)))); }
    enum class From { agent, server };
    // 2,000 random messages are read as they were meant, and node verifies their signatures.
    void expect_read_back(unsigned seed, Json (*random_message)(std::mt19937&), From from)
    {
        greet();
        std::mt19937 random{seed};
        std::vector<std::string> frames;
        for (int i = 0; i < 2000; ++i) {
            const Json meant = random_message(random);
            const bool by_agent = from == From::agent;
            const std::string frame = by_agent ? agent_frame(meant) : server_frame(meant);
            EXPECT_EQ(by_agent ? read_by_server(frame) : read_by_agent(frame), meant) << frame;
            frames.push_back(frame);
        }
        const std::vector<std::string> verdicts = ask_node("verify", frames, secret);
        ASSERT_EQ(verdicts.size(), frames.size());
        for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(verdicts[i], "ok") << frames[i];
    }

    ReplayWindow agents_window{1 << 20}, servers_window{1 << 20};
    ReplayBook agents_book{agents_window, [] { return test_now; }},
        servers_book{servers_window, [] { return test_now; }};
    std::optional<std::string> known_secret = secret;
    Hello hello;
};

std::string canonical(const std::string& text)
{
    std::string out;
    EXPECT_TRUE(json::append_canonical(out, text)) << text;
    return out;
}

Json random_result(std::mt19937& random)
{
    static const std::vector<std::string> codes{"FILE_NOT_FOUND", "BUSY",   "TIMEOUT",
                                                "INTERRUPTED",    "DENIED", "UNKNOWN_ACTION"};
    static const std::vector<std::string> outcomes{"error", "not_started", "unknown", "interrupted"};
    std::string id = identifier(random, 256);
    if (id.front() == '~') id.front() = 'x';
    Json meant{{"type", "result"}, {"id", id}, {"action", identifier(random, 128)}, {"outcome", "success"}};
    const std::string data = canonical(random_object(random));
    if (random() % 2 == 0) {
        if (random() % 2 == 0) meant["data"] = data;
        return meant;
    }
    meant["outcome"] = outcomes[random() % outcomes.size()];
    meant["code"] = codes[random() % codes.size()];
    meant["message"] = identifier(random, 200);
    if (const std::string detail = random_text(random, 200, false); !detail.empty()) meant["detail"] = detail;
    if (random() % 2 == 0) meant["error_data"] = data;
    return meant;
}

Json random_command(std::mt19937& random)
{
    Json meant{{"type", "command"},
               {"id", identifier(random, 256)},
               {"action", identifier(random, 128)},
               {"params", canonical(random_object(random))}};
    if (random() % 4 == 0) meant["target"] = identifier(random, 100);
    if (random() % 4 == 0) meant["timeout_ms"] = 1 + random() % 1'000'000;
    return meant;
}

// What an agent says beside results.
Json random_notice(std::mt19937& random)
{
    const std::int64_t at =
        random() % 2 == 0 ? test_now : test_now - static_cast<std::int64_t>(random() % 100'000);
    switch (random() % 4) {
    case 0: {
        Json log{{"type", "log"},
                 {"level", identifier(random, 64)},
                 {"message", identifier(random, 500)},
                 {"at", at}};
        if (random() % 2 == 0) log["source"] = identifier(random, 100);
        return log;
    }
    case 1: {
        Json event{{"type", "event"},
                   {"topic", identifier(random, 200)},
                   {"json", canonical(random_object(random))},
                   {"at", at}};
        if (random() % 2 == 0) event["target"] = identifier(random, 100);
        return event;
    }
    case 2: {
        std::string text = "{";
        for (const char* key :
             {"cpu_percent", "mem_percent", "disk_percent", "network_in_bps", "network_out_bps"}) {
            if (random() % 4 == 0) continue;
            text += (text.size() > 1 ? ",\"" : "\"") + std::string{key} + "\":";
            json::append_number(text, static_cast<double>(random() % 100'000) / (1 + random() % 64));
        }
        text += text.size() > 1 ? ",\"load_average\":[0.5,1,2.25]}" : "}";
        return {{"type", "metrics"}, {"json", text}, {"at", test_now}};
    }
    default: return {{"type", "heartbeat"}, {"facts", "{}"}, {"at", test_now}};
    }
}

TEST_F(Signed, ReadsBackEveryCommandItWrites) { expect_read_back(1, random_command, From::server); }

TEST_F(Signed, ReadsBackEveryResultItWrites) { expect_read_back(2, random_result, From::agent); }

TEST_F(Signed, ReadsBackEveryNoticeItWrites) { expect_read_back(3, random_notice, From::agent); }

// Whatever JSON a plugin hands us, white space, escapes, number forms and all: a peer that parses and prints
// again finds our signature.
TEST_F(Signed, IsVerifiedByNodeWhateverThePluginWrote)
{
    greet();
    std::mt19937 random{4};
    std::vector<std::string> frames{agent->hello(hello)};
    for (int i = 0; i < 1000; ++i) {
        const Json object = Json::parse(random_object(random));
        std::string text = object.dump(static_cast<int>(random() % 3) - 1, ' ', random() % 2 == 0);
        text.insert(text.rfind('}'), (object.empty() ? "" : ",") +
                                         std::string{R"("7":1.50,"z":25.0 , "3":-0.0,"e":1E2,"\u0041":1)"});
        frames.push_back(agent_frame(
            {{"type", "result"}, {"id", "r"}, {"outcome", "success"}, {"action", "x"}, {"data", text}}));
        frames.push_back(agent_frame({{"type", "event"}, {"topic", "a.b"}, {"json", text}}));
        frames.push_back(agent_frame({{"type", "result"},
                                      {"id", "r"},
                                      {"outcome", "error"},
                                      {"code", "DENIED"},
                                      {"message", "\x80\xff\x01"},
                                      {"error_data", text}}));
        frames.push_back(server_frame({{"type", "command"}, {"id", "r"}, {"action", "x"}, {"params", text}}));
    }
    const std::vector<std::string> verdicts = ask_node("verify", frames, secret);
    ASSERT_EQ(verdicts.size(), frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(verdicts[i], "ok") << frames[i];
    EXPECT_EQ(ask_node("verify", {frames.front()}, "another secret").at(0), "invalid_signature");
}

// Frames that Node signs, their keys in any order, with and without blanks.
TEST_F(Signed, ReadsWhatNodeSigns)
{
    greet();
    std::mt19937 random{5};
    std::vector<std::string> asked;
    std::vector<Json> meant;
    for (int i = 0; i < 1000; ++i) {
        Json order{"type", "agentId", "ts", "nonce", "payload", "signature"};
        std::shuffle(order.begin(), order.end(), random);
        const Json args = Json::parse(random_object(random));
        const std::string nonce = "nonce-" + std::to_string(i);
        const bool down = random() % 2 == 0;
        Json payload = down ? Json{{"command", "x y/z"}, {"args", args}}
                            : Json{{"level", "info"}, {"message", identifier(random, 100)}};
        Json envelope{{"order", order},      {"blanks", random() % 3}, {"type", down ? "command" : "log"},
                      {"agentId", agent_id}, {"ts", test_now - 1000},  {"nonce", nonce},
                      {"payload", payload}};
        asked.push_back(envelope.dump());
        if (down)
            meant.push_back({{"type", "command"}, {"id", "~" + nonce}, {"action", "x y/z"}, {"args", args}});
        else
            meant.push_back({{"type", "log"},
                             {"level", "info"},
                             {"message", payload["message"]},
                             {"at", test_now - 1000}});
    }
    const std::vector<std::string> frames = ask_node("sign", asked, secret);
    ASSERT_EQ(frames.size(), asked.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const bool down = meant[i].at("type") == "command";
        Json told = down ? read_by_agent(frames[i]) : read_by_server(frames[i]);
        if (down && told.contains("params")) {
            told["args"] = Json::parse(told["params"].get<std::string>());
            told.erase("params");
        }
        EXPECT_EQ(told, meant[i]) << frames[i];
    }
}

TEST_F(Signed, GivesEveryFrameANonceOfItsOwn)
{
    greet();
    std::set<std::string> nonces;
    for (int i = 0; i < 100; ++i) {
        const Json frame = Json::parse(agent_frame({{"type", "heartbeat"}}));
        EXPECT_TRUE(nonces.insert(frame.at("nonce")).second);
        EXPECT_EQ(frame.size(), 6u);
    }
}

TEST_F(Signed, RefusesEveryChangeOfASignature)
{
    greet();
    const std::string frame = agent_frame({{"type", "heartbeat"}});
    const std::size_t begin = frame.find("\"signature\":\"") + 13;
    for (std::size_t i = begin; i < begin + 64; ++i) {
        std::string forged = frame;
        forged[i] = forged[i] == '0' ? '1' : '0';
        EXPECT_EQ(read_by_server(forged),
                  (Json{{"type", "refused"}, {"close_code", 1008}, {"reason", "invalid_signature"}}));
    }
    EXPECT_EQ(read_by_server(frame).at("type"), "heartbeat"); // none of them cost its nonce
}

TEST_F(Signed, ForgedFramesCostNoNonces)
{
    greet();
    const std::size_t before = servers_window.size();
    for (int i = 0; i < 100; ++i)
        read_by_server(R"({"type":"log","agentId":"agent-7","ts":)" + std::to_string(test_now) +
                       R"(,"nonce":")" + std::to_string(i) + R"(","payload":{},"signature":")" +
                       std::string(64, '0') + "\"}");
    EXPECT_EQ(servers_window.size(), before);
}

TEST_F(Signed, NeverRunsACommandTwice)
{
    greet();
    const std::string frame =
        server_frame({{"type", "command"}, {"id", "r"}, {"action", "reboot"}, {"params", "{}"}});
    EXPECT_EQ(read_by_agent(frame).at("type"), "command");
    EXPECT_EQ(read_by_agent(frame).at("type"), "malformed");
    const auto restarted =
        agent_codec(Protocol::signed_, {.environment = clock.environment(), .nonces = &agents_book});
    (void)restarted->hello(hello);
    EXPECT_TRUE(std::holds_alternative<Malformed>(
        restarted->decode(frame, false))); // the book outlives the connection
}

TEST_F(Signed, NeverRunsACommandOfAnotherType)
{
    greet();
    // What the agent itself signed comes back: it is no command whatever it says.
    for (const Json& meant :
         {Json{{"type", "log"}, {"level", "info"}, {"message", "m"}}, Json{{"type", "heartbeat"}},
          Json{{"type", "result"}, {"id", "r"}, {"outcome", "success"}, {"action", "reboot"}}})
        EXPECT_EQ(read_by_agent(agent_frame(meant)), (Json{{"type", "nothing"}}));
}

TEST_F(Signed, RunsNothingWithoutABookOfNonces)
{
    greet();
    const auto careless =
        agent_codec(Protocol::signed_, {.environment = clock.environment(), .nonces = nullptr});
    (void)careless->hello(hello);
    const FromServer message = careless->decode(
        server_frame({{"type", "command"}, {"id", "r"}, {"action", "ping"}, {"params", "{}"}}), false);
    EXPECT_TRUE(std::holds_alternative<Malformed>(message));
}

TEST_F(Signed, SaysNothingWithoutASecretOrAWorld)
{
    std::string out;
    const auto mute = agent_codec(Protocol::signed_);
    EXPECT_EQ(mute->hello(hello), "");
    EXPECT_FALSE(mute->encode(Heartbeat{}, out));
    EXPECT_TRUE(std::holds_alternative<Malformed>(mute->decode(agent->hello(hello), false)));
    const auto deaf = server_codec(Protocol::signed_);
    EXPECT_TRUE(std::holds_alternative<Refused>(deaf->decode(agent->hello(hello))));
    EXPECT_FALSE(deaf->encode(Command{"r", "ping", "{}", {}, {}}, out));
    hello.credential = {};
    EXPECT_EQ(agent->hello(hello), "");
    EXPECT_FALSE(agent->encode(Heartbeat{}, out));
    EXPECT_EQ(out, "");
}

TEST_F(Signed, NoEmptySecretOpensADoor)
{
    known_secret = "";
    const std::string body = R"({"type":"auth","agentId":"agent-7","ts":)" + std::to_string(test_now) +
                             R"(,"nonce":"n","payload":{}})";
    const std::string frame =
        body.substr(0, body.size() - 1) + R"(,"signature":")" + test_hmac("", body) + "\"}";
    EXPECT_EQ(read_by_server(frame),
              (Json{{"type", "refused"}, {"close_code", 1008}, {"reason", "unknown_agent"}}));
}

TEST_F(Signed, ARevokedSecretEndsTheSessionWithItsNextFrame)
{
    greet();
    EXPECT_EQ(read_by_server(agent_frame({{"type", "heartbeat"}})).at("type"), "heartbeat");
    known_secret = std::nullopt;
    EXPECT_EQ(read_by_server(agent_frame({{"type", "heartbeat"}})).at("reason"), "unknown_agent");
    known_secret = "another";
    EXPECT_EQ(read_by_server(agent_frame({{"type", "heartbeat"}})).at("reason"), "invalid_signature");
}

TEST_F(Signed, AnAgentReadsItsSecretAnew)
{
    greet();
    known_secret = "rotated";
    hello.credential = "rotated";
    EXPECT_EQ(read_by_server(agent->hello(hello)).at("type"), "hello");
    EXPECT_EQ(read_by_server(agent_frame({{"type", "heartbeat"}})).at("type"), "heartbeat");
}

TEST_F(Signed, NeverAheadOfTheClockItIsGiven)
{
    clock.set_now(test_now - 2500); // the shell's estimate of the peer's clock
    EXPECT_EQ(Json::parse(agent->hello(hello)).at("ts"), test_now - 2500);
}

TEST_F(Signed, TheAnswerNamesTheCommandOnlyIfItWasNamed)
{
    greet();
    const Json frame = Json::parse(agent_frame({{"type", "result"},
                                                {"id", "~nonce"},
                                                {"outcome", "success"},
                                                {"action", "ping"},
                                                {"data", "\"pong\""}}));
    EXPECT_EQ(frame.at("payload"), (Json{{"command", "ping"}, {"result", "pong"}}));
}

TEST_F(Signed, AnswersAnUnknownCommandAsTheDocumentSays)
{
    greet();
    const Json frame = Json::parse(agent_frame({{"type", "result"},
                                                {"id", "~n"},
                                                {"outcome", "error"},
                                                {"action", "dance"},
                                                {"code", "UNKNOWN_ACTION"},
                                                {"message", "Unknown action: dance"}}));
    EXPECT_EQ(frame.at("payload").at("result"), "unknown_command");
    EXPECT_EQ(frame.at("payload").at("error"), "Unknown action: dance");
}

TEST_F(Signed, AResultThatIsNotJsonIsAnErrorAndNoBrokenFrame)
{
    greet();
    const std::string frame = agent_frame(
        {{"type", "result"}, {"id", "r"}, {"outcome", "success"}, {"action", "x"}, {"data", "{broken"}});
    EXPECT_EQ(read_by_server(frame), (Json{{"type", "result"},
                                           {"id", "r"},
                                           {"outcome", "error"},
                                           {"action", "x"},
                                           {"code", "INTERNAL"},
                                           {"message", "the answer is not JSON"}}));
}

TEST_F(Signed, ClosesForAnEmptyFrame)
{
    EXPECT_EQ(read_by_server(""),
              (Json{{"type", "refused"}, {"close_code", 1003}, {"reason", "invalid_json"}}));
}

TEST_F(Signed, CutsLongWordsBetweenCharacters)
{
    greet();
    const std::string text = std::string(4095, 'x') + "€€";
    const std::string frame = agent_frame({{"type", "log"}, {"level", "info"}, {"message", text}});
    EXPECT_EQ(read_by_server(frame).at("message").get<std::string>(), std::string(4095, 'x'));
}

TEST_F(Signed, AForgedFrameIsNeverAnswered)
{
    greet();
    const Json told = read_by_agent(
        R"({"type":"command","agentId":"agent-7","ts":1,"nonce":"n","payload":{"command":"x","requestId":"r"},"signature":"0"})");
    EXPECT_EQ(told.at("type"), "malformed");
    EXPECT_FALSE(told.contains("id")); // an id would be answered
}

} // namespace

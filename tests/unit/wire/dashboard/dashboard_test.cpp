#include "tests/unit/wire/both_ends.hpp"
#include "tests/unit/wire/generate.hpp"

#include "base/base64.hpp"
#include "wire/codes.hpp"
#include "wire/dashboard/output.hpp"
#include "wire/json/json.hpp"

#include <gtest/gtest.h>

#include <random>

using namespace agenthost::wire;
using agenthost::base::append_base64;
using agenthost::base::append_from_base64;

namespace {

class Dashboard : public BothEnds {
protected:
    Dashboard()
    {
        agent = agent_codec(Protocol::dashboard, {.environment = clock.environment()});
        server = server_codec(Protocol::dashboard, {.environment = clock.environment()});
        hello.agent_id = "agent-1";
        (void)agent->hello(hello);
    }
    void ask_for(const std::string& id, Json more = Json::object())
    {
        more["commandId"] = id;
        more["command"] = "x";
        EXPECT_EQ(read_by_agent(Json{{"type", "command:request"}, {"payload", more}}.dump()).at("type"),
                  "command");
    }
    // What the shell does with output: as many frames as it takes.
    std::vector<Json> printed(const std::string& id, std::uint32_t channel, std::uint64_t offset,
                              std::string_view bytes)
    {
        std::vector<Json> frames;
        do {
            Stream stream{id, channel, offset, bytes};
            const std::size_t fits = agent->fitting(stream);
            EXPECT_TRUE(fits > 0 || bytes.empty());
            stream.bytes = bytes.substr(0, fits);
            std::string out;
            EXPECT_TRUE(agent->encode(stream, out));
            frames.push_back(Json::parse(out)); // throws on what is no UTF-8
            const bool base64 = frames.back()["payload"].contains("encoding");
            EXPECT_LE(frames.back()["payload"]["data"].get_ref<const std::string&>().size(),
                      base64 ? (max_output + 2) / 3 * 4 : max_output);
            bytes.remove_prefix(fits);
            offset += fits;
        } while (!bytes.empty());
        return frames;
    }

    Hello hello;
};

bool free_of(const Json& params, std::initializer_list<const char*> keys)
{
    return std::none_of(keys.begin(), keys.end(), [&](const char* key) { return params.contains(key); });
}

TEST_F(Dashboard, ReadsBackEveryCommandItWrites)
{
    std::mt19937 random{1};
    const std::vector<std::string> words{"command:request", "command:interrupt", "terminal:input",
                                         "terminal:resize"};
    for (int i = 0; i < 3000; ++i) {
        std::string id = identifier(random, 256);
        if (id.front() == '~') id.front() = 'x';
        Json meant{{"type", "command"}, {"id", id}};
        Json params = Json::parse(random_object(random));
        const bool flat = random() % 2 == 0;
        meant["action"] = flat ? words[random() % words.size()] : identifier(random, 128);
        if (flat && meant["action"] != words[0]) params["commandId"] = identifier(random, 100);
        if (!flat && random() % 3 == 0) meant["target"] = identifier(random, 100);
        if (random() % 3 == 0) meant["timeout_ms"] = 1 + random() % 1'000'000;
        ASSERT_TRUE(free_of(params, {"requestId", "agentId", "timeoutMs", "encoding"}));
        meant["params"] = params.dump();
        const std::string frame = server_frame(meant);
        if (meant["action"] == words[0]) params["commandId"] = id; // the plugin is told it too
        if (flat && meant.contains("timeout_ms")) params["timeoutMs"] = meant["timeout_ms"];
        Json told = read_by_agent(frame);
        EXPECT_EQ(Json::parse(told.at("params").get<std::string>()), params) << frame;
        told["params"] = meant["params"];
        EXPECT_EQ(told, meant) << frame;
        EXPECT_TRUE(Json::accept(frame));
    }
}

Json random_answer(std::mt19937& random)
{
    static const std::vector<std::string> codes{
        "FILE_NOT_FOUND", "QUEUE_FULL", "TIMEOUT", "INTERRUPTED", "DENIED", "INVALID_REQUEST", "CANCELLED"};
    static const std::vector<std::string> outcomes{"error", "not_started", "unknown", "interrupted"};
    std::string id = identifier(random, 256);
    if (id.front() == '~') id.front() = 'x';
    Json meant{{"type", "result"}, {"id", id}, {"outcome", "success"}};
    const bool runs = random() % 2 == 0;
    if (runs) meant["action"] = "command:request";
    std::string data = random_object(random);
    if (runs && random() % 2 == 0) {
        static const std::vector<std::string> reasons{"exit", "signal", "interrupted"};
        Json end{{"exit_code", random() % 4}, {"reason", reasons[random() % reasons.size()]}};
        if (random() % 2 == 0) end["seconds"] = 1.5;
        data = end.dump();
    }
    if (random() % 2 == 0) {
        if (random() % 2 == 0) meant["data"] = data;
        return meant;
    }
    meant["outcome"] = outcomes[random() % outcomes.size()];
    meant["code"] = codes[random() % codes.size()];
    if (runs && meant["code"] == "TIMEOUT" && meant["outcome"] == "error") meant["outcome"] = "unknown";
    meant["message"] = identifier(random, 200);
    if (const std::string detail = random_text(random, 200, false); !detail.empty()) meant["detail"] = detail;
    if (random() % 2 == 0) meant["error_data"] = data;
    return meant;
}

TEST_F(Dashboard, ReadsBackEveryResultItWrites)
{
    std::mt19937 random{2};
    for (int i = 0; i < 4000; ++i) {
        const Json meant = random_answer(random);
        const std::string frame = agent_frame(meant);
        EXPECT_EQ(read_by_server(frame), meant) << frame;
        EXPECT_TRUE(Json::accept(frame));
    }
}

TEST_F(Dashboard, ReadsBackEverythingElseItWrites)
{
    std::mt19937 random{3};
    int beats = 0;
    for (int i = 0; i < 4000; ++i) {
        const std::int64_t at = test_now - static_cast<std::int64_t>(random() % 100'000);
        Json meant;
        switch (random() % 6) {
        case 0: {
            std::string word = identifier(random, 200);
            if (word == "log" || word == "command_queue") continue;
            std::replace(word.begin(), word.end(), '.', ':');
            meant = {
                {"type", "event"}, {"topic", word}, {"json", random_value(random, 3).dump()}, {"at", at}};
            if (random() % 2 == 0) meant["target"] = identifier(random, 100);
            break;
        }
        case 1:
            meant = {
                {"type", "event"}, {"topic", "command_queue"}, {"json", random_object(random)}, {"at", at}};
            break;
        case 2:
            meant = {{"type", "log"},
                     {"level", identifier(random, 64)},
                     {"message", identifier(random, 500)},
                     {"at", at}};
            break;
        case 3:
            meant = {{"type", "progress"}, {"id", identifier(random, 256)}, {"json", random_object(random)}};
            break;
        case 4: {
            Json data = Json::parse(random_object(random));
            data["status"] = random() % 2 == 0 ? "queued" : "running";
            meant = {{"type", "progress"}, {"id", identifier(random, 256)}, {"json", data.dump()}};
            break;
        }
        default: {
            meant = {{"type", "heartbeat"},
                     {"facts", random_object(random)},
                     {"at", at},
                     {"id", std::to_string(++beats)}};
        }
        }
        const std::string frame = agent_frame(meant);
        EXPECT_EQ(read_by_server(frame), meant) << frame;
        EXPECT_TRUE(Json::accept(frame));
    }
}

TEST_F(Dashboard, ReadsBackEveryHelloAndWelcomeItWrites)
{
    std::mt19937 random{4};
    for (int i = 0; i < 500; ++i) {
        const Json hello{{"type", "hello"},
                         {"agent_id", identifier(random, 256)},
                         {"name", identifier(random, 100)},
                         {"version", identifier(random, 20)},
                         {"platform", identifier(random, 20)},
                         {"capabilities", R"(["a.b",7])"}};
        EXPECT_EQ(read_by_server(agent_frame(hello)), hello);
        const Json no{{"type", "welcome"}, {"accepted", false}, {"message", identifier(random, 500)}};
        EXPECT_EQ(read_by_agent(server_frame(no), true), no);
        EXPECT_EQ(read_by_agent(server_frame({{"type", "welcome"}, {"accepted", true}}), true),
                  (Json{{"type", "welcome"}, {"accepted", true}}));
    }
}

// Text of what was sent, as the peer puts it together.
std::string joined(const std::vector<Json>& frames)
{
    std::string out;
    for (const Json& frame : frames) out += frame["payload"]["data"].get<std::string>();
    return out;
}

// The bytes as one text, each that is no UTF-8 as U+FFFD.
std::string as_text(std::string_view bytes)
{
    std::string quoted;
    json::append(quoted, bytes);
    return Json::parse(quoted).get<std::string>();
}

std::string random_output(std::mt19937& random, std::size_t size)
{
    static const std::vector<std::string> pieces{"a",
                                                 "plain text ",
                                                 "\n",
                                                 "\x1b[1m",
                                                 "é",
                                                 "€",
                                                 "😀",
                                                 "\xff",
                                                 "\xc3",
                                                 "\xe2\x82",
                                                 "\xf0\x9f\x98",
                                                 "\xed\xa0\x80",
                                                 "\xc0\x80",
                                                 "\x80",
                                                 "\xf4\x90\x80\x80",
                                                 "\xe0\x80",
                                                 std::string(1, '\0')};
    std::string out;
    while (out.size() < size) out += pieces[random() % pieces.size()];
    return out + "."; // no character is left open at the end
}

TEST_F(Dashboard, NeverSplitsACharacterWhereverThePluginCuts)
{
    std::mt19937 random{5};
    for (int round = 0; round < 300; ++round) {
        const std::string id = "c" + std::to_string(round), bytes = random_output(random, 1 + random() % 400);
        std::vector<Json> frames;
        std::string_view rest{bytes};
        while (!rest.empty()) {
            const std::size_t cut =
                1 + random() % std::min<std::size_t>(rest.size(), round % 2 == 0 ? 3 : 50);
            const auto more = printed(id, 1, bytes.size() - rest.size(), rest.substr(0, cut));
            frames.insert(frames.end(), more.begin(), more.end());
            rest.remove_prefix(cut);
        }
        EXPECT_EQ(joined(frames), as_text(bytes));
        for (std::size_t i = 0; i < frames.size(); ++i) {
            EXPECT_EQ(frames[i]["payload"]["sequence"], i + 1);
            EXPECT_FALSE(frames[i]["payload"].contains("dropped"));
        }
    }
}

TEST_F(Dashboard, ChunksHaveAtMost10KB)
{
    std::mt19937 random{6};
    for (const std::string& bytes :
         {std::string(100'000, 'x'), std::string(100'000, '\xff'), random_output(random, 100'000),
          std::string(10'240, 'y'), std::string(10'241, 'y')}) {
        const std::string id = "c" + std::to_string(random());
        const std::vector<Json> frames = printed(id, 1, 0, bytes);
        EXPECT_EQ(joined(frames), as_text(bytes));
        EXPECT_LE(frames.size(),
                  as_text(bytes).size() / (max_output - 12) + 1); // nearly full, all but the last
    }
}

TEST_F(Dashboard, Base64KeepsEveryByte)
{
    std::mt19937 random{7};
    ask_for("c", {{"encoding", "base64"}});
    std::string bytes;
    for (int i = 0; i < 50'000; ++i) bytes += static_cast<char>(random());
    std::string told;
    std::size_t chunks = 0;
    for (const Json& frame : printed("c", 2, 0, bytes)) {
        EXPECT_EQ(frame["payload"]["encoding"], "base64");
        const FromAgent message = server->decode(frame.dump());
        const auto& stream = std::get<Stream>(message);
        EXPECT_EQ(stream.channel, 2u);
        EXPECT_EQ(stream.offset, told.size());
        told += stream.bytes;
        ++chunks;
    }
    EXPECT_EQ(told, bytes);
    EXPECT_EQ(chunks, 5u);
}

TEST_F(Dashboard, CutsNoPieceOfTheTerminalPluginAgain)
{
    ask_for("bytes", {{"encoding", "base64"}});
    ask_for("text");
    const std::string piece(10 << 10, 'x'); // terminal::Flush::chunk
    for (const char* id : {"bytes", "text"}) {
        EXPECT_EQ(printed(id, 1, 0, piece).size(), 1U) << id;
        EXPECT_EQ(printed(id, 1, piece.size(), "rest").size(), 1U) << id;
    }
}

TEST_F(Dashboard, StreamsOfACommandDoNotMix)
{
    EXPECT_EQ(printed("c", 1, 0, "a\xe2")[0]["payload"]["data"], "a");
    EXPECT_EQ(printed("c", 2, 0, "b\xf0\x9f")[0]["payload"]["data"], "b");
    EXPECT_EQ(printed("d", 1, 0, "c")[0]["payload"]["data"], "c");
    EXPECT_EQ(printed("c", 1, 2, "\x82\xac")[0]["payload"]["data"], "€");
    EXPECT_EQ(printed("c", 2, 3, "\x98\x80")[0]["payload"]["data"], "😀");
}

TEST_F(Dashboard, AGapInsideACharacterCountsItsFirstBytes)
{
    printed("c", 1, 0, "a\xe2\x82");
    const Json payload = printed("c", 1, 10, "\xac.")[0]["payload"];
    EXPECT_EQ(payload["dropped"], 9);
    EXPECT_EQ(payload["data"], "\uFFFD.");
}

TEST_F(Dashboard, DoesNotCallDroppedWhatAnotherConnectionBrought)
{
    EXPECT_FALSE(printed("c", 1, 5000, "x")[0]["payload"].contains("dropped"));
    EXPECT_EQ(printed("c", 1, 5002, "y")[0]["payload"]["dropped"], 1);
}

TEST_F(Dashboard, ARepeatOfARequestChangesNoCount)
{
    ask_for("c");
    printed("c", 1, 0, "x");
    ask_for("c");
    EXPECT_EQ(printed("c", 1, 1, "y")[0]["payload"]["sequence"], 2);
}

TEST_F(Dashboard, ForgetsACommandWithItsResult)
{
    ask_for("c", {{"requestId", "r"}});
    printed("c", 1, 0, "x");
    EXPECT_EQ(Json::parse(agent_frame({{"type", "result"},
                                       {"id", "c"},
                                       {"outcome", "success"},
                                       {"action", "command:request"}}))["payload"]["requestId"],
              "r");
    EXPECT_EQ(printed("c", 1, 0, "x")[0]["payload"]["sequence"], 1);
    EXPECT_FALSE(Json::parse(agent_frame(
        {{"type", "result"}, {"id", "c"}, {"outcome", "success"}, {"action", "command:request"}}))["payload"]
                     .contains("requestId"));
}

TEST(CommandBook, IsBoundedAndForgetsTheLongestSilent)
{
    CommandBook book;
    for (std::size_t i = 0; i < CommandBook::max_commands; ++i) book.of(std::to_string(i)).sequence = 7;
    book.of("0");
    for (std::size_t i = 0; i < 100; ++i) book.of("new" + std::to_string(i));
    EXPECT_EQ(book.size(), CommandBook::max_commands);
    EXPECT_TRUE(book.find("0"));
    EXPECT_FALSE(book.find("1"));
    EXPECT_FALSE(book.find("100"));
    EXPECT_TRUE(book.find("101"));
    book.end("0");
    EXPECT_FALSE(book.find("0"));
}

TEST_F(Dashboard, AnswersEveryFrameItCannotTakeOnce)
{
    for (const char* frame : {"{", "[]", R"({"type":"host.ping"})",
                              R"({"version":"2.0","type":"host.ping","payload":{"requestId":"r"}})"}) {
        const Json told = read_by_agent(frame);
        ASSERT_EQ(told.at("type"), "malformed") << frame;
        const Json answer = Json::parse(agent_frame({{"type", "result"},
                                                     {"id", told.at("id")},
                                                     {"outcome", "error"},
                                                     {"code", "INVALID_REQUEST"},
                                                     {"message", told.at("reason")}}));
        EXPECT_EQ(answer["type"], "error");
        EXPECT_EQ(answer["version"], "1.0.0");
        EXPECT_EQ(answer["timestamp"], test_now);
        EXPECT_EQ(answer["payload"]["code"], "INVALID_MESSAGE");
        EXPECT_EQ(answer["payload"]["recoverable"], true);
        EXPECT_EQ(read_by_agent(answer.dump()),
                  (Json{{"type", "nothing"}})); // a mirror does not make it a loop
    }
}

TEST_F(Dashboard, WhatItSaysItselfAsksItForNothing)
{
    std::mt19937 random{8};
    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(read_by_agent(agent_frame(random_answer(random))).at("type"), "nothing");
    EXPECT_EQ(read_by_agent(agent_frame({{"type", "hello"}, {"agent_id", "agent-1"}})).at("type"), "nothing");
    EXPECT_EQ(read_by_agent(agent_frame({{"type", "heartbeat"}})).at("type"), "nothing");
    EXPECT_EQ(read_by_agent(agent_frame({{"type", "stream"}, {"id", "c"}, {"bytes", "x"}})).at("type"),
              "nothing");
}

TEST_F(Dashboard, PutsTheTokenWhereAUrlKeepsIt)
{
    hello.credential = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln_-";
    EXPECT_EQ(agent->opening(hello).query, "token=eyJhbGciOiJIUzI1NiJ9.e30.c2ln_-");
    hello.credential = "a b&c#d%é";
    EXPECT_EQ(agent->opening(hello).query, "token=a%20b%26c%23d%25%C3%A9");
    EXPECT_EQ(agent->hello(hello).find("a b"), std::string::npos); // and nowhere else
}

TEST_F(Dashboard, FactsTooBigForAHeartbeatAreLeftOut)
{
    const std::string big = "{\"x\":\"" + std::string(100'000, 'x') + "\"}";
    const std::string frame = agent_frame({{"type", "heartbeat"}, {"facts", big}});
    EXPECT_LT(frame.size(), 200u);
    EXPECT_EQ(read_by_server(frame).at("facts"), "{}");
}

TEST_F(Dashboard, WorksWithoutAWorld)
{
    const auto simple = agent_codec(Protocol::dashboard);
    EXPECT_TRUE(Json::accept(simple->hello(hello)));
    EXPECT_TRUE(std::holds_alternative<Malformed>(simple->decode("{", false)));
    std::string out;
    EXPECT_TRUE(server_codec(Protocol::dashboard)->encode(Welcome{true, {}}, out));
    EXPECT_TRUE(Json::accept(out));
}

TEST(Base64, IsReadBack)
{
    std::mt19937 random{9};
    for (std::size_t size = 0; size < 200; ++size) {
        std::string bytes, text, again = "kept";
        for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random());
        append_base64(text, bytes);
        EXPECT_EQ(text.size(), (size + 2) / 3 * 4);
        ASSERT_TRUE(append_from_base64(again, text));
        EXPECT_EQ(again, "kept" + bytes);
    }
    std::string out;
    append_base64(out, "light work.");
    EXPECT_EQ(out, "bGlnaHQgd29yay4=");
    for (const char* bad : {"a", "abcde", "ab*d", "ab=d", "a===", "=", "ab c", "====", "\xff\xff\xff\xff"}) {
        std::string kept = "kept";
        EXPECT_FALSE(append_from_base64(kept, bad)) << bad;
        EXPECT_EQ(kept, "kept") << bad;
    }
    std::string unpadded;
    EXPECT_TRUE(append_from_base64(unpadded, "bGlnaHQgd29yay4"));
    EXPECT_EQ(unpadded, "light work.");
}

} // namespace

#include "tests/unit/wire/both_ends.hpp"
#include "tests/unit/wire/generate.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "wire/codes.hpp"
#include "wire/print/binary.hpp"
#include "wire/print/ids.hpp"

#include <gtest/gtest.h>

using namespace agenthost::wire;
using namespace std::chrono_literals;

namespace {

class Print : public BothEnds {
protected:
    Print()
    {
        agent = agent_codec(Protocol::print, {.environment = clock.environment()});
        server = server_codec(Protocol::print);
        Hello hello;
        hello.agent_id = "testclient";
        (void)agent->opening(hello);
        EXPECT_TRUE(std::holds_alternative<Hello>(server->decode(agent->hello(hello))));
    }
    static std::string object(std::mt19937& random)
    {
        Json made = Json::parse(random_object(random));
        for (const char* key : {"message", "outcome", "id", "shopId", "updates", "level"}) made.erase(key);
        return made.dump();
    }
    void config(const std::string& id, const std::string& settings)
    {
        const std::string frame = R"({"type":"task_config","payload":{"id":")" + id + "\"," + settings + "}}";
        EXPECT_TRUE(std::holds_alternative<Command>(agent->decode(frame, false))) << frame;
    }
    void end(const std::string& id, Outcome outcome)
    {
        std::string out;
        EXPECT_TRUE(agent->encode(Result{.id = id, .outcome = outcome}, out));
    }
    Json beat()
    {
        std::string out;
        EXPECT_TRUE(agent->encode(Heartbeat{"{}", 0, {}}, out));
        return Json::parse(out).at("payload");
    }
};

TEST_F(Print, ReadsBackEveryCommandItWrites)
{
    std::mt19937 random{1};
    for (int i = 0; i < 2000; ++i) {
        const std::string task = random() % 2 == 0 ? "task_" : "a";
        const Json meant{{"type", "command"},
                         {"id", identifier(random, 256)},
                         {"action", task + identifier(random, 100)},
                         {"params", object(random)}};
        EXPECT_EQ(sent_to_agent(meant), meant);
    }
    for (const char* settings :
         {R"({"updates":{}})", R"({"updates":{"telemetry":{"intervalSeconds":5}},"reason":"x"})"}) {
        const Json meant{{"type", "command"}, {"id", "t1"}, {"action", "task_config"}, {"params", settings}};
        EXPECT_EQ(sent_to_agent(meant), meant);
    }
}

TEST_F(Print, ReadsBackEveryResultItWrites)
{
    std::mt19937 random{2};
    const std::vector<std::string> codes{"PRINTER_NOT_FOUND", "NETWORK_ERROR", "BUSY", "TIMEOUT",
                                         "INTERRUPTED"};
    const std::vector<std::string> outcomes{"error", "not_started", "unknown", "interrupted"};
    for (int i = 0; i < 2000; ++i) {
        Json meant{{"type", "result"}, {"id", "t" + identifier(random, 255)}, {"outcome", "success"}};
        std::string data = random() % 2 == 0 ? object(random) : "";
        if (random() % 2 == 0) {
            if (random() % 2 == 0) {
                const std::string message = Json("Printed " + identifier(random, 200)).dump();
                const std::string rest = data.size() > 2 ? "," + data.substr(1) : "}";
                data = "{\"message\":";
                data += message + rest;
            }
            if (!data.empty()) meant["data"] = data;
            if (random() % 4 == 0) meant["action"] = "task_ping";
        } else {
            meant["outcome"] = outcomes[random() % outcomes.size()];
            meant["code"] = codes[random() % codes.size()];
            meant["message"] = identifier(random, 200);
            if (const std::string detail = random_text(random, 200, false); !detail.empty())
                meant["detail"] = detail;
            if (data.size() > 2) meant["error_data"] = data;
        }
        EXPECT_EQ(sent_to_server(meant), meant);
    }
}

TEST_F(Print, ReadsBackEveryHelloHeartbeatEventAndLogItWrites)
{
    std::mt19937 random{3};
    for (int i = 0; i < 1000; ++i) {
        const Json hello{{"type", "hello"},
                         {"agent_id", identifier(random, 256)},
                         {"version", identifier(random, 50)},
                         {"platform", identifier(random, 50)},
                         {"arch", random() % 2 == 0 ? "x64" : "arm64"},
                         {"name", identifier(random, 100)},
                         {"capabilities", Json::array({random_text(random, 10, false), "binary"}).dump()}};
        const auto fresh = server_codec(Protocol::print);
        const auto other = agent_codec(Protocol::print);
        EXPECT_EQ(describe(fresh->decode(other->hello(Message{hello}.hello))), hello);

        const std::string facts =
            "{\"uptime\":" + std::to_string(random() % 100'000) + ",\"devices\":[" + object(random) +
            "],\"logs\":[" + Json(random_text(random, 50, false)).dump() + "],\"agent_status\":\"" +
            (random() % 2 ? "healthy" : "degraded") + "\",\"system_load\":" + object(random) + "}";
        const Json heartbeat{{"type", "heartbeat"}, {"facts", facts}};
        EXPECT_EQ(sent_to_server(heartbeat), heartbeat);

        const std::int64_t at = 1'700'000'000'000 + static_cast<std::int64_t>(random());
        const Json event{
            {"type", "event"}, {"topic", identifier(random, 100)}, {"json", object(random)}, {"at", at}};
        EXPECT_EQ(sent_to_server(event), event);
        const Json log{{"type", "log"},
                       {"level", identifier(random, 64)},
                       {"message", identifier(random, 500)},
                       {"source", identifier(random, 100)},
                       {"at", at}};
        EXPECT_EQ(sent_to_server(log), log);
    }
}

TEST_F(Print, AnswersATaskOfAnotherShopWithAnError)
{
    const auto told =
        agent->decode(R"({"type":"task_print","payload":{"id":"t1","shopId":"other","data":"x"}})", false);
    ASSERT_TRUE(std::holds_alternative<Malformed>(told));
    EXPECT_EQ(std::get<Malformed>(told).id, "t1");
}

TEST_F(Print, AnswersTheFlatDialectInIt)
{
    const auto told = agent->decode(
        R"({"type":"print","taskId":"t1","printerIP":"192.0.2.10","port":9100,"data":"x","encoding":"base64"})",
        false);
    const auto& command = std::get<Command>(told);
    std::string out;
    // Another codec, as after a restart: the answer waited in the journal.
    const auto later = agent_codec(Protocol::print);
    ASSERT_TRUE(
        later->encode(Result{.id = command.id, .data = R"({"bytesSent":3})", .action = command.action}, out));
    EXPECT_EQ(out, R"({"type":"print_result","taskId":"t1","success":true,"bytesSent":3})");
}

TEST_F(Print, NeverWritesAnIdItMade)
{
    const auto told = agent->decode(R"({"type":"task_ping"})", false);
    std::string out;
    ASSERT_TRUE(agent->encode(Result{.id = std::get<Command>(told).id, .action = "task_ping"}, out));
    EXPECT_EQ(out, R"({"type":"task_result","payload":{"status":"pong","message":"pong"}})");
    out.clear(); // but a server's own, however it begins
    ASSERT_TRUE(agent->encode(Result{.id = "~7"}, out));
    EXPECT_EQ(out,
              R"({"type":"task_result","id":"~7","payload":{"id":"~7","status":"success","message":"ok"}})");
}

TEST_F(Print, AnswersStrayWordsButNotForEver)
{
    const auto answered = [this] {
        const auto told =
            agent->decode(R"({"type":"what_was_that","payload":{"text":"no such task"}})", false);
        return !std::get<Malformed>(told).id.empty();
    };
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(answered());
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(answered());
    EXPECT_TRUE(std::holds_alternative<Command>(agent->decode(R"({"type":"task_ping","id":"t1"})", false)));
    EXPECT_TRUE(answered());
}

TEST_F(Print, PongsWhateverThePingsDataSays)
{
    std::string out;
    ASSERT_TRUE(
        agent->encode(Result{.id = "t1", .data = R"({"message":"hello"})", .action = "task_ping"}, out));
    EXPECT_EQ(out, R"({"type":"task_result","id":"t1","payload":{"id":"t1","status":"pong","message":"pong",)"
                   R"("meta":{"message":"hello"}}})");
}

TEST_F(Print, ReportsSettingsInTheNextHeartbeatOnly)
{
    config("c1", R"("updates":{"telemetry":{"intervalSeconds":10}})");
    EXPECT_FALSE(agent->heartbeat_due());
    EXPECT_FALSE(beat().contains("config_push_at"));
    end("c1", Outcome::success);
    EXPECT_TRUE(agent->heartbeat_due());
    EXPECT_EQ(agent->heartbeat_interval(), 10s);
    clock.set_now(test_now + 5000); // when it was kept counts, not when it is told
    EXPECT_EQ(beat().at("config_push_at"), "2025-01-23T10:00:00.000Z");
    EXPECT_FALSE(agent->heartbeat_due());
    EXPECT_FALSE(beat().contains("config_push_at"));
    EXPECT_EQ(agent->heartbeat_interval(), 10s);
}

TEST_F(Print, KeepsTheIntervalWhenSettingsSayNothingOfIt)
{
    config("c1", R"("updates":{"telemetry":{"intervalSeconds":10}})");
    end("c1", Outcome::success);
    config("c2", R"("defaultPrinter":{"vendorId":1,"productId":2})");
    end("c2", Outcome::success);
    EXPECT_EQ(agent->heartbeat_interval(), 10s);
    config("c3", R"("telemetry":{"intervalSeconds":20})");
    end("c3", Outcome::error);
    EXPECT_EQ(agent->heartbeat_interval(), 10s);
}

TEST_F(Print, RemembersABoundedNumberOfSettings)
{
    for (int i = 0; i < 100; ++i)
        config("c" + std::to_string(i), R"("telemetry":{"intervalSeconds":)" + std::to_string(10 + i) + "}");
    end("c0", Outcome::success); // forgotten
    EXPECT_FALSE(agent->heartbeat_due());
    end("c99", Outcome::success);
    EXPECT_EQ(agent->heartbeat_interval(), 109s);
}

std::string announcement(const std::string& id, const std::string& bytes, const std::string& more = {})
{
    return R"({"type":"task_print","id":")" + id + R"(","payload":{"encoding":"binary","length":)" +
           std::to_string(bytes.size()) + R"(,"sha256":")" +
           agenthost::base::hex(agenthost::base::sha256(bytes)) + "\"" + more + "}}";
}

std::string binary_frame(const std::string& id, const std::string& bytes)
{
    std::string out;
    EXPECT_TRUE(agenthost::wire::print::append_binary(out, id, bytes));
    return out;
}

TEST_F(Print, BytesInABinaryFrameAreTheSameCommandAsInBase64)
{
    std::mt19937 random{3};
    for (int i = 0; i < 200; ++i) {
        std::string bytes(1024 + random() % 5000, '\0');
        for (char& c : bytes) c = static_cast<char>(random());
        const std::string data = agenthost::base::base64(bytes);
        const std::string params = i % 2 == 0
                                       ? R"({"name":"a","data":")" + data + R"(","encoding":"base64"})"
                                       : R"({"encoding":"base64","data":")" + data + R"(","cut":true})";
        std::string frame;
        ASSERT_TRUE(server->encode(Command{"t1", "task_print", params, {}, {}}, frame));
        const std::string binary = server->take_binary();
        ASSERT_FALSE(binary.empty());
        EXPECT_LT(frame.size(), 400U);
        EXPECT_TRUE(std::holds_alternative<Nothing>(agent->decode(frame, false)));
        const auto message = agent->decode_binary(binary);
        ASSERT_TRUE(message);
        EXPECT_EQ(std::get<Command>(*message).params, params) << "the journal sees one command";
        EXPECT_EQ(std::get<Command>(*message).id, "t1");
    }
}

TEST_F(Print, ABinaryFrameBelongsToItsAnnouncementAndCountsOnce)
{
    const std::string one = "first", two = "second";
    EXPECT_FALSE(agent->decode_binary(binary_frame("a", one))) << "not announced";
    (void)agent->decode(announcement("a", one), false);
    (void)agent->decode(announcement("b", two), false);
    EXPECT_FALSE(agent->decode_binary(binary_frame("c", one)));
    const auto second = agent->decode_binary(binary_frame("b", two));
    ASSERT_TRUE(second);
    EXPECT_EQ(std::get<Command>(*second).id, "b") << "in any order";
    EXPECT_TRUE(agent->decode_binary(binary_frame("a", one)));
    EXPECT_FALSE(agent->decode_binary(binary_frame("a", one)));
    (void)agent->decode(announcement("a", one), false);
    (void)agent->decode(announcement("a", two), false); // sent again with other bytes
    EXPECT_TRUE(std::holds_alternative<Malformed>(*agent->decode_binary(binary_frame("a", one))));
    EXPECT_FALSE(agent->decode_binary(binary_frame("a", two))) << "a wrong one ends it";
}

TEST_F(Print, RejectsBinaryFramesThatAreNoJob)
{
    (void)agent->decode(announcement("a", ""), false);
    for (const std::string& frame :
         {std::string{}, std::string{"\1"}, std::string{"\1\1", 2}, std::string{"\1\0a", 3},
          std::string{"\2\1a", 3}, std::string{"\1\2a", 3}, std::string{"\1\xff", 2} + std::string(254, 'a')})
        EXPECT_FALSE(agent->decode_binary(frame)) << frame.size();
    EXPECT_TRUE(agent->decode_binary(binary_frame("a", ""))) << "a job of no bytes is one";
}

TEST_F(Print, AnAnnouncementWithAnIdThatNoBinaryFrameCanHaveIsRefused)
{
    (void)agent->decode(announcement(std::string(255, 'a'), "x"), false);
    EXPECT_TRUE(agent->decode_binary(binary_frame(std::string(255, 'a'), "x")));
    EXPECT_TRUE(
        std::holds_alternative<Malformed>(agent->decode(announcement(std::string(256, 'a'), "x"), false)));
}

TEST_F(Print, AnnouncementsAreBounded)
{
    for (int i = 0; i < 16; ++i)
        EXPECT_TRUE(std::holds_alternative<Nothing>(
            agent->decode(announcement("t" + std::to_string(i), "x"), false)));
    const std::string one_more = announcement("t16", "x"); // the answer's id is a view of it
    EXPECT_EQ(std::get<Malformed>(agent->decode(one_more, false)).id, "t16");
    EXPECT_TRUE(std::holds_alternative<Nothing>(agent->decode(announcement("t3", "y"), false)))
        << "a repeat takes no place";
    EXPECT_TRUE(agent->decode_binary(binary_frame("t0", "x")));
    EXPECT_TRUE(std::holds_alternative<Malformed>(
        agent->decode(announcement("big", "x", ",\"note\":\"" + std::string(70'000, 'n') + "\""), false)));
}

// A caller's unusual spelling must not become another command, and what the agent cannot read is not sent.
TEST_F(Print, SendsBase64WhereBinaryWouldChangeTheCommand)
{
    const std::string data = agenthost::base::base64(std::string(1026, 'x'));
    for (const std::string& params :
         {R"({"data":")" + data.substr(0, 1024) + "QR==" + R"(","encoding":"base64"})", // unused bits
          R"({"data":")" + data + R"("})", R"({"data":")" + data + R"(","encoding":"base64","length":7})",
          R"({"data":")" + std::string(2000, 'x') + R"(","encoding":"text"})",
          R"({"data":")" + std::string(2000, '!') + R"(","encoding":"base64"})"}) {
        std::string frame;
        ASSERT_TRUE(server->encode(Command{"t1", "task_print", params, {}, {}}, frame));
        EXPECT_TRUE(server->take_binary().empty());
        EXPECT_EQ(std::get<Command>(agent->decode(frame, false)).params, params);
    }
    std::string frame;
    const std::string job = R"({"data":")" + data + R"(","encoding":"base64"})";
    ASSERT_TRUE(server->encode(Command{std::string(256, 'i'), "task_print", job, {}, {}}, frame));
    EXPECT_TRUE(server->take_binary().empty()) << "the header has one byte for the id's length";
    ASSERT_TRUE(server->encode(Command{"t1", "printer.render", job, {}, {}}, frame));
    EXPECT_TRUE(server->take_binary().empty());
    ASSERT_TRUE(server->encode(Command{"t1", "task_print", job, {}, {}}, frame));
    ASSERT_TRUE(server->encode(Command{"t2", "task_ping", "{}", {}, {}}, frame));
    EXPECT_TRUE(server->take_binary().empty()) << "it belongs to the last command only";
}

TEST_F(Print, NeedsNoEnvironment)
{
    const auto bare = agent_codec(Protocol::print);
    std::string out;
    EXPECT_TRUE(std::holds_alternative<Command>(bare->decode(R"({"type":"task_ping"})", false)));
    EXPECT_TRUE(bare->encode(Log{"info", "x", {}, 0}, out));
}

TEST_F(Print, ServesASmallFrameAfterABigOneAndAnError)
{
    const std::string big =
        R"({"type":"task_print","payload":{"id":"t1","data":")" + std::string(1 << 20, 'x') + "\"}}";
    EXPECT_TRUE(std::holds_alternative<Command>(agent->decode(big, false)));
    EXPECT_TRUE(std::holds_alternative<Malformed>(agent->decode(big.substr(0, big.size() - 1), false)));
    EXPECT_EQ(describe(agent->decode(R"({"type":"task_x","payload":{"id":"t2","y":1}})", false)),
              (Json{{"type", "command"}, {"id", "t2"}, {"action", "task_x"}, {"params", R"({"y":1})"}}));
}

std::string decimal(std::string_view json)
{
    std::string memory;
    return std::string{with_decimal_ids(json, memory)};
}

TEST(PrintIds, BecomeDecimalWhereverTheyStand)
{
    EXPECT_EQ(decimal(R"({"vendorId":"0x0fe6"})"), R"({"vendorId":4070})");
    EXPECT_EQ(decimal(R"([{"a":{"productId" : "0XFFFF" }},{"vendor_id":"0x0"}])"),
              R"([{"a":{"productId" : 65535 }},{"vendor_id":0}])");
    EXPECT_EQ(decimal(R"({"vendorId":"0x00000fe6"})"), R"({"vendorId":4070})");
}

TEST(PrintIds, LeaveEverythingElseAsItIs)
{
    for (const char* json :
         {R"({"vendorId":4070,"x":"0x1"})", R"({"vendorId":"0x"})", R"({"vendorId":"0x10000"})",
          R"({"vendorId":"0xfe6 "})", R"({"vendorId":"4070","a":"0x1"})", R"({"vendorId":"-0x1"})",
          R"({"vendorId":"0x-1"})", R"({"VendorId":"0x1"})", R"(["vendorId","0x1"])",
          R"({"a":"vendorId","b":"0x1"})", R"({"a":"\"vendorId\":\"0x1\""})", R"({"a\\\"vendorId":"0x1"})",
          R"({"vendorId":"\\0x1"})", R"({"vendorId":"0x000000001"})", R"("0x1)", R"({"vendorId":"0x1)",
          R"({"vendorId":)", "\"0x\\"}) {
        EXPECT_EQ(decimal(json), json);
    }
}

TEST(PrintIds, NeverChangeWhatIsNoId)
{
    std::mt19937 random{5};
    for (int i = 0; i < 2000; ++i) {
        Json object = Json::parse(random_object(random));
        object["data"] = random_text(random, 40, false) + "0x12";
        Json with = object;
        const auto id = random() % 0x10000;
        char hex[16];
        std::snprintf(hex, sizeof hex, "0x%04lx", static_cast<unsigned long>(id));
        object["deep"] = Json::array({{{"productId", hex}}});
        with["deep"] = Json::array({{{"productId", id}}});
        EXPECT_EQ(Json::parse(decimal(object.dump(static_cast<int>(random() % 3) - 1))), with);
    }
}

} // namespace

// Printing by REST: bytes, texts, JSON; printers by name; requests with a key; copies.
#include "base/base64.hpp"
#include "tests/unit/hub/parts.hpp"

using namespace agenthost::hub_test;
using agenthost::wire::Outcome;
using ::testing::HasSubstr;

namespace {

using Headers = std::map<std::string, std::string>;
const std::string bytes{"\x1b@\0Hi\n", 6};

class OrderTest : public PartsTest {
protected:
    Conn print(const std::string& what, const std::string& type, const std::string& query = {},
               Headers headers = {}, const std::string& token = "admin")
    {
        headers.emplace("content-type", type);
        return ask("POST", "/api/shops/kitchen/print", what, query, token, headers);
    }
    json sent(std::size_t n = 0)
    {
        EXPECT_GT(fanout.sent.size(), n);
        return fanout.sent.size() > n ? json::parse(fanout.sent[n].params) : json{};
    }
    std::string id_of(Conn conn) { return body(conn).value("id", ""); }
    json of(const std::string& id) { return get("/api/agent-tasks/" + id); }
    std::string message(Conn conn) { return body(conn)["error"]["message"]; }
};

TEST_F(OrderTest, BytesGoToTheAgentUnchanged)
{
    join("kitchen", "print");
    const Conn conn = print(bytes, "application/octet-stream", "name=table%204");
    EXPECT_EQ(status(conn), 202) << body(conn);
    EXPECT_EQ(fanout.sent.at(0).action, "task_print");
    EXPECT_EQ(fanout.sent.at(0).id, id_of(conn));
    EXPECT_EQ(sent(),
              (json{{"data", agenthost::base::base64(bytes)}, {"encoding", "base64"}, {"name", "table 4"}}));
    EXPECT_EQ(daemon.answers.at(conn).headers.back().second, "/api/agent-tasks/" + id_of(conn));
    EXPECT_EQ(of(id_of(conn))["command"], "print");
}

TEST_F(OrderTest, TextKeepsItsCharset)
{
    join("kitchen", "print");
    print("Gr\xc3\xbc\xc3\x9f\x65", "text/plain; charset=UTF-8");
    EXPECT_EQ(sent(0), (json{{"data", "Gr\xc3\xbc\xc3\x9f\x65"}, {"encoding", "text"}}));
    print("Gr\xfc\xdf\x65", "Text/Plain; Charset=\"windows-1252\"");
    EXPECT_EQ(sent(1), (json{{"data", agenthost::base::base64("Gr\xfc\xdf\x65")},
                             {"encoding", "base64"},
                             {"charset", "windows-1252"}}));
    const Conn wrong = print("Gr\xfc\xdf\x65", "text/plain");
    EXPECT_EQ(status(wrong), 400);
    EXPECT_THAT(message(wrong), HasSubstr("charset=windows-1252")) << "says how to fix it";
}

TEST_F(OrderTest, JsonHasTextOrDataAndWhatThePluginAccepts)
{
    join("kitchen", "print");
    print(R"({"text":"Hello","printer":{"ip":"10.0.0.9","port":9100},"cut":true,"id":"x","shopId":"bar"})",
          "application/json");
    EXPECT_EQ(sent(0), (json{{"data", "Hello"},
                             {"encoding", "text"},
                             {"cut", true},
                             {"printer", {{"ip", "10.0.0.9"}, {"port", 9100}}}}));
    print(R"({"data":"G0A=","charset":"gb18030"})", "application/json");
    EXPECT_EQ(sent(1), (json{{"data", "G0A="}, {"encoding", "base64"}, {"charset", "gb18030"}}));
    for (const char* wrong : {R"({})", R"([])", R"({"text":"a","data":"G0A="})", R"({"data":"???"})",
                              R"({"text":7})", R"({"data":"G0A=","encoding":"hex"})",
                              R"({"text":"a","encoding":"base64"})", R"({"text":"a","charset":"gb18030"})",
                              R"({"text":"a","printer":7})", R"({"text":"a","printer":""})",
                              R"({"text":"a","name":"two\nlines"})", R"({"data":"G0A=","charset":""})"}) {
        const Conn conn = print(wrong, "application/json");
        EXPECT_EQ(status(conn), 400) << wrong << body(conn);
    }
    EXPECT_EQ(fanout.sent.size(), 2U);
}

TEST_F(OrderTest, RefusesWhatItCannotPrint)
{
    join("kitchen", "print");
    const Conn picture = print("\x89PNG", "image/png");
    EXPECT_EQ(status(picture), 415);
    EXPECT_THAT(message(picture), HasSubstr("application/octet-stream"));
    EXPECT_EQ(status(print("", "text/plain")), 400);
    EXPECT_EQ(status(print(std::string((760 << 10) + 1, 'x'), "text/plain")), 413);
    EXPECT_EQ(status(print(std::string(760 << 10, 'x'), "application/octet-stream")), 202)
        << "the largest job fits into a frame";
    EXPECT_EQ(status(print("a", "text/plain", "name=%0a")), 400);
    EXPECT_EQ(
        status(ask("POST", "/api/shops/nobody/print", "a", {}, "admin", {{"content-type", "text/plain"}})),
        404);
    EXPECT_EQ(fanout.sent.size(), 1U);
}

TEST_F(OrderTest, APrintersNameIsLookedUpInTheLatestHeartbeat)
{
    join("kitchen", "print");
    print("a", "text/plain", "printer=Kitchen");
    EXPECT_EQ(sent(0)["printer"], (json{{"alias", "Kitchen"}})) << "no heartbeat: the agent knows";
    beat("kitchen", R"({"devices":[
        {"vendorId":4070,"productId":33054,"serial":"A1","alias":"Kitchen","role":"food","lastTest":{"status":"success"}},
        {"ip":"10.0.0.9","port":9100,"alias":"Bar","role":"drinks","note":"]}\"{["},
        {"vendorId":1,"productId":2,"alias":"Left","role":"spare"},{"vendorId":1,"productId":2,"alias":"Right","role":"spare"}]})");
    print("a", "text/plain", "printer=kitchen");
    EXPECT_EQ(sent(1)["printer"],
              (json{{"vendorId", 4070}, {"productId", 33054}, {"serial", "A1"}, {"alias", "Kitchen"}}));
    print(R"({"text":"a","printer":"drinks"})", "application/json");
    EXPECT_EQ(sent(2)["printer"], (json{{"ip", "10.0.0.9"}, {"port", 9100}, {"alias", "Bar"}}));
    print("a", "text/plain", "printer=0fe6:811e");
    EXPECT_EQ(sent(3)["printer"], (json{{"vendorId", 0x0fe6}, {"productId", 0x811e}}));
    print("a", "text/plain", "printer=192.0.2.7:9100");
    EXPECT_EQ(sent(4)["printer"], (json{{"ip", "192.0.2.7"}, {"port", 9100}}));
    print("a", "text/plain", "printer=%5Bfd00::9%5D:9100");
    EXPECT_EQ(sent(5)["printer"], (json{{"ip", "fd00::9"}, {"port", 9100}}));
    const Conn unknown = print("a", "text/plain", "printer=Kitchn"),
               two = print("a", "text/plain", "printer=spare");
    EXPECT_EQ(status(unknown), 404);
    EXPECT_EQ(body(unknown)["error"]["code"], "PRINTER_NOT_FOUND");
    EXPECT_THAT(message(unknown), HasSubstr("it has Kitchen, Bar, Left, Right"));
    EXPECT_THAT(message(two), HasSubstr("2 printers")) << "two of one name are never guessed";
    EXPECT_EQ(fanout.sent.size(), 6U);
}

TEST_F(OrderTest, ANameThatAnIncompleteHeartbeatLacksGoesToTheAgent)
{
    join("kitchen", "print");
    for (const char* more : {R"("devices_left_out":12)", R"("dropped_bytes":200000)"}) {
        beat("kitchen",
             R"({"devices":[{"ip":"10.0.0.9","port":9100,"alias":"Bar"}],)" + std::string{more} + "}");
        const std::size_t before = fanout.sent.size();
        print("a", "text/plain", "printer=Bar");
        EXPECT_EQ(sent(before)["printer"]["ip"], "10.0.0.9");
        print("a", "text/plain", "printer=Cellar");
        EXPECT_EQ(sent(before + 1)["printer"], (json{{"alias", "Cellar"}}));
    }
    beat("kitchen", R"({"devices":[],"devices_left_out":12})");
    EXPECT_EQ(get("/api/shops/kitchen/printers")["leftOut"], 12);
}

TEST_F(OrderTest, ARequestWithAKeyPrintsOnce)
{
    join("kitchen", "print");
    const Headers key{{"idempotency-key", "order-17"}};
    const Conn first = print("a", "text/plain", {}, key), again = print("a", "text/plain", {}, key);
    EXPECT_EQ(status(first), 202);
    EXPECT_EQ(status(again), 200);
    EXPECT_EQ(id_of(first), id_of(again));
    result("kitchen", {.id = id_of(first), .data = R"({"outcome":"printed"})"});
    const Conn ended = print("a", "text/plain", {}, key); // from the table
    EXPECT_EQ(status(ended), 200);
    EXPECT_EQ(body(ended)["outcome"], "printed");
    const Conn other = print("b", "text/plain", {}, key);
    EXPECT_EQ(status(other), 409);
    EXPECT_EQ(body(other)["error"]["code"], "ID_REUSED");
    EXPECT_EQ(status(print("a", "text/plain", {}, {{"idempotency-key", std::string(256, 'k')}})), 400);
    EXPECT_EQ(fanout.sent.size(), 1U);
}

TEST_F(OrderTest, TwoRequestsWithOneKeyAtOncePrintOnce)
{
    join("kitchen", "print");
    const auto by = [&] { return PrintOrders::By{"me", "key", [](std::string_view) { return true; }}; };
    std::vector<int> statuses;
    enter([&] {
        for (int i = 0; i < 2; ++i)
            orders.print("kitchen", read_order_json(R"({"text":"a"})"), by(),
                         [&](const Answer& a) { statuses.push_back(a.status); });
    });
    later.run();
    EXPECT_EQ(statuses, (std::vector<int>{200, 202})) << "the second one finds the task of the first";
    EXPECT_EQ(fanout.sent.size(), 1U);
}

// They are not tasks yet, so the bounds of open tasks do not count them.
TEST_F(OrderTest, OrdersThatWaitForTheDatabaseAreBoundedAndShared)
{
    join("kitchen", "print");
    join("bar", "print");
    const std::string text(700U << 10, 'x');
    int waiting = 0, refused = 0, n = 0;
    const auto order = [&](const std::string& caller, const std::string& shop) {
        const PrintOrders::By by{caller, "key" + std::to_string(++n), [](std::string_view) { return true; }};
        ++waiting;
        orders.print(shop, {.params = R"({"data":")" + text + R"(","encoding":"text"})"}, by,
                     [&](const Answer& a) {
                         --waiting;
                         if (a.status == 503) ++refused;
                     });
    };
    enter([&] {
        while (refused == 0) order("greedy", "kitchen");
        EXPECT_EQ(waiting * text.size() * 10 / PrintOrders::max_preparing, 7U)
            << "four fifths, but for one order";
        order("other", "kitchen");
        EXPECT_EQ(refused, 2) << "the shop has its share too";
        order("greedy", "bar");
        EXPECT_EQ(refused, 3);
        order("other", "bar");
        EXPECT_EQ(refused, 3) << "a newcomer finds room";
        EXPECT_LE(orders.preparing(), PrintOrders::max_preparing);
    });
    later.run();
    enter([&] { EXPECT_EQ(orders.preparing(), 0U); });
    EXPECT_EQ(waiting, 0);
}

TEST_F(OrderTest, TheNamesOfManyPrintersDoNotMakeALongMessage)
{
    join("kitchen", "print");
    json devices = json::array({{{"alias", std::string(2'000, 'x')}}});
    for (int i = 0; i < 100; ++i) devices.push_back({{"alias", "P" + std::to_string(i)}});
    beat("kitchen", json{{"devices", devices}}.dump());
    const Conn unknown = print("a", "text/plain", "printer=Nobody");
    EXPECT_THAT(message(unknown), HasSubstr("P0, P1"));
    EXPECT_THAT(message(unknown), HasSubstr(" and 85 more"));
    EXPECT_LT(message(unknown).size(), 300U);
}

TEST_F(OrderTest, ACopyIsANewTaskThatAPersonAsksFor)
{
    join("kitchen", "print");
    const std::string id = id_of(print("a", "text/plain"));
    const Conn early = ask("POST", "/api/agent-tasks/" + id + "/reprint");
    EXPECT_EQ(status(early), 409);
    EXPECT_EQ(body(early)["error"]["code"], "TASK_OPEN");
    result("kitchen",
           {.id = id, .outcome = Outcome::unknown, .error = {.code = "INTERNAL", .message = "gone"}});
    EXPECT_EQ(of(id)["outcome"], "unknown");
    EXPECT_EQ(fanout.sent.size(), 1U) << "never by itself";
    const Conn copy = ask("POST", "/api/agent-tasks/" + id + "/reprint");
    EXPECT_EQ(status(copy), 202) << body(copy);
    EXPECT_NE(id_of(copy), id);
    EXPECT_EQ(body(copy)["copyOf"], id);
    EXPECT_EQ(body(copy)["command"], "reprint");
    EXPECT_EQ(fanout.sent.at(1).action, "printer.reprint");
    EXPECT_EQ(sent(1), (json{{"task", id}}));
    EXPECT_THAT(daemon.logged, ::testing::Contains(HasSubstr("audit: reprint of task " + id)));
    EXPECT_EQ(status(ask("POST", "/api/agent-tasks/req_none/reprint")), 404);
    const std::string ping =
        body(ask("POST", "/api/agent-tasks", R"({"shopId":"kitchen","command":"ping"})"))["id"];
    EXPECT_EQ(status(ask("POST", "/api/agent-tasks/" + ping + "/reprint")), 400);
}

TEST_F(OrderTest, NothingIsPrintedWhenTheTableCannotBeRead)
{
    join("kitchen", "print");
    tables.unreadable = true;
    const Conn conn = print("a", "text/plain", {}, {{"idempotency-key", "k"}});
    EXPECT_GE(status(conn), 500) << "not again: the key's task may exist";
    tables.unreadable = false;
    tables.full = true;
    EXPECT_EQ(status(print("a", "text/plain", {}, {{"idempotency-key", "k"}})), 503);
    EXPECT_TRUE(fanout.sent.empty());
}

} // namespace

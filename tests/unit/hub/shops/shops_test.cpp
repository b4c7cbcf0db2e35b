// A shop's printers, its history and its receipts, by REST and by the actions of the command line.
#include "base/base64.hpp"
#include "tests/unit/hub/parts.hpp"

using namespace agenthost::hub_test;
using namespace std::chrono_literals;
using agenthost::wire::Outcome;
using ::testing::HasSubstr;

namespace {

const std::string picture = "\x89PNG\r\n\x1a\n and so on";

class ShopsTest : public PartsTest {
protected:
    std::string print(const std::string& text = "a", const std::string& shop = "kitchen")
    {
        utc += 1;
        const Conn conn =
            ask("POST", "/api/shops/" + shop + "/print", text, {}, "admin", {{"content-type", "text/plain"}});
        EXPECT_EQ(status(conn), 202) << body(conn);
        return body(conn).value("id", "");
    }
    void answer_render(const std::string& png = agenthost::base::base64(picture))
    {
        const auto asked = fanout.sent.back();
        EXPECT_EQ(asked.action, "printer.render");
        result(asked.agent,
               {.id = asked.id,
                .data = json{{"png", png}, {"text", "Gr\xc3\xbc\xc3\x9f\x65"}, {"width", 576}, {"height", 90}}
                            .dump()});
    }
    // Of an action of the command line.
    struct Replied {
        json data;
        std::string code, message;
    };
    std::shared_ptr<Replied> call(const std::string& action, const json& params)
    {
        auto got = std::make_shared<Replied>();
        const auto reply = std::make_shared<Reply>();
        reply->ok = [got](const std::string& text) { got->data = json::parse(text); };
        reply->fail = [got](std::string_view code, const std::string& message) {
            got->code = code;
            got->message = message;
        };
        EXPECT_TRUE(ShopControl::takes(action));
        enter([&] { shop_control.call(action, params.dump(), reply); });
        later.run();
        return got;
    }
};

TEST_F(ShopsTest, PrintersAreThoseOfTheLatestHeartbeat)
{
    join("kitchen", "print");
    EXPECT_EQ(get("/api/shops/kitchen/printers")["printers"], json::array());
    const json devices = json::parse(
        R"([{"alias":"Kitchen","lastTest":{"status":"success"},"lastError":{"code":"PAPER_OUT","at":"2025-11-09T21:23:54.000Z"}}])");
    beat("kitchen", json{{"devices", devices}, {"uptime", 3}}.dump());
    const json shown = get("/api/shops/kitchen/printers");
    EXPECT_EQ(shown["printers"], devices);
    EXPECT_EQ(shown["status"], "online");
    EXPECT_EQ(shown["heartbeatAt"], utc);
    EXPECT_EQ(status(ask("GET", "/api/shops/nobody/printers")), 404);
}

TEST_F(ShopsTest, HistoryIsPagedAndFiltered)
{
    join("kitchen", "print");
    join("bar", "print");
    const std::string a = print(), b = print(), c = print();
    print("x", "bar");
    result("kitchen", {.id = a, .data = R"({"outcome":"printed"})"});
    result("kitchen", {.id = b, .outcome = Outcome::unknown, .error = {.code = "INTERNAL", .message = "?"}});
    const auto ids = [&](const std::string& query) {
        std::vector<std::string> found;
        const json page = get("/api/shops/kitchen/tasks", query);
        for (const json& one : page["tasks"]) found.push_back(one["id"]);
        return found;
    };
    EXPECT_EQ(ids(""), (std::vector{c, b, a})) << "the newest first, of this shop only";
    EXPECT_EQ(ids("status=open"), std::vector{c});
    EXPECT_EQ(ids("status=error"), std::vector{b});
    EXPECT_EQ(ids("outcome=printed"), std::vector{a});
    EXPECT_EQ(ids("outcome=unknown&command=print"), std::vector{b});
    EXPECT_TRUE(ids("command=config").empty());
    EXPECT_EQ(get("/api/shops/kitchen/tasks")["tasks"][0]["status"], "dispatched") << "as it is now";
    const json first = get("/api/shops/kitchen/tasks", "limit=2");
    ASSERT_TRUE(first["next"].is_string()) << first;
    EXPECT_EQ(ids("limit=2&after=" + first["next"].get<std::string>()), std::vector{a});
    EXPECT_TRUE(get("/api/shops/kitchen/tasks", "limit=3")["next"].is_null());
    for (const char* wrong :
         {"status=late", "command=burn", "outcome=good", "after=7", "limit=0", "limit=201"})
        EXPECT_EQ(status(ask("GET", "/api/shops/kitchen/tasks", {}, wrong)), 400) << wrong;
    tables.unreadable = true;
    EXPECT_GE(status(ask("GET", "/api/shops/kitchen/tasks")), 500);
}

TEST_F(ShopsTest, TheAgentDrawsAReceiptOnceAndTheHubKeepsIt)
{
    join("kitchen", "print");
    const std::string id = print();
    const Conn png = ask("GET", "/api/agent-tasks/" + id + "/receipt.png"),
               also = ask("GET", "/api/agent-tasks/" + id + "/receipt.txt");
    EXPECT_EQ(json::parse(fanout.sent.back().params), (json{{"task", id}}));
    EXPECT_EQ(fanout.sent.size(), 2U) << "the second caller waits for the first one's answer";
    answer_render();
    EXPECT_EQ(status(png), 200);
    EXPECT_EQ(daemon.answers.at(png).body, picture);
    EXPECT_EQ(daemon.answers.at(also).body, "Gr\xc3\xbc\xc3\x9f\x65");
    EXPECT_EQ(daemon.answers.at(png).headers.at(0).second, "image/png");
    leave("kitchen");
    EXPECT_EQ(status(ask("GET", "/api/agent-tasks/" + id + "/receipt.png")), 200) << "kept";
    const std::string other = print();
    EXPECT_EQ(status(ask("GET", "/api/agent-tasks/" + other + "/receipt.png")), 503);
}

TEST_F(ShopsTest, AReceiptThatIsNoneIsRefused)
{
    join("kitchen", "print");
    const std::string id = print();
    const Conn bad = ask("GET", "/api/agent-tasks/" + id + "/receipt.png");
    answer_render("PGh0bWw+");
    EXPECT_EQ(status(bad), 502) << "HTML is never sent as a picture";
    const Conn foreign = ask("GET", "/api/agent-tasks/" + id + "/receipt.png");
    result("kitchen", {.id = fanout.sent.back().id,
                       .outcome = Outcome::error,
                       .error = {.code = "UNKNOWN_ACTION", .message = "?"}});
    EXPECT_EQ(status(foreign), 501);
    EXPECT_EQ(receipts.bytes(), 0U);
    const std::string ping =
        body(ask("POST", "/api/agent-tasks", R"({"shopId":"kitchen","command":"ping"})"))["id"];
    EXPECT_EQ(status(ask("GET", "/api/agent-tasks/" + ping + "/receipt.png")), 404);
    EXPECT_EQ(status(ask("GET", "/api/agent-tasks/req_none/receipt.txt")), 404);
}

TEST_F(ShopsTest, KeptReceiptsAreBoundedAndTheLeastUsedGoesFirst)
{
    join("kitchen", "print");
    const std::string big = picture + std::string(3U << 20, 'x');
    std::vector<std::string> ids;
    const auto fetch = [&](const std::string& id) {
        return ask("GET", "/api/agent-tasks/" + id + "/receipt.txt");
    };
    for (int i = 0; i < 12; ++i) {
        ids.push_back(print());
        fetch(ids.back());
        answer_render(agenthost::base::base64(big));
        EXPECT_EQ(status(fetch(ids.front())), 200) << "the first stays, because it is used";
    }
    EXPECT_LE(receipts.bytes(), Receipts::max_kept);
    const std::size_t before = fanout.sent.size();
    fetch(ids.front());
    EXPECT_EQ(fanout.sent.size(), before);
    fetch(ids[1]);
    EXPECT_EQ(fanout.sent.size(), before + 1) << "asked again";
}

TEST_F(ShopsTest, AShopWithManyReceiptsDoesNotDisplaceThoseOfAnother)
{
    join("kitchen", "print");
    join("bar", "print");
    const auto fetch = [&](const std::string& shop, std::size_t bytes) {
        const std::string id = print("a", shop);
        ask("GET", "/api/agent-tasks/" + id + "/receipt.txt");
        answer_render(agenthost::base::base64(picture + std::string(bytes, 'x')));
        return id;
    };
    const std::string small = fetch("bar", 1'000);
    for (int i = 0; i < 12; ++i) fetch("kitchen", 3U << 20);
    EXPECT_LE(receipts.bytes(), Receipts::max_kept);
    const std::size_t before = fanout.sent.size();
    ask("GET", "/api/agent-tasks/" + small + "/receipt.txt");
    EXPECT_EQ(fanout.sent.size(), before);
}

TEST_F(ShopsTest, CallersThatWaitForReceiptsAreBoundedAndShared)
{
    join("kitchen", "print");
    join("bar", "print");
    TaskRecord kitchen{.id = print(), .agent = "kitchen"}, bar{.id = print("a", "bar"), .agent = "bar"};
    std::size_t waiting = 0, refused = 0;
    const auto get = [&](const TaskRecord& task, const char* caller) {
        ++waiting;
        receipts.get(task, Receipts::Kind::text, caller, [&](const Answer& a) {
            --waiting;
            if (a.status == 503) ++refused;
        });
    };
    enter([&] {
        while (refused == 0) get(kitchen, "greedy");
        EXPECT_EQ(waiting, Receipts::max_waiting * 4 / 5);
        get(kitchen, "other");
        get(bar, "greedy");
        EXPECT_EQ(refused, 3U);
        get(bar, "other");
        EXPECT_EQ(refused, 3U) << "a newcomer finds room";
    });
    pass(60s);
    EXPECT_EQ(waiting, 0U);
    enter([&] { get(kitchen, "greedy"); });
    EXPECT_EQ(waiting, 1U) << "the places are free again";
}

TEST_F(ShopsTest, CallersThatWaitForTasksAreBoundedAndSharedAmongShops)
{
    join("kitchen", "print");
    join("bar", "print");
    const std::string kitchen = print(), bar = print("a", "bar");
    const auto wait = [&](const std::string& id) {
        return call("hub.print_task", {{"task", id}, {"wait", 60}});
    };
    std::size_t waiting = 0;
    while (wait(kitchen)->code.empty()) ++waiting;
    EXPECT_EQ(waiting, ShopControl::max_waiting * 4 / 5);
    EXPECT_EQ(wait(bar)->code, "");
    pass(60s);
    EXPECT_EQ(wait(kitchen)->code, "") << "the places are free again";
    result("kitchen", {.id = kitchen});
    result("bar", {.id = bar});
}

TEST_F(ShopsTest, TheCommandLinePrintsWaitsAndCopies)
{
    join("kitchen", "print");
    EXPECT_EQ(call("hub.print_shops", json::object())->data["shops"][0]["shopId"], "kitchen");
    EXPECT_EQ(call("hub.print_shops", {{"shop", "nobody"}})->code, "AGENT_NOT_FOUND");
    const auto made = call("hub.print", {{"shop", "kitchen"}, {"order", {{"text", "Hi"}}}, {"key", "k"}});
    const std::string id = made->data.value("id", "");
    EXPECT_EQ(call("hub.print", {{"shop", "kitchen"}, {"order", {{"text", "Hi"}}}, {"key", "k"}})->data["id"],
              id);
    EXPECT_EQ(call("hub.print", {{"shop", "kitchen"}, {"order", {{"text", 7}}}})->code, "INVALID_REQUEST");
    EXPECT_EQ(call("hub.print_task", {{"task", id}})->data["status"], "dispatched");
    const auto waits = call("hub.print_task", {{"task", id}, {"wait", 60}}),
               tires = call("hub.print_task", {{"task", id}, {"wait", 5}});
    pass(5s);
    EXPECT_EQ(tires->data["status"], "dispatched");
    EXPECT_TRUE(waits->data.is_null());
    result("kitchen", {.id = id, .data = R"({"message":"Printed","outcome":"printed"})"});
    EXPECT_EQ(waits->data["outcome"], "printed");
    EXPECT_EQ(call("hub.print_again", {{"task", id}})->data["copyOf"], id);
    EXPECT_EQ(call("hub.print_tasks", {{"shop", "kitchen"}, {"status", "success"}})->data["tasks"].size(),
              1U);
    const auto receipt = call("hub.print_receipt", {{"task", id}});
    answer_render();
    EXPECT_EQ(receipt->data["text"], "Gr\xc3\xbc\xc3\x9f\x65");
    pass(60s);
}

TEST_F(ShopsTest, AHubThatStopsAnswersThoseWhoWaitForATask)
{
    join("kitchen", "print");
    const std::string id = print();
    const auto waits = call("hub.print_task", {{"task", id}, {"wait", 60}});
    EXPECT_TRUE(waits->data.is_null());
    enter([&] {
        core.draining = true;
        shop_control.drain();
    });
    EXPECT_EQ(waits->data["status"], "dispatched");
}

TEST_F(ShopsTest, AShopThatATokenMayNotSeeDoesNotExist)
{
    join("kitchen", "print");
    const std::string id = print();
    Conn stranger_conn = 9'000;
    const Caller stranger{
        .role = Role::dashboard, .subject = "bar", .agents = std::vector<std::string>{"bar"}};
    const auto as_stranger = [&](const char* method, const char* pattern) {
        const Conn conn = ++stranger_conn;
        enter([&] {
            agenthost::hub_test::call(shops_rest.routes(), method, pattern, exchanges.open(conn), {}, {id},
                                      stranger);
        });
        later.run();
        return status(conn);
    };
    EXPECT_EQ(as_stranger("GET", "/api/agent-tasks/:id/receipt.png"), 404);
    EXPECT_EQ(as_stranger("POST", "/api/agent-tasks/:id/reprint"), 404);
    EXPECT_EQ(fanout.sent.size(), 1U);
}

} // namespace

// REST for print shops and signed agents, as a program in another language sees it: callers are curl, agents
// are node.
#include "fixture.hpp"

using namespace agenthost::test;
using nlohmann::json;

namespace {

class HubShops : public HubDaemon {
protected:
    std::string ws(const std::string& path) const { return "ws" + url_.substr(4) + path; }
    std::unique_ptr<NodeAgent> shop(const std::string& id, const std::string& mode = "")
    {
        return std::make_unique<NodeAgent>("print.mjs",
                                           std::vector{ws("/print-agent"), id, "secret-of-" + id, mode});
    }
    // Prints a file as curl sends it.
    Answer print(const std::string& shop, const std::string& file, const std::string& type,
                 std::vector<std::string> more = {})
    {
        more.insert(more.end(), {"--data-binary", "@" + file, "-H", "content-type: " + type});
        more.push_back(url_ + "/api/shops/" + shop + "/print?name=table%204&printer=Kitchen");
        return curl(more);
    }
    std::string file(const std::string& name, const std::string& bytes)
    {
        write_file(dir_ / name, bytes);
        return (dir_ / name).string();
    }
    json task(const std::string& shop, const std::string& word, const json& payload = json::object())
    {
        const auto made =
            ask("POST", "/api/agent-tasks", {{"shopId", shop}, {"command", word}, {"payload", payload}});
        EXPECT_EQ(made.status, 202) << made.body;
        return made.json;
    }
    json of(const json& made) { return ask("GET", "/api/agent-tasks/" + made.value("id", "")).json; }
    bool becomes(const json& made, const std::string& status)
    {
        return wait_for([&] { return of(made).value("status", "") == status; });
    }
    json beat(const std::string& shop)
    {
        const json all = ask("GET", "/api/agent-heartbeat").json["shops"];
        for (const json& one : all) {
            if (one["shopId"] == shop) return one;
        }
        return {};
    }
};

TEST_F(HubShops, ATaskSurvivesTheShopsSessionAndAHubRestart)
{
    boot();
    {
        const auto kitchen = shop("n1");
        ASSERT_TRUE(wait_for([&] { return online("n1"); }));
        const json printed = task("n1", "print", {{"data", "G0A="}, {"encoding", "base64"}});
        ASSERT_TRUE(becomes(printed, "success")) << of(printed);
        EXPECT_EQ(kitchen->wait("task_print")["id"], printed["id"]);
        EXPECT_EQ(of(printed)["message"], "Printed");
        EXPECT_EQ(of(printed)["meta"]["bytesSent"], 2);
        const json refused = task("n1", "config", {{"updates", {{"defaultPrinter", {{"vendorId", 1}}}}}});
        ASSERT_TRUE(becomes(refused, "error"));
        EXPECT_EQ(of(refused)["message"], "No such printer");
        ASSERT_TRUE(wait_for([&] { return beat("n1")["heartbeat"].is_object(); }));
        EXPECT_EQ(beat("n1")["heartbeat"]["devices"][0]["alias"], "Kitchen") << beat("n1");
        EXPECT_EQ(beat("n1")["status"], "online");
    }
    ASSERT_TRUE(wait_for([&] { return !online("n1"); }));
    const json waiting = task("n1", "ping");
    EXPECT_EQ(of(waiting)["status"], "pending");
    daemon_->kill9();
    restart();
    EXPECT_EQ(of(waiting)["status"], "pending") << "202 was a promise";
    EXPECT_EQ(beat("n1")["status"], "offline");
    EXPECT_EQ(beat("n1")["lastTask"]["message"], "No such printer") << beat("n1");
    const auto again = shop("n1");
    ASSERT_TRUE(becomes(waiting, "success")) << of(waiting);
    EXPECT_EQ(again->wait("task_ping")["id"], waiting["id"]);
    EXPECT_EQ(of(waiting)["message"], "pong");
    EXPECT_EQ(ask("POST", "/api/agent-tasks", {{"shopId", "nobody"}, {"command", "ping"}}).status, 404);
    EXPECT_EQ(curl({"-X", "POST", "-d", "{}", url_ + "/api/agent-tasks"}, false).status, 401);
}

TEST_F(HubShops, PrintsFilesAndTextsAndShowsTheirReceipts)
{
    boot();
    const auto kitchen = shop("n1", "binary");
    ASSERT_TRUE(wait_for([&] { return beat("n1")["heartbeat"].is_object(); }));
    const std::string job = file("job.bin", "\x1b@" + std::string(700'000, '\x1d'));
    const std::vector<std::string> key{"-H", "idempotency-key: order-17"};
    const auto printed = print("n1", job, "application/octet-stream", key);
    ASSERT_EQ(printed.status, 202) << printed.body;
    ASSERT_TRUE(becomes(printed.json, "success")) << of(printed.json);
    EXPECT_EQ(of(printed.json)["outcome"], "printed");
    EXPECT_EQ(of(printed.json)["meta"]["bytesSent"], 700'002);
    const json announced = kitchen->wait("task_print")["payload"];
    EXPECT_EQ(announced["encoding"], "binary");
    EXPECT_EQ(announced["printer"]["vendorId"], 0x1234) << "the alias as the heartbeat explains it";
    EXPECT_EQ(kitchen->wait("binary")["as_announced"], true);
    EXPECT_EQ(kitchen->wait("binary")["id"], printed.json["id"]);
    const auto again = print("n1", job, "application/octet-stream", key);
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(again.json["id"], printed.json["id"]);

    const auto text = print("n1", file("note.txt", "Zwei Br\xc3\xb6tchen\n"), "text/plain; charset=utf-8");
    ASSERT_TRUE(becomes(text.json, "success")) << text.body;
    EXPECT_EQ(kitchen->wait("task_print", 1)["payload"]["data"], "Zwei Br\xc3\xb6tchen\n");

    const std::string url = url_ + "/api/agent-tasks/" + printed.json["id"].get<std::string>();
    const auto png = curl({url + "/receipt.png"});
    EXPECT_EQ(png.status, 200);
    EXPECT_EQ(png.headers.at("content-type"), "image/png");
    EXPECT_EQ(png.body, "\x89PNG\r\n\x1a\n" + printed.json["id"].get<std::string>());
    EXPECT_EQ(curl({url + "/receipt.txt"}).body, "Total 7,50 \xe2\x82\xac");
    const auto copy = curl({"-X", "POST", url + "/reprint"});
    ASSERT_EQ(copy.status, 202) << copy.body;
    ASSERT_TRUE(becomes(copy.json, "success"));
    EXPECT_EQ(of(copy.json)["copyOf"], printed.json["id"]);

    const json printers = ask("GET", "/api/shops/n1/printers").json["printers"];
    EXPECT_EQ(printers[0]["lastTest"]["status"], "success");
    EXPECT_EQ(printers[0]["lastError"]["code"], "PAPER_OUT");
    const json history = ask("GET", "/api/shops/n1/tasks?limit=2").json;
    EXPECT_EQ(history["tasks"][0]["id"], copy.json["id"]);
    EXPECT_TRUE(history["next"].is_string());
    EXPECT_EQ(ask("GET", "/api/shops/n1/tasks?command=reprint").json["tasks"].size(), 1U);
}

TEST_F(HubShops, DashboardsThatSubscribeHearOfTasks)
{
    boot();
    const auto kitchen = shop("n1");
    ASSERT_TRUE(wait_for([&] { return online("n1"); }));
    const json steps{{{"send", "subscribe"},
                      {"payload", {{"agentId", "n1"}, {"topics", {"print_task"}}, {"requestId", "s"}}}},
                     {{"wait", "response"}},
                     {{"say", "ready"}},
                     {{"wait", "event"}, {"count", 2}}};
    NodeAgent desk{"dashboard_client.mjs", {ws("/ws/dashboard"), token_, steps.dump()}};
    desk.wait("step");
    const json printed = task("n1", "print", {{"data", "G0A="}, {"encoding", "base64"}});
    const json began = desk.wait("event")["payload"], ended = desk.wait("event", 1)["payload"];
    EXPECT_EQ(began["event"], "print_task");
    EXPECT_EQ(began["taskId"], printed["id"]);
    EXPECT_EQ(began["data"]["status"], "pending");
    EXPECT_EQ(ended["data"]["status"], "success");
    EXPECT_EQ(ended["data"]["outcome"], "sent") << "an agent of other software claims no more";
}

TEST_F(HubShops, TheCommandLinePrints)
{
    boot();
    const auto kitchen = shop("n1", "binary");
    ASSERT_TRUE(wait_for([&] { return beat("n1")["heartbeat"].is_object(); }));
    const auto hub = [&](const std::vector<std::string>& words) {
        std::vector<std::string> all{"hub", "print"};
        all.insert(all.end(), words.begin(), words.end());
        return daemon_->cli(std::move(all));
    };
    const auto list = hub({"list"});
    EXPECT_EQ(list.code, 0) << list.err;
    EXPECT_NE(list.out.find("1234:5678"), std::string::npos) << list.out;
    EXPECT_NE(list.out.find("PAPER_OUT"), std::string::npos) << list.out;
    const std::string note = file("note.txt", "Zwei Br\xc3\xb6tchen\n");
    const auto printed = hub({"file", "n1", note, "--printer", "Kitchen", "--json"});
    ASSERT_EQ(printed.code, 0) << printed.err;
    const std::string id = json::parse(printed.out)["id"];
    EXPECT_EQ(json::parse(printed.out)["outcome"], "printed");
    EXPECT_EQ(hub({"file", "n1", file("jam", "jam"), "--key", "k"}).code, 3) << "it may be on paper";
    EXPECT_EQ(hub({"file", "n1", file("jam", "jam"), "--key", "k"}).code, 3);
    EXPECT_EQ(kitchen->said("task_print").size(), 2U) << "the key prints once";
    EXPECT_NE(hub({"reprint", id}).out.find("a copy of " + id), std::string::npos);
    EXPECT_EQ(hub({"receipt", id}).out, "Total 7,50 \xe2\x82\xac\n");
    EXPECT_EQ(hub({"receipt", id, "--file", (dir_ / "r.png").string()}).code, 0);
    EXPECT_EQ(read_file(dir_ / "r.png"), "\x89PNG\r\n\x1a\n" + id);
    EXPECT_NE(hub({"tasks", "n1", "--outcome", "unknown"}).out.find("unknown"), std::string::npos);
    EXPECT_EQ(hub({"file", "nobody", note}).code, 1);
    EXPECT_EQ(hub({"file", "n1"}).code, 2);
}

TEST_F(HubShops, AnUndefinedOutcomeIsShownAndNeverSentAgain)
{
    boot();
    json torn;
    {
        const auto kitchen = shop("n1");
        ASSERT_TRUE(wait_for([&] { return online("n1"); }));
        torn = print("n1", file("jam.txt", "jam"), "text/plain", {}).json;
        // Its heartbeat may come after the print: the alias is then sent as it is.
        ASSERT_TRUE(becomes(torn, "error")) << torn;
        EXPECT_EQ(of(torn)["outcome"], "unknown");
        EXPECT_EQ(of(torn)["meta"]["outcome"], "unknown");
        EXPECT_EQ(kitchen->said("task_print").size(), 1U);
    }
    ASSERT_TRUE(wait_for([&] { return !online("n1"); }));
    daemon_->kill9();
    restart();
    const auto back = shop("n1");
    ASSERT_TRUE(wait_for([&] { return online("n1"); }));
    const json ping = task("n1", "ping");
    ASSERT_TRUE(becomes(ping, "success"));
    EXPECT_TRUE(back->said("task_print").empty());
    EXPECT_EQ(of(torn)["outcome"], "unknown");
    EXPECT_EQ(ask("GET", "/api/shops/n1/tasks?outcome=unknown").json["tasks"][0]["id"], torn["id"]);
    const std::string url = url_ + "/api/agent-tasks/" + torn["id"].get<std::string>();
    EXPECT_EQ(curl({url + "/receipt.png"}).status, 501) << "an agent of other software draws none";
}

TEST_F(HubShops, TheDocumentsRoutesCommandASignedAgent)
{
    boot();
    EXPECT_EQ(ask("GET", "/api/websocket/agents").json["agents"], json::array());
    NodeAgent node{"signed.mjs", {ws("/agent"), "n2", "secret-of-n2"}};
    ASSERT_TRUE(wait_for([&] { return ask("GET", "/api/websocket/agents").json["agents"].size() == 1; }));
    EXPECT_EQ(ask("GET", "/api/websocket/agents/n2").json["connected"], true);
    EXPECT_EQ(ask("GET", "/api/websocket/agents/n1").json["connected"], false);
    const auto pong =
        ask("POST", "/api/websocket/agents/n2/command", {{"command", "ping"}, {"args", json::object()}});
    EXPECT_EQ(pong.status, 200) << pong.body;
    EXPECT_EQ(pong.json["result"], "pong");
    const auto args =
        ask("POST", "/api/websocket/agents/n2/command", {{"command", "get_version"}, {"args", {{"x", 1.0}}}});
    EXPECT_EQ(args.json["result"]["args"]["x"], 1);
    const auto unknown = ask("POST", "/api/websocket/agents/n2/command", {{"command", "fly"}});
    EXPECT_EQ(unknown.status, 400) << unknown.body;
    EXPECT_EQ(unknown.json["error"]["code"], "UNKNOWN_ACTION");
    EXPECT_EQ(ask("POST", "/api/websocket/agents/n1/command", {{"command", "ping"}}).status, 503);
    EXPECT_EQ(ask("POST", "/api/websocket/agents/x/command", {{"command", "ping"}}).status, 404);
    ASSERT_TRUE(wait_for([&] { return !ask("GET", "/api/agents/n2/logs").json["logs"].empty(); }));
    const json latest = ask("GET", "/api/agents/n2/metrics").json["latest"];
    EXPECT_EQ(latest["cpu_percent"], 12.5) << latest;
    EXPECT_EQ(latest["disk_percent"], 70.25);
    EXPECT_EQ(ask("GET", "/api/agents/n2/logs").json["logs"][0]["message"], "signed agent up");
    EXPECT_EQ(ask("GET", "/api/agents/n2/health").json["health"], "healthy");
}

} // namespace

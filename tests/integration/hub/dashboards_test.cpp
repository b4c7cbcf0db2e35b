// Dashboards in node (dashboard_client.mjs, from the document alone), a real hub, a real agent with the
// terminal plugin, real commands.
#include "fixture.hpp"

#include "tests/support/proxy.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/unit/hub/node_jwt.hpp"

#include <csignal>
#include <ctime>
#include <fstream>
#include <pwd.h>
#include <sstream>
#include <unistd.h>

using namespace agenthost::test;
using agenthost::hub_test::node_sign;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

std::string own_name()
{
    const passwd* entry = ::getpwuid(::geteuid());
    return entry ? entry->pw_name : std::to_string(::geteuid());
}

long rss_kb(pid_t pid)
{
    std::istringstream lines{read_file("/proc/" + std::to_string(pid) + "/status")};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    return -1;
}

class HubDashboards : public HubDaemon {
protected:
    void start(const std::string& listener_more = {}) // ", key: value" of the listener's
    {
        std::filesystem::permissions(dir_.path(),
                                     std::filesystem::perms(0777)); // commands write markers here
        write_file(dir_ / "jwt", jwt_secret, 0600);
        listener_more_ = listener_more;
        boot("jwt_secret: {file: '" + (dir_ / "jwt").string() + "'}");
    }
    static std::string token(const std::string& sub, const std::string& role = "dashboard", int lives = 3600,
                             const json& more = json::object())
    {
        const auto now = static_cast<std::int64_t>(std::time(nullptr));
        json claims{
            {"sub", sub}, {"role", role}, {"iat", now - 5}, {"exp", now + lives}, {"jti", sub + role}};
        claims.update(more);
        return node_sign("HS256", jwt_secret, claims);
    }
    // An agent desk-1 whose commands are all allowed. `port`: of what stands before the hub.
    std::unique_ptr<Daemon> worker(const json& terminal = json::object(), int port = 0)
    {
        json config{{"allow", {"*"}}, {"run_as", own_name()}, {"grace", "1s"}, {"concurrency", 4}};
        config.update(terminal);
        write_file(dir_ / "desk-1", token("desk-1", "agent") + "\n", 0600);
        const std::string at = port == 0 ? "ws" + url_.substr(4) : "ws://127.0.0.1:" + std::to_string(port);
        auto made = std::make_unique<Daemon>(Daemon::Options{
            .yaml = "servers: [{name: hub, protocol: dashboard, url: '" + at +
                    "/ws/agent', credential: {file: '" + (dir_ / "desk-1").string() +
                    "'}, allow: ['terminal.*'], reconnect: {initial: 200ms, max: 1s}}]\nplugins: {terminal: "
                    "{enabled: true, required: "
                    "true, config: " +
                    config.dump() + "}}\n",
            .id = "desk-1",
            .dir = dir_ / "worker"});
        EXPECT_TRUE(made->wait_ready()) << made->log();
        EXPECT_TRUE(wait_for([&] { return online("desk-1"); })) << made->log() << daemon_->log();
        return made;
    }
    std::string ws() const { return "ws" + url_.substr(4) + "/ws/dashboard"; }
    std::unique_ptr<NodeAgent> open_dashboard(const json& steps, const std::string& jwt)
    {
        return std::make_unique<NodeAgent>("dashboard_client.mjs",
                                           std::vector<std::string>{ws(), jwt, steps.dump()});
    }
    std::unique_ptr<NodeAgent> open_dashboard(const json& steps)
    {
        return open_dashboard(steps, token("ops"));
    }
    static json wait(const std::string& type, const json& where = json::object())
    {
        return {{"wait", type}, {"where", where}};
    }
    static json send(const std::string& type, const json& payload)
    {
        return {{"send", type}, {"payload", payload}};
    }
    static json run(const std::string& command, const json& more = json::object())
    {
        json payload{{"agentId", "desk-1"}, {"command", command}};
        payload.update(more);
        return send("command:request", payload);
    }
    static json over(const std::string& status = "completed")
    {
        return wait("command:status", {{"status", status}});
    }
    // The types it heard, in order; of a status with its word.
    static std::vector<std::string> heard(NodeAgent& page)
    {
        std::vector<std::string> types;
        std::istringstream lines{page.process().out()};
        for (std::string line; std::getline(lines, line);) {
            const json said = json::parse(line, nullptr, false);
            if (!said.is_object() || said.empty() || !said.begin()->is_object() ||
                !said.begin()->contains("payload"))
                continue;
            std::string type = said.begin().key();
            const json& payload = said.begin().value()["payload"];
            if (type == "command:status") type += " " + payload["status"].get<std::string>();
            if (type == "error") type += " " + payload["code"].get<std::string>();
            types.push_back(type);
        }
        return types;
    }
    json ended(const std::string& id)
    {
        json now;
        EXPECT_TRUE(wait_for([&] {
            now = ask("GET", "/api/commands/" + id).json;
            return now.value("status", "") == "completed" || now.value("status", "") == "failed";
        })) << now;
        return now;
    }
    std::string output(const std::string& id)
    {
        std::string all;
        for (std::string at = "0", last; at != last;) {
            last = at;
            const Answer part = ask("GET", "/api/commands/" + id + "/output?offset=" + at);
            EXPECT_EQ(part.status, 200) << part.body;
            EXPECT_FALSE(part.headers.contains("x-dropped")) << "nothing is missing";
            all += part.body;
            at = part.headers.at("x-next-offset");
        }
        return all;
    }
};

TEST_F(HubDashboards, RunsTheExampleSessionOfTheDocument)
{
    start();
    const auto agent = worker();
    const auto page =
        open_dashboard({wait("connection:ack"), wait("agent:list"),
                        run("printf 'total 24\\n'; sleep 0.3; printf 'drwxr-xr-x  5 user staff\\n'"), over(),
                        send("heartbeat", {{"sequence", 1}}), wait("heartbeat")});
    page->wait("done");
    using Types = std::vector<std::string>;
    EXPECT_EQ(heard(*page),
              (Types{"connection:ack", "agent:list", "command:status queued", "command:status running",
                     "terminal:output", "terminal:output", "command:status completed", "heartbeat"}));
    EXPECT_TRUE(page->said("broken").empty());
    const json listed = page->wait("agent:list")["payload"]["agents"];
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0]["agentId"], "desk-1");
    EXPECT_EQ(listed[0]["status"], "online");
    EXPECT_EQ(page->wait("terminal:output", 0)["payload"]["data"], "total 24\n");
    EXPECT_EQ(page->wait("terminal:output", 1)["payload"]["data"], "drwxr-xr-x  5 user staff\n");
    EXPECT_EQ(page->wait("command:status", 2)["payload"]["exitCode"], 0);
    EXPECT_EQ(page->wait("heartbeat")["payload"]["sequence"], 1);
}

TEST_F(HubDashboards, ReportsEachOfTheSixErrorCodes)
{
    start();
    const auto agent = worker({{"concurrency", 1}, {"queue", 0}});
    const auto code = [](const std::string& word) { return wait("error", {{"code", word}}); };
    const auto page = open_dashboard({wait("agent:list"),
                                      run("sleep 60", {{"timeoutMs", 3000}}),
                                      wait("command:status", {{"status", "running"}}),
                                      run("true"),
                                      code("QUEUE_FULL"),
                                      over("failed"),
                                      code("COMMAND_TIMEOUT"),
                                      over("failed"),
                                      send("command:request", {{"agentId", "nobody"}, {"command", "true"}}),
                                      code("AGENT_OFFLINE"),
                                      {{"raw", "{"}},
                                      code("INVALID_MESSAGE"),
                                      send("heartbeat", {{"sequence", 1}}),
                                      send("heartbeat", {{"sequence", 2}}),
                                      code("RATE_LIMIT"),
                                      send("token:refresh", {{"token", "x"}}),
                                      code("AUTH_FAILED")});
    EXPECT_EQ(page->wait("closed"), 1008);
    const auto refused = open_dashboard(json::array(), "not-a-token");
    EXPECT_EQ(refused->wait("refused"), 401);
    EXPECT_EQ(refused->wait("body")["error"]["code"], "AUTH_FAILED");
}

TEST_F(HubDashboards, AnExpiredTokenEndsTheSessionUnlessItIsRenewed)
{
    start();
    constexpr int good_for = 20; // s: two programs start meanwhile, on a machine that does more than this
    const std::string first = token("ops", "dashboard", good_for), last = token("ops", "dashboard", good_for);
    const auto brief = open_dashboard({wait("agent:list"), wait("error", {{"code", "AUTH_FAILED"}})}, last);
    const auto renewed = open_dashboard({wait("agent:list"),
                                         send("token:refresh", {{"token", token("ops")}, {"requestId", "q"}}),
                                         wait("response", {{"requestId", "q"}}),
                                         {{"file", (dir_ / "go").string()}},
                                         send("heartbeat", {{"sequence", 9}}),
                                         wait("heartbeat")},
                                        first);
    renewed->wait("response");
    EXPECT_EQ(brief->wait("closed"), 1008); // by now the first would have expired, too
    write_file(dir_ / "go", "");
    renewed->wait("done");
    EXPECT_TRUE(renewed->said("closed").empty());
}

TEST_F(HubDashboards, LimitsSizeAndRateOfMessages)
{
    start();
    const auto page = open_dashboard(
        {wait("agent:list"),
         {{"raw", R"({"type":"heartbeat","payload":{"sequence":1,"x":"$FILL"}})"}, {"fill", 1 << 20}},
         wait("error", {{"code", "RATE_LIMIT"}}),
         {{"raw", "{}"}, {"repeat", 400}},
         wait("error", {{"code", "RATE_LIMIT"}}),
         {{"raw", R"({"x":"$FILL"})"}, {"fill", 3 << 20}}});
    EXPECT_EQ(page->wait("closed"), 1009);
}

TEST_F(HubDashboards, TellsAllDashboardsWhenAnAgentConnectsOrLeaves)
{
    start();
    const json steps{wait("agent:list"), wait("agent:status", {{"status", "online"}}),
                     wait("agent:status", {{"status", "offline"}})};
    const auto one = open_dashboard(steps),
               blind = open_dashboard({wait("agent:list"), {{"file", (dir_ / "go").string()}}},
                                      token("guest", "dashboard", 3600, {{"agents", {"elsewhere"}}}));
    one->wait("agent:list");
    blind->wait("agent:list");
    const auto agent = worker();
    EXPECT_EQ(agent->stop(), 0);
    one->wait("done");
    const json status = one->wait("agent:status")["payload"];
    EXPECT_EQ(status["agentId"], "desk-1");
    EXPECT_TRUE(status.contains("version") && status.contains("platform") && status.contains("lastSeen"))
        << status;
    EXPECT_EQ(status["capabilities"], json::array({"terminal"}));
    write_file(dir_ / "go", "");
    blind->wait("done");
    EXPECT_TRUE(blind->said("agent:status").empty());
}

TEST_F(HubDashboards, TypedInputAndAResizeReachATerminal)
{
    start();
    const auto agent = worker();
    const auto page = open_dashboard(
        {wait("agent:list"),
         run("stty size; read line; stty size; echo \"got $line\"", {{"pty", {{"cols", 80}, {"rows", 24}}}}),
         wait("terminal:output"),
         send("terminal:resize",
              {{"commandId", "$commandId"}, {"cols", 132}, {"rows", 50}, {"requestId", "r"}}),
         wait("response", {{"requestId", "r"}}),
         send("terminal:input", {{"commandId", "$commandId"}, {"data", "hello\n"}}), over()});
    page->wait("done");
    std::string all;
    for (const json& f : page->said("terminal:output")) all += f["payload"]["data"];
    EXPECT_NE(all.find("24 80"), all.npos) << all;
    EXPECT_NE(all.find("50 132"), all.npos) << all;
    EXPECT_NE(all.find("got hello"), all.npos) << all;
}

TEST_F(HubDashboards, AnInterruptEndsACommandAndReportsIt)
{
    start();
    const auto agent = worker();
    const auto page =
        open_dashboard({wait("agent:list"), run("echo begun; exec sleep 600"), wait("terminal:output"),
                        send("command:interrupt", {{"commandId", "$commandId"}}), over("failed")});
    page->wait("done");
    EXPECT_EQ(page->said("command:status").back()["payload"]["reason"], "interrupted");
}

TEST_F(HubDashboards, ReportsQueuePositionsAndPriorities)
{
    start();
    const auto agent = worker({{"concurrency", 1}});
    const std::string go = (dir_ / "go").string();
    const auto queued = wait("command:status", {{"status", "queued"}});
    const auto page = open_dashboard({wait("agent:list"),
                                      run("while ! test -e " + go + "; do sleep 0.05; done"),
                                      wait("command:status", {{"status", "running"}}),
                                      run("true", {{"priority", "low"}}),
                                      queued,
                                      run("true", {{"priority", "high"}}),
                                      queued,
                                      {{"file", go}},
                                      over(),
                                      over(),
                                      over()});
    EXPECT_TRUE(wait_for([&] {
        const auto told = page->said("command:queue");
        return !told.empty() && told.back()["payload"]["queue"].size() == 2;
    })) << page->process().out();
    const json queue = page->said("command:queue").back()["payload"];
    EXPECT_EQ(queue["agentId"], "desk-1");
    EXPECT_EQ(queue["queue"][0]["position"], 1) << queue;
    EXPECT_EQ(queue["queue"][0]["priority"], "high") << queue;
    EXPECT_EQ(queue["queue"][1]["position"], 2) << queue;
    EXPECT_EQ(queue["queue"][1]["priority"], "low") << queue;
    const std::string low = queue["queue"][1]["commandId"];
    EXPECT_TRUE(wait_for([&] { return ask("GET", "/api/commands/" + low).json.value("position", 0) == 2; }));
    write_file(go, "");
    page->wait("done");
}

TEST_F(HubDashboards, TwoHundredWatchOneCommand)
{
    start(", per_address: 500");
    const auto agent = worker();
    NodeAgent crowd{"dashboard_client.mjs", {ws(), token("ops"), "many", "200"}};
    EXPECT_EQ(crowd.wait("ready"), 200);
    const auto page = open_dashboard(
        {wait("agent:list"),
         run("for i in $(seq 1 2000); do echo \"line $i of the output\"; done; sleep 0.2; echo end"),
         over()});
    page->wait("done");
    const json all = crowd.wait("all");
    ASSERT_EQ(all.size(), 1U) << "every one of them saw the same: " << all;
    const std::string same = all[0];
    EXPECT_EQ(same.substr(0, 25), "queued,running,completed ") << same;
    EXPECT_EQ(same.substr(same.size() - 4), " 0 0") << "nothing dropped, no chunk out of order: " << same;
}

TEST_F(HubDashboards, AStalledDashboardNeitherDelaysOthersNorFillsMemory)
{
    start();
    const auto agent = worker();
    const std::string go = (dir_ / "go").string(), enough = (dir_ / "enough").string();
    // More than the kernel buffers of the stalled one.
    constexpr int much = 12 << 20;
    // Compressed, all of it would fit into the kernel's buffers.
    const auto stalled = open_dashboard({{{"plain", true}, {"quiet", true}},
                                         wait("agent:list"),
                                         {{"say", "ready"}},
                                         wait("command:status", {{"status", "running"}}),
                                         {{"stall", true}},
                                         {{"say", "stalled"}},
                                         {{"file", go}},
                                         {{"stall", false}},
                                         over(),
                                         {{"summary", true}}});
    const auto quick = open_dashboard({{{"quiet", true}},
                                       wait("agent:list"),
                                       {{"say", "ready"}},
                                       {{"received", much}},
                                       {{"say", "much"}},
                                       over(),
                                       {{"summary", true}}});
    stalled->wait("step");
    quick->wait("step");
    const long before = rss_kb(daemon_->pid());
    const auto page = open_dashboard(
        {{{"quiet", true}},
         wait("agent:list"),
         run("echo first; sleep 1; while [ ! -e '" + enough + "' ]; do yes | head -c 1000000; done"),
         over()});
    stalled->wait("step", 1);
    quick->wait("step", 1);
    write_file(enough, "");
    quick->wait("done"); // while the other one still takes nothing
    const long after = rss_kb(daemon_->pid());
    if (!sanitized) {
        EXPECT_LT(after - before, 48 * 1024) << before << " KB before, " << after << " after";
    }
    write_file(go, "");
    stalled->wait("done");
    const json slow = stalled->wait("summary"), live = quick->wait("summary");
    page->wait("done");
    EXPECT_GT(slow["dropped"].get<std::uint64_t>(), 0U) << slow;
    EXPECT_GT(live["bytes"].get<std::uint64_t>(), slow["bytes"].get<std::uint64_t>()) << live << slow;
    EXPECT_EQ(slow["bytes"].get<std::uint64_t>() + slow["dropped"].get<std::uint64_t>(),
              live["bytes"].get<std::uint64_t>() + live["dropped"].get<std::uint64_t>())
        << "what is missing is said: " << slow << live;
}

TEST_F(HubDashboards, AnAgentThatIsKilledLosesItsCommandAndLeavesNothingBehind)
{
    start();
    auto agent = worker();
    const std::string marker = (dir_ / "pid").string();
    const auto page =
        open_dashboard({wait("agent:list"), run("echo $$ > " + marker + "; echo begun; exec sleep 600"),
                        wait("terminal:output"), over("failed")});
    page->wait("terminal:output");
    const pid_t pid = std::stoi(read_file(marker));
    EXPECT_EQ(::kill(pid, 0), 0);
    agent->kill9();
    EXPECT_TRUE(wait_for([&] { return ::kill(pid, 0) != 0; })) << "no orphan";
    agent.reset();
    agent = worker();
    page->wait("done");
    const json last = page->said("command:status").back()["payload"];
    EXPECT_EQ(last["reason"], "agent_lost") << last;
    EXPECT_FALSE(last.contains("exitCode")) << last;
}

TEST_F(HubDashboards, ABrokenSessionLosesNoOutput)
{
    start();
    // The agent's first connection breaks after it has sent 60 KB, the second after 100 KB more.
    Fault first, second;
    first.cut_request = 60'000;
    second.cut_request = 100'000;
    Proxy proxy{std::stoi(url_.substr(url_.rfind(':') + 1)), {first, second}};
    const auto agent = worker(json::object(), proxy.port());
    const auto begun = ask(
        "POST", "/api/agents/desk-1/commands",
        {{"action", "terminal.run"},
         {"params", {{"command", "for i in $(seq 1 40000); do echo \"line $i\"; done; printf '\\377\\0'"}}},
         {"timeout", 0}});
    ASSERT_EQ(begun.status, 202) << begun.body;
    const std::string id = begun.json["id"];
    const json end = ended(id);
    EXPECT_EQ(end.value("exitCode", -1), 0) << end;
    EXPECT_GE(proxy.connections(), 3) << "it broke twice";
    std::string all;
    for (int i = 1; i <= 40'000; ++i) all += "line " + std::to_string(i) + "\n";
    all += std::string{"\xff\0", 2};
    EXPECT_TRUE(output(id) == all) << output(id).size() << " of " << all.size();
}

TEST_F(HubDashboards, AKilledHubRecoversTheOutputOfRunningCommands)
{
    start();
    const std::string port = url_.substr(url_.rfind(':') + 1);
    const auto agent = worker();
    const std::string go = (dir_ / "go").string();
    const auto begun =
        ask("POST", "/api/agents/desk-1/commands",
            {{"action", "terminal.run"},
             {"params",
              {{"command", "echo before; while ! test -e " + go + "; do sleep 0.05; done; echo after"}}},
             {"timeout", 0}});
    ASSERT_EQ(begun.status, 202) << begun.body;
    const std::string id = begun.json["id"];
    ASSERT_TRUE(wait_for([&] { return ask("GET", "/api/commands/" + id + "/output").body == "before\n"; }));
    daemon_->kill9();
    listener_ = "127.0.0.1:" + port;
    restart();
    ASSERT_TRUE(wait_for([&] { return online("desk-1"); })) << agent->log();
    write_file(go, "");
    EXPECT_EQ(ended(id)["status"], "completed");
    EXPECT_EQ(output(id), "before\nafter\n");
}

TEST_F(HubDashboards, RestWaitsForOutputAndGivesItByOffset)
{
    start();
    const auto agent = worker();
    const auto begun = ask("POST", "/api/agents/desk-1/commands",
                           {{"action", "terminal.run"},
                            {"params", {{"command", "echo one; echo two >&2; sleep 1; echo three; exit 4"}}},
                            {"timeout", 0}});
    const std::string id = begun.json["id"];
    std::string at = "0", all;
    for (int i = 0; i < 100; ++i) {
        const auto part = ask("GET", "/api/commands/" + id + "/output?wait=20&offset=" + at);
        ASSERT_EQ(part.status, 200) << part.body;
        all += part.body;
        at = part.headers.at("x-next-offset");
        if (part.headers.at("x-final") == "true") break;
    }
    EXPECT_EQ(all.size(), 14U) << all;
    EXPECT_NE(all.find("three"), all.npos);
    EXPECT_EQ(ask("GET", "/api/commands/" + id + "/output?stream=stderr").body, "two\n");
    const json done = ended(id);
    EXPECT_EQ(done["status"], "failed");
    EXPECT_EQ(done["exitCode"], 4);
}

} // namespace

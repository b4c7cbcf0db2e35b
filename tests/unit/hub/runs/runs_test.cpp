// Runs with a fan-out in memory: order of states, output by position, agents that reconnect.
#include "tests/unit/hub/parts.hpp"

using namespace agenthost::hub_test;
using HubRun = agenthost::hub::Run; // testing::Test has a Run of its own
namespace wire = agenthost::wire;

namespace {

// The parts of Runs, with bounds that the test chooses.
struct SmallRuns {
    SmallRuns(Core& core, Fanout& fanout, Commands& commands, Requests& requests, RunTable::Limits limits)
        : table{limits}, control{core, fanout, commands, requests,
                                 [this](std::string_view id) {
                                     RunEntry* e = table.entry(id);
                                     return e == nullptr ? nullptr : &e->run;
                                 }},
          events{core, requests, control, table, watchers}
    {}
    RunTable table;
    RunWatchers watchers;
    RunControl control;
    RunEvents events;
};

class RunsTest : public PartsTest {
protected:
    RunsTest()
    {
        runs.observe({.status = [this](const HubRun& r) { seen.push_back(std::string{to_string(r.state)}); },
                      .output =
                          [this](const HubRun&, const RunChunk& c) {
                              if (c.dropped > 0) seen.push_back("dropped " + std::to_string(c.dropped));
                              seen.emplace_back(c.bytes);
                          },
                      .queue =
                          [this](std::string_view agent, std::string_view q) {
                              seen.push_back(std::string{agent} + " " + std::string{q});
                          }});
        join("d1", "dashboard");
    }
    std::string start(const std::string& params = R"({"command":"x"})")
    {
        TaskRecord task = runs.make("d1", params);
        EXPECT_EQ(runs.check(task), "");
        const std::string id = task.id;
        enter([&] { EXPECT_TRUE(runs.start(task)); });
        return id;
    }
    void print(const std::string& id, std::uint64_t offset, std::string_view bytes, std::uint32_t channel = 1)
    {
        enter([&] {
            runs.events().stream("d1", {.id = id, .channel = channel, .offset = offset, .bytes = bytes});
        });
    }
    void running(const std::string& id)
    {
        enter([&] { runs.events().progress("d1", {.id = id, .json = R"({"status":"running"})"}); });
    }
    void exits(const std::string& id, const std::string& data = R"({"exit_code":0,"reason":"exit"})")
    {
        result("d1", {.id = id, .data = data});
    }
    void fails(const std::string& id, std::string_view code)
    {
        result("d1", {.id = id, .outcome = wire::Outcome::error, .error = {.code = code, .message = "why"}});
    }
    void reconnect()
    {
        enter([&] {
            fanout.agents.erase("d1");
            commands.events().agent_lost("d1");
            requests.agent_lost("d1");
            runs.events().agent_lost("d1");
        });
        AgentRecord a;
        a.id = "d1";
        a.protocol = "dashboard";
        enter([&] {
            fanout.agents.insert_or_assign("d1", a);
            commands.events().agent_ready(a);
            runs.events().agent_ready(a);
        });
    }
    void answer(const std::string& request, bool ok = true, std::string_view code = {})
    {
        wire::Result r{.id = request, .data = "{}"};
        if (!ok)
            r = {.id = request, .outcome = wire::Outcome::error, .error = {.code = code, .message = "no"}};
        enter([&] { EXPECT_TRUE(requests.result("d1", r)); });
    }
    using Seen = std::vector<std::string>;
    Seen seen;
};

TEST_F(RunsTest, QueuedComesFirstAndTheEndLast)
{
    const std::string id = start(R"({"command":"ls","priority":"high"})");
    ASSERT_EQ(fanout.sent.size(), 1U);
    EXPECT_EQ(fanout.sent[0].action, "terminal.run");
    EXPECT_EQ(json::parse(fanout.sent[0].params),
              (json{{"commandId", id}, {"command", "ls"}, {"priority", "high"}}));
    running(id);
    running(id);
    print(id, 0, "total 24\n");
    exits(id);
    print(id, 9, "late");
    EXPECT_EQ(seen, (Seen{"queued", "running", "total 24\n", "completed"}));
    const HubRun* run = runs.find(id);
    ASSERT_NE(run, nullptr);
    EXPECT_EQ(run->exit_code, 0);
    EXPECT_EQ(run->reason, "exit");
    EXPECT_EQ(run->priority, "high");
}

TEST_F(RunsTest, ACommandWithOutputIsRunning)
{
    const std::string id = start();
    print(id, 0, "a");
    EXPECT_EQ(seen, (Seen{"queued", "running", "a"}));
}

TEST_F(RunsTest, ReportsHowACommandEnded)
{
    const auto ending = [&](const std::string& data) {
        const std::string id = start();
        exits(id, data);
        const HubRun* r = runs.find(id);
        return std::string{to_string(r->state)} + " " + std::to_string(r->exit_code.value_or(-1)) + " " +
               r->reason + " " + r->code + " " + r->signal;
    };
    EXPECT_EQ(ending(R"({"exit_code":0,"reason":"exit"})"), "completed 0 exit  ");
    EXPECT_EQ(ending(R"({"exit_code":3,"reason":"exit"})"), "failed 3 exit  ");
    EXPECT_EQ(ending(R"({"exit_code":137,"reason":"signal","signal":"SIGKILL"})"),
              "failed 137 signal  SIGKILL");
    EXPECT_EQ(ending(R"({"exit_code":130,"reason":"interrupted"})"), "failed 130 interrupted  ");
    EXPECT_EQ(ending(R"({"exit_code":143,"reason":"timeout"})"), "failed 143 timeout TIMEOUT ");
    const auto failing = [&](std::string_view code) {
        const std::string id = start();
        fails(id, code);
        return runs.find(id)->reason + " " + runs.find(id)->code;
    };
    EXPECT_EQ(failing("INTERRUPTED"), "agent_lost INTERRUPTED") << "its agent died";
    EXPECT_EQ(failing("CANCELLED"), "interrupted CANCELLED");
    EXPECT_EQ(failing("QUEUE_FULL"), " QUEUE_FULL");
}

TEST_F(RunsTest, CountsBytesOfBothStreamsAndGaps)
{
    const std::string id = start();
    print(id, 0, "out");
    print(id, 0, "err", 2);
    print(id, 13, "more");
    EXPECT_EQ(seen, (Seen{"queued", "running", "out", "err", "dropped 10", "more"}));
    const HubRun* run = runs.find(id);
    EXPECT_EQ(run->output.end(), 20U);
    EXPECT_EQ(run->output.lost(), 10U);
    Seen late;
    runs.watch(id, 4,
               {.status = {},
                .output =
                    [&](const HubRun&, const RunChunk& c) {
                        late.push_back(std::to_string(c.channel) + "@" + std::to_string(c.at) + "-" +
                                       std::to_string(c.dropped) + " " + std::string{c.bytes});
                    },
                .queue = {}});
    EXPECT_EQ(late, (Seen{"2@4-0 rr", "1@16-10 more"}));
    print(id, 17, "!");
    EXPECT_EQ(late.back(), "1@20-0 !");
}

TEST_F(RunsTest, FetchesMissedOutputAndRepeatsNothing)
{
    const std::string id = start();
    running(id);
    print(id, 0, "0123");
    seen.clear();
    reconnect();
    ASSERT_EQ(fanout.sent.size(), 3U) << "the command again, and what it printed meanwhile";
    EXPECT_EQ(fanout.sent[1].id, id);
    EXPECT_EQ(fanout.sent[2].action, "terminal.attach");
    EXPECT_EQ(json::parse(fanout.sent[2].params),
              (json{{"commandId", id}, {"offset", 4}, {"stderr_offset", 0}, {"follow", false}}));
    const std::string replay = fanout.sent[2].id;
    print(id, 8, "89"); // live, ahead of what was missed
    exits(id);          // over before the past has come
    EXPECT_EQ(seen, Seen{});
    print(replay, 4, "4567");
    print(replay, 8, "8");
    EXPECT_EQ(seen, (Seen{"4567", "8"}));
    answer(replay);
    EXPECT_EQ(seen, (Seen{"4567", "8", "9", "completed"}));
}

TEST_F(RunsTest, ReportsALostGap)
{
    const std::string id = start();
    running(id);
    print(id, 0, "0123");
    reconnect();
    seen.clear();
    const std::string replay = fanout.sent.back().id;
    print(replay, 7, "78"); // its ring begins here
    print(id, 9, "9");
    answer(replay);
    EXPECT_EQ(seen, (Seen{"dropped 3", "78", "9"}));
}

TEST_F(RunsTest, ASessionThatBreaksWhileTheEndIsFetchedIsAskedAgain)
{
    const std::string id = start();
    running(id);
    print(id, 0, "0123");
    seen.clear();
    reconnect();
    exits(id, R"({"exit_code":0,"reason":"exit","bytes":12})"); // from the agent's outbox
    print(fanout.sent.back().id, 4, "4567");
    reconnect();
    EXPECT_EQ(seen, (Seen{"4567"})) << "the end waits for the rest";
    const std::string replay = fanout.sent.back().id;
    EXPECT_EQ(json::parse(fanout.sent.back().params)["offset"], 8);
    print(replay, 8, "89ab");
    answer(replay);
    EXPECT_EQ(seen, (Seen{"4567", "89ab", "completed"}));
}

TEST_F(RunsTest, HeldOutputDoesNotSkipTheGap)
{
    const std::string id = start();
    running(id);
    print(id, 0, "0123");
    seen.clear();
    reconnect();
    print(id, 8, "89ab"); // live, ahead of what is being fetched
    reconnect();
    const std::string replay = fanout.sent.back().id;
    EXPECT_EQ(json::parse(fanout.sent.back().params)["offset"], 4) << "not 12";
    print(replay, 4, "456789ab");
    answer(replay);
    EXPECT_EQ(seen, (Seen{"456789ab"}));
}

TEST_F(RunsTest, AMissingEndIsReportedAsAGap)
{
    const std::string id = start();
    running(id);
    print(id, 0, "0123");
    reconnect();
    exits(id, R"({"exit_code":0,"reason":"exit","bytes":12})");
    enter([&] {
        fanout.agents.erase("d1");
        commands.events().agent_lost("d1");
        requests.agent_lost("d1");
        runs.events().agent_lost("d1");
    });
    seen.clear();
    pass(core.config.agent_grace);
    EXPECT_EQ(seen, (Seen{"dropped 8", "", "completed"}));
    EXPECT_EQ(runs.find(id)->output.lost(), 8U);
}

TEST_F(RunsTest, ARevokedAgentsMissingEndIsNotWaitedFor)
{
    const std::string id = start();
    running(id);
    print(id, 0, "0123");
    reconnect();
    exits(id, R"({"exit_code":0,"reason":"exit","bytes":12})");
    seen.clear();
    enter([&] {
        fanout.agents.erase("d1");
        requests.agent_lost("d1");
        runs.events().agent_lost("d1");
        runs.events().agent_revoked("d1");
    });
    EXPECT_EQ(seen, (Seen{"dropped 8", "", "completed"}));
}

TEST_F(RunsTest, FetchesAgainWhatItCouldNotBuffer)
{
    const std::string later(RunEvents::max_held - 3, 'x'); // does not fit after the 4 bytes that are held
    SmallRuns small{core, fanout, commands, requests, {}};
    const std::string id = start();
    enter([&] {
        TaskRecord task;
        task.id = id, task.agent = "d1", task.action = "terminal.run", task.params = "{}", task.sent = 1;
        small.events.began(task);
        AgentRecord a;
        a.id = "d1", a.protocol = "dashboard";
        small.events.agent_ready(a);
    });
    const std::string first = fanout.sent.back().id;
    const auto chunk = [&](const std::string& of, std::uint64_t at, std::string_view bytes) {
        enter([&] { small.events.stream("d1", {.id = of, .channel = 1, .offset = at, .bytes = bytes}); });
    };
    chunk(id, 4, "4567");
    chunk(id, 8, later);
    chunk(first, 0, "0123");
    answer(first);
    EXPECT_EQ(small.table.find(id)->output.end(), 8U);
    const std::string second = fanout.sent.back().id;
    ASSERT_NE(second, first);
    EXPECT_EQ(json::parse(fanout.sent.back().params)["offset"], 8);
    chunk(second, 8, later);
    answer(second);
    EXPECT_EQ(small.table.find(id)->output.end(), 8 + later.size());
    EXPECT_EQ(small.table.find(id)->output.lost(), 0U);
}

TEST_F(RunsTest, AnAgentWithoutReplayContinuesWithAGap)
{
    const std::string id = start();
    print(id, 0, "0123");
    reconnect();
    answer(fanout.sent.back().id, false, "UNKNOWN_ACTION");
    print(id, 0, "45"); // counts from its new session on
    print(id, 2, "67");
    EXPECT_EQ(seen, (Seen{"queued", "running", "0123", "45", "67"}));
}

TEST_F(RunsTest, ARunFailsWhenItsAgentDied)
{
    const std::string id = start();
    running(id);
    reconnect();
    fails(id, "INTERRUPTED"); // its journal
    EXPECT_EQ(runs.find(id)->state, RunState::running) << "the last output may be on its way";
    answer(fanout.sent.back().id, false, "COMMAND_NOT_FOUND");
    EXPECT_EQ(runs.find(id)->reason, "agent_lost");
    EXPECT_EQ(seen, (Seen{"queued", "running", "failed"}));
}

TEST_F(RunsTest, InterruptsOnTheAgentAndInTheHubsOwnQueue)
{
    const std::string id = start();
    Requests::Answer heard;
    const auto then = [&](const Requests::Answer& a) { heard = a; };
    enter([&] { runs.control().interrupt(id, true, then); });
    EXPECT_EQ(fanout.sent.back().action, "terminal.interrupt");
    EXPECT_EQ(json::parse(fanout.sent.back().params), (json{{"commandId", id}, {"force", true}}));
    answer(fanout.sent.back().id);
    EXPECT_TRUE(heard.ok);

    for (std::size_t i = 1; i < core.config.in_flight; ++i) start();
    const std::string waits = start();
    const std::size_t sent = fanout.sent.size();
    enter([&] { runs.control().interrupt(waits, false, then); });
    EXPECT_EQ(fanout.sent.size(), sent) << "the agent never heard of it";
    EXPECT_TRUE(heard.ok);
    EXPECT_EQ(runs.find(waits)->reason, "interrupted");

    enter([&] { runs.control().interrupt("nobody", false, then); });
    EXPECT_EQ(heard.code, "COMMAND_NOT_FOUND");
    enter([&] { runs.control().interrupt(waits, false, then); });
    EXPECT_EQ(heard.code, "COMMAND_NOT_FOUND") << "it is over";
}

// A window that was resized while its command waited kept the old size, although the resize had succeeded.
TEST_F(RunsTest, ASizeRequestedBeforeTheStartIsAppliedAtTheStart)
{
    const std::string id = start(R"({"command":"x","pty":true})");
    Requests::Answer heard;
    const auto then = [&](const Requests::Answer& a) { heard = a; };
    const std::size_t before = fanout.sent.size();
    enter([&] { runs.control().resize(id, 120, 40, then); });
    enter([&] { runs.control().resize(id, 132, 43, then); });
    EXPECT_TRUE(heard.ok);
    EXPECT_EQ(fanout.sent.size(), before) << "there is no terminal yet";
    running(id);
    ASSERT_EQ(fanout.sent.size(), before + 1);
    EXPECT_EQ(fanout.sent.back().action, "terminal.resize");
    EXPECT_EQ(json::parse(fanout.sent.back().params), (json{{"commandId", id}, {"cols", 132}, {"rows", 43}}));
}

TEST_F(RunsTest, ARequestIsAnsweredWhateverHappens)
{
    const std::string id = start();
    running(id);
    Requests::Answer heard;
    const auto then = [&](const Requests::Answer& a) { heard = a; };
    enter([&] { runs.control().input(id, {.data = "ls\n", .base64 = false, .eof = true}, then); });
    EXPECT_EQ(json::parse(fanout.sent.back().params),
              (json{{"commandId", id}, {"data", "ls\n"}, {"eof", true}}));
    pass(Requests::max_wait);
    EXPECT_EQ(heard.code, "TIMEOUT");
    enter([&] { runs.control().resize(id, 120, 40, then); });
    EXPECT_EQ(json::parse(fanout.sent.back().params), (json{{"commandId", id}, {"cols", 120}, {"rows", 40}}));
    enter([&] { requests.not_taken(fanout.sent.back().id); });
    EXPECT_EQ(heard.code, "BUSY");
    enter([&] { runs.control().resize(id, 120, 40, then); });
    enter([&] { requests.agent_lost("d1"); });
    EXPECT_EQ(heard.code, "AGENT_OFFLINE");
    for (std::size_t i = 0; i < Requests::max_of_agent; ++i)
        enter([&] { runs.control().resize(id, 120, 40, {}); });
    enter([&] { runs.control().resize(id, 120, 40, then); });
    EXPECT_EQ(heard.code, "BUSY") << "it takes no more";
    EXPECT_EQ(requests.open(), Requests::max_of_agent);
}

TEST_F(RunsTest, KeepsABoundedAmountOfOutputAndOfRuns)
{
    SmallRuns small{core, fanout, commands, requests, {.output = 10'000, .memory = 15'000, .over = 3}};
    const auto task = [](const std::string& id) {
        TaskRecord t;
        t.id = id, t.agent = "d1", t.action = "terminal.run", t.params = "{}", t.state = TaskState::success;
        return t;
    };
    const std::string block(1000, 'x');
    const auto fill = [&](const std::string& id) {
        for (std::uint64_t i = 0; i < 100; ++i)
            small.events.stream(
                "d1",
                {.id = id, .channel = 1 + std::uint32_t(i % 2), .offset = i / 2 * 1000, .bytes = block});
    };
    for (const char* id : {"a", "b", "c", "d", "e"}) small.events.began(task(id));
    fill("a");
    EXPECT_LE(small.table.memory(), 10'000U);
    EXPECT_EQ(small.table.find("a")->output.end(), 100'000U);
    EXPECT_GT(small.table.find("a")->output.begin(), 89'000U);
    small.events.ended(task("a"));
    fill("b");
    EXPECT_LE(small.table.memory(), 15'000U);
    EXPECT_EQ(small.table.find("a")->output.begin(), 100'000U) << "what is over goes first";
    fill("c");
    EXPECT_LE(small.table.memory(), 15'000U);
    for (const char* id : {"b", "c", "d"}) small.events.ended(task(id));
    EXPECT_EQ(small.table.find("a"), nullptr) << "the oldest of those that are over";
    EXPECT_NE(small.table.find("b"), nullptr);
}

TEST_F(RunsTest, ReportsTheQueueAndAcceptsOutputAsEvents)
{
    const std::string id = start();
    enter([&] {
        runs.events().event("d1", {.topic = "command_queue", .json = R"({"queue":[{"position":1}]})"});
        runs.events().progress("d1", {.id = id, .json = R"({"status":"queued","position":2})"});
        runs.events().event(
            "d1", {.topic = "output", .json = R"({"id":")" + id + R"(","text":"a\n","stream":"stderr"})"});
        runs.events().event("other", {.topic = "output", .json = R"({"id":")" + id + R"(","text":"no"})"});
        runs.events().event("d1", {.topic = "command_queue", .json = R"({"queue":5})"});
    });
    EXPECT_EQ(seen, (Seen{"queued", R"(d1 [{"position":1}])", "running", "a\n"}));
}

// ---- REST ----

TEST_F(RunsTest, RestStartsARunAndReturnsIt)
{
    const Conn conn =
        ask("POST", "/api/agents/d1/commands",
            R"({"action":"terminal.run","params":{"command":"ls","priority":"low"},"timeout":0})");
    ASSERT_EQ(status(conn), 202);
    const std::string id = body(conn)["id"];
    EXPECT_EQ(json::parse(fanout.sent.back().params)["commandId"], id);
    EXPECT_EQ(get("/api/commands/" + id)["status"], "queued");
    EXPECT_EQ(get("/api/commands/" + id)["priority"], "low");
    enter([&] { runs.events().progress("d1", {.id = id, .json = R"({"status":"queued","position":2})"}); });
    EXPECT_EQ(get("/api/commands/" + id)["position"], 2);
    print(id, 0, "a");
    exits(id, R"({"exit_code":3,"reason":"exit"})");
    const json done = get("/api/commands/" + id);
    EXPECT_EQ(done["status"], "failed");
    EXPECT_EQ(done["exitCode"], 3);
    EXPECT_EQ(done["reason"], "exit");
    EXPECT_EQ(done["output"], (json{{"begin", 0}, {"end", 1}}));
    EXPECT_EQ(status(ask("GET", "/api/commands/nobody")), 404);
    EXPECT_EQ(get("/api/commands/nobody")["error"]["code"], "COMMAND_NOT_FOUND");
    const Conn own = ask("POST", "/api/agents/d1/commands",
                         R"({"action":"terminal.run","params":{"command":"ls","commandId":"mine"}})");
    EXPECT_EQ(status(own), 400);
    EXPECT_THAT(std::string{body(own)["error"]["message"]}, testing::HasSubstr("the hub assigns it"));
}

TEST_F(RunsTest, RestReadsOutputByPositionAndWaitsForMore)
{
    const std::string id = start();
    print(id, 0, std::string{"\x00\xff", 2});
    print(id, 0, "err", 2);
    print(id, 12, "end");
    const auto output = [&](const std::string& query) {
        return ask("GET", "/api/commands/" + id + "/output", {}, query);
    };
    const auto header = [&](Conn conn, const std::string& name) {
        for (const auto& [key, value] : daemon.answers.at(conn).headers)
            if (key == name) return value;
        return std::string{};
    };
    const Conn all = output("offset=0");
    EXPECT_EQ(daemon.answers.at(all).body, (std::string{"\x00\xff"
                                                        "errend",
                                                        8}));
    EXPECT_EQ(header(all, "x-next-offset"), "18");
    EXPECT_EQ(header(all, "x-dropped"), "10");
    EXPECT_EQ(header(all, "x-final"), "false");
    EXPECT_EQ(daemon.answers.at(output("offset=16")).body, "nd");
    const Conn err = output("stream=stderr");
    EXPECT_EQ(daemon.answers.at(err).body, "err");
    EXPECT_EQ(header(err, "x-next-offset"), "18");
    for (const char* bad : {"offset=19", "offset=-1", "offset=x", "stream=both", "wait=61", "wait=nan"})
        EXPECT_GE(status(output(bad)), 400) << bad;

    const Conn waits = output("offset=18&wait=20");
    EXPECT_FALSE(answered(waits));
    print(id, 15, "!");
    ASSERT_TRUE(answered(waits));
    EXPECT_EQ(daemon.answers.at(waits).body, "!");
    const Conn in_vain = output("offset=19&wait=20");
    pass(std::chrono::seconds{20});
    ASSERT_TRUE(answered(in_vain));
    EXPECT_EQ(header(in_vain, "x-final"), "false");
    const Conn last = output("offset=19&wait=20");
    exits(id);
    ASSERT_TRUE(answered(last));
    EXPECT_EQ(header(last, "x-final"), "true");
    EXPECT_EQ(header(last, "x-command-status"), "completed");
}

TEST_F(RunsTest, RestReturnsLargeOutputInParts)
{
    const std::string id = start();
    const std::string block(10'000, 'x');
    for (std::uint64_t i = 0; i < 50; ++i) print(id, i * block.size(), block);
    std::uint64_t at = 0;
    std::string all;
    for (int round = 0; round < 10 && at < 500'000; ++round) {
        const Conn conn = ask("GET", "/api/commands/" + id + "/output", {}, "offset=" + std::to_string(at));
        const Answer& a = daemon.answers.at(conn);
        EXPECT_LE(a.body.size(), RunsRest::max_at_once);
        all += a.body;
        for (const auto& [key, value] : a.headers)
            if (key == "x-next-offset") at = std::stoull(value);
    }
    EXPECT_EQ(all, std::string(500'000, 'x'));
}

} // namespace

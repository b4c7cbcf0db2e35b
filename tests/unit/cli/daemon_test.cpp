#include "fixture.hpp"

#include "host/cli/print.hpp"

#include <nlohmann/json.hpp>

using namespace agenthost::host::test;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

using Verbs = Command;

const char* const status =
    R"({"agent_id":"node-01","version":"9.9","pid":4711,"uptime_s":11520,"ready":true,"draining":false,
  "servers":[{"name":"files","protocol":"storage","url":"wss://files.example.com/agent","state":"ready","problem":"","failures":0,
              "connected_since":1,"next_attempt":0,"bytes_in":1258291,"bytes_out":2048,"dropped":0},
             {"name":"games","protocol":"panel","url":"wss://p/","state":"waiting","problem":"connection refused\u001b[31m","failures":5,
              "connected_since":0,"next_attempt":1,"bytes_in":0,"bytes_out":0,"dropped":2}],
  "listeners":[{"name":"control","address":"unix:/x","connections":1},{"name":"hub","address":"https://127.0.0.1:3001","connections":3,"websockets":2,"requests":9,"refused":0}],
  "plugins":[{"id":"storage","version":"1.0","state":"running","healthy":false,"problem":"disk is full: free some","queued":1,"invoked":12,"isolated":true,"runner_pid":88}],
  "dispatch":{"in_flight":1,"succeeded":11,"failed":2,"timed_out":3},"journal":{"rows":12,"undelivered":4},"facts":{}})";

TEST_F(Verbs, PrintTheStatus)
{
    const Ran ran = against(FakeDaemon::json(200, status), {"status"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(asked, StartsWith("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n"));
    EXPECT_THAT(ran.out, StartsWith("node-01  ready  agenthost 9.9, pid 4711, up 3h 12m\n"));
    EXPECT_THAT(ran.out,
                ContainsRegex("files +storage +ready +.* +1.2 MiB +2.0 KiB +wss://files.example.com/agent"));
    EXPECT_THAT(ran.out, ContainsRegex("games +panel +waiting +next try in 0s, 5 failures"));
    EXPECT_THAT(
        ran.out,
        HasSubstr(
            "! games: connection refused?[31m\n")); // no escape code of a stranger's reaches the terminal
    EXPECT_THAT(ran.out, HasSubstr("! games: 2 messages dropped"));
    EXPECT_THAT(ran.out, ContainsRegex("hub +https://127.0.0.1:3001 +3 +2 +9 +0"));
    EXPECT_THAT(ran.out, ContainsRegex("storage +1.0 +unhealthy +1 +12 +own process 88"));
    EXPECT_THAT(ran.out, HasSubstr("! storage: disk is full: free some\n"));
    EXPECT_THAT(ran.out, HasSubstr("1 running, 11 succeeded, 2 failed, 3 timed out\n  journal:  12 rows, 4 "
                                   "results wait for their server\n"));
    EXPECT_THAT(ran.out, Not(HasSubstr("\033"))); // no terminal, no colours
    EXPECT_EQ(against(FakeDaemon::json(200, status), {"status", "--json"}).out, std::string{status} + "\n");
}

TEST_F(Verbs, AcceptTheStatusOfAnotherVersion)
{
    for (const char* odd :
         {"{}", "[]", "null",
          "{\"servers\":[1,null,{}],\"plugins\":{},\"uptime_s\":\"x\",\"listeners\":[[]]}", "not json"}) {
        const Ran ran = against(FakeDaemon::json(200, odd), {"status"});
        EXPECT_TRUE(ran.code == 0 || (ran.code == 1 && !ran.err.empty()))
            << odd << ": " << ran.code << ran.err;
    }
}

TEST_F(Verbs, ExplainHowToStartTheDaemon)
{
    const std::string expected = "agenthost: no daemon answers on " + socket.string() +
                                 ": start it with `agenthost run` (or `systemctl start agenthost`), or name "
                                 "its socket with --control-socket\n";
    for (const std::vector<std::string>& verb :
         {std::vector<std::string>{"status"}, {"health"}, {"reload"}, {"reconnect", "x"}, {"call", "a.b"}}) {
        const Ran ran = run(verb);
        EXPECT_EQ(ran.code, 1);
        EXPECT_EQ(ran.err, expected) << verb[0];
    }
    {
        const FakeDaemon stale{socket, [](const std::string&) { return FakeDaemon::Pieces{}; }};
    }
    EXPECT_EQ(run({"status"}).err, expected); // a socket file that nobody serves
    EXPECT_EQ(bare({"--control-socket", std::string(200, 'x'), "status"}).code, 1);
}

TEST_F(Verbs, FindTheSocket)
{
    write_file(config, "control: {socket: from-config}\n");
    const auto tried = [](const Ran& ran) { return ran.err.substr(0, ran.err.find(": start it")); };
    EXPECT_THAT(tried(bare({"-c", config, "status"})), EndsWith(" on " + (dir / "from-config").string()));
    EXPECT_THAT(tried(bare({"-c", config, "status"}, {{"AGENTHOST_CONTROL", "/from/environment"}})),
                EndsWith(" on /from/environment"));
    EXPECT_THAT(tried(bare({"-c", config, "--control-socket", "/from/option", "status"},
                           {{"AGENTHOST_CONTROL", "/from/environment"}})),
                EndsWith(" on /from/option"));
    EXPECT_THAT(tried(bare({"status"}, {{"AGENTHOST_CONFIG", config}})),
                EndsWith(" on " + (dir / "from-config").string()));
    write_file(config,
               "control: {socket: from-config}\nnonsense: here\n"); // a bad file does not lock one out
    EXPECT_THAT(tried(bare({"-c", config, "status"})), EndsWith("from-config"));
}

TEST_F(Verbs, ReportHealthByExitCode)
{
    const Ran well =
        against(FakeDaemon::json(200, R"({"healthy":true,"ready":true,"problems":[]})"), {"health"});
    EXPECT_EQ(well.code, 0);
    EXPECT_EQ(well.out, "healthy\n");
    const Ran ill = against(
        FakeDaemon::json(200, R"({"healthy":false,"ready":true,"problems":["plugin x: gone"]})"), {"health"});
    EXPECT_EQ(ill.code, 1);
    EXPECT_EQ(ill.out, "unhealthy\n  plugin x: gone\n");
    const auto degraded = against(
        FakeDaemon::json(
            200,
            R"({"healthy":false,"status":"degraded","ready":true,"problems":["journal: the disk is full"]})"),
        {"health"});
    EXPECT_EQ(degraded.code, 1);
    EXPECT_EQ(degraded.out, "degraded\n  journal: the disk is full\n");
    const Ran early =
        against(FakeDaemon::json(200, R"({"healthy":true,"ready":false,"problems":[]})"), {"health"});
    EXPECT_EQ(early.code, 1);
    EXPECT_EQ(early.out, "not ready\n");
}

TEST_F(Verbs, ReloadAndListChanges)
{
    const Ran good =
        against(FakeDaemon::json(200, R"({"ok":true,"changes":["server files: new"]})"), {"reload"});
    EXPECT_EQ(good.code, 0);
    EXPECT_EQ(good.out, "reloaded:\n  server files: new\n");
    EXPECT_THAT(asked, StartsWith("POST /v1/reload HTTP/1.1\r\n"));
    const Ran bad = against(FakeDaemon::json(422, R"({"problems":["a.yaml:1:1: no"]})"), {"reload"});
    EXPECT_EQ(bad.code, 78);
    EXPECT_EQ(bad.err, "a.yaml:1:1: no\nagenthost: nothing was changed: the old configuration stays\n");
    EXPECT_EQ(against(FakeDaemon::json(422, R"({"problems":["x"]})"), {"--json", "reload"}).code, 78);
}

TEST_F(Verbs, ReconnectByName)
{
    EXPECT_EQ(against(FakeDaemon::json(200, R"({"ok":true})"), {"reconnect", "files"}).code, 0);
    EXPECT_THAT(asked, EndsWith("\r\n\r\n{\"name\":\"files\"}"));
    const Ran unknown =
        against(FakeDaemon::json(404, R"({"error":{"code":"NOT_FOUND","message":"no server named \"x\""}})"),
                {"reconnect", "x"});
    EXPECT_EQ(unknown.code, 1);
    EXPECT_EQ(unknown.err, "agenthost: no server named \"x\"\n");
}

TEST_F(Verbs, ReportRepliesThatAreNotHttp)
{
    for (const FakeDaemon::Pieces& pieces : {FakeDaemon::Pieces{"garbage\r\n\r\n"},
                                             {""},
                                             {"HTTP/1.1 200 OK\r\n"},
                                             {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"},
                                             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
                                             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"},
                                             {std::string(100'000, 'x')}}) {
        const Ran ran = against(pieces, {"status"});
        EXPECT_EQ(ran.code, 1);
        EXPECT_EQ(ran.out, "");
        EXPECT_THAT(ran.err, StartsWith("agenthost: "));
    }
}

TEST(Printing, AlignsByCharactersAndLeavesNoTrailingSpace)
{
    using agenthost::host::cli::Table;
    Table table;
    table.row({"ä", "b", "c"});
    table.row({"long", "", ""});
    table.row({"x\033y", "b", ""});
    EXPECT_EQ(table.text(false), "  ä     b  c\n  long\n  x?y   b\n");
}

TEST(Printing, PrintsReadableSizesAndDurations)
{
    using namespace agenthost::host::cli;
    EXPECT_EQ(human_size(0), "0 B");
    EXPECT_EQ(human_size(1023), "1023 B");
    EXPECT_EQ(human_size(1536), "1.5 KiB");
    EXPECT_EQ(human_size(150ull << 30), "150 GiB");
    EXPECT_EQ(human_span(-5), "0s");
    EXPECT_EQ(human_span(59), "59s");
    EXPECT_EQ(human_span(61), "1m 1s");
    EXPECT_EQ(human_span(90'000), "1d 1h");
    EXPECT_EQ(paint("x", Colour::bad, true), "\033[31mx\033[0m");
}

} // namespace

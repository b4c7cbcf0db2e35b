// `agenthost status` as a person sees it, word for word.
#include "host/cli/status_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using agenthost::host::cli::status_text;
using nlohmann::json;

namespace {

constexpr std::int64_t now = 1'763'660'640'000;

json busy()
{
    return json::parse(
        R"({"agent_id":"node-01","version":"0.1.0","pid":4711,"uptime_s":11520,"ready":true,"draining":false,
      "servers":[
        {"name":"files","protocol":"storage","url":"wss://files.example.com/agent","state":"ready","problem":"","failures":0,
         "connected_since":1763653440000,"next_attempt":0,"bytes_in":1258291,"bytes_out":2048,"dropped":0,"malformed":0},
        {"name":"games","protocol":"panel","url":"wss://panel.example.com/ws","state":"waiting","problem":"connection refused",
         "failures":5,"connected_since":0,"next_attempt":1763660652000,"bytes_in":0,"bytes_out":0,"dropped":2,"malformed":1},
        {"name":"ops","protocol":"signed","url":"wss://ops.example.com/agent","state":"connecting","problem":"","failures":1,
         "notice":"this machine's clock is 42 s ahead","connected_since":0,"next_attempt":0,"bytes_in":0,"bytes_out":0}],
      "listeners":[{"name":"control","address":"unix:/run/agenthost/control.sock","connections":1},
                   {"name":"hub","address":"https://127.0.0.1:3001","connections":3,"websockets":2,"requests":9,"refused":0}],
      "plugins":[{"id":"storage","version":"0.1.0","state":"running","healthy":true,"problem":"","queued":0,"invoked":12},
                 {"id":"printer","version":"0.1.0","state":"running","healthy":false,"problem":"Kitchen: no paper","queued":1,
                  "invoked":3,"isolated":true,"runner_pid":88},
                 {"id":"nosuch","version":"","state":"failed","healthy":false,"problem":"no nosuch.manifest.json lies in /x"}],
      "dispatch":{"in_flight":1,"succeeded":11,"failed":2,"refused":1,"timed_out":3,"dropped_events":7,"dropped_results":0},
      "journal":{"rows":12,"rows_max":100000,"bytes":40960,"undelivered":4,"full":0,"failures":0},
      "audit":{"dropped":0},"process":{"rss_bytes":14680064,"open_fds":23,"threads":9,"cpu_s":61.4},"facts":{}})");
}

TEST(StatusText, ShowsEverything)
{
    EXPECT_EQ(status_text(busy(), now, false),
              R"(node-01  ready  agenthost 0.1.0, pid 4711, up 3h 12m
1 of 3 servers connected, 1 of 3 plugins healthy

Servers
  NAME   PROTOCOL  STATE       SINCE                        IN       OUT      SERVER
  files  storage   ready       2h 0m                        1.2 MiB  2.0 KiB  wss://files.example.com/agent
  games  panel     waiting     next try in 12s, 5 failures  0 B      0 B      wss://panel.example.com/ws
  ops    signed    connecting  1 failure                    0 B      0 B      wss://ops.example.com/agent
  ! games: connection refused
  ! games: 2 messages dropped because its send queue was full
  ! games: 1 frame of it could not be used
  ! ops: this machine's clock is 42 s ahead

Listeners
  NAME  ADDRESS                 CONNECTIONS  WEBSOCKETS  REQUESTS  REFUSED
  hub   https://127.0.0.1:3001  3            2           9         0

Plugins
  ID       VERSION  STATE      WAITING  CALLS
  storage  0.1.0    running    0        12
  printer  0.1.0    unhealthy  1        3      own process 88
  nosuch            failed     0        0
  ! printer: Kitchen: no paper
  ! nosuch: no nosuch.manifest.json lies in /x

Work
  commands: 1 running, 11 succeeded, 2 failed, 1 refused, 3 timed out
  journal:  12 rows of 100000, 40.0 KiB, 4 results wait for their server
  process:  14.0 MiB of memory, 23 descriptors, 9 threads, 1m 1s of CPU
  ! 7 events dropped: queue full, or not supported by the server's protocol
)");
}

// The latest problem says what is wrong now; how it began says why.
TEST(StatusText, ShowsCauseAndStartOfAnOutage)
{
    auto status = busy();
    json& games = status["servers"][1];
    games["first_problem"] = "the proxy proxy.example.com refused CONNECT";
    games["first_problem_at"] = now - 600'000;
    games["problem_at"] = now - 1'000;
    EXPECT_NE(
        status_text(status, now, false)
            .find("  ! games: connection refused\n  ! games: offline for 10m 0s; the first cause: the proxy "
                  "proxy.example.com refused CONNECT\n"),
        std::string::npos)
        << status_text(status, now, false);
    games["first_problem"] = "connection refused"; // the same all the time
    EXPECT_NE(status_text(status, now, false).find("  ! games: offline for 10m 0s\n"), std::string::npos);
    games["state"] = "ready"; // and not settled yet
    EXPECT_EQ(status_text(status, now, false).find("offline for"), std::string::npos);
}

TEST(StatusText, ShowsUnusableAndTooLargeMessages)
{
    auto status = busy();
    status["servers"][1]["malformed_last"] = "JSON error (5 bytes, not JSON)";
    status["servers"][0]["too_large"] = 2;
    const auto text = status_text(status, now, false);
    EXPECT_NE(text.find("! games: 1 frame of it could not be used; the last: JSON error (5 bytes, not JSON)"),
              std::string::npos)
        << text;
    EXPECT_NE(
        text.find("! files: 2 messages were larger than the server accepts (limits.peer_message_bytes)"),
        std::string::npos)
        << text;
}

TEST(StatusText, IsShortForAnEmptyDaemon)
{
    EXPECT_EQ(status_text(json::parse(R"({"agent_id":"n","version":"1","pid":7,"uptime_s":0,"ready":false})"),
                          now, false),
              R"(n  starting  agenthost 1, pid 7, up 0s

No server is configured (servers: in agenthost.yaml).

No plugin is enabled (plugins: in agenthost.yaml; `agenthost plugin list` lists what is installed).

Work
  commands: 0 running, 0 succeeded, 0 failed
  journal:  0 rows
)");
}

TEST(StatusText, NamesEachAlarm)
{
    const auto text = status_text(json::parse(R"({"draining":true,"dispatch":{"dropped_results":1},
        "journal":{"rows":1,"undelivered":1,"full":2,"failures":3},"audit":{"dropped":4}})"),
                                  now, false);
    for (const char* part : {"shutting down", "1 row, 1 result waits for its server", "! 1 results dropped",
                             "! 2 commands refused because the journal was full",
                             "! 3 failed journal commits", "! 4 audit lines lost"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(StatusText, ShowsEachConditionAndSinceWhen)
{
    const auto text = status_text(json::parse(R"({"ready":true,"conditions":[
        {"id":"journal","reason":"/x/journal.db: the disk is full. Free space.","grade":"degraded","since":)" +
                                              std::to_string(now - 125'000) + R"(},
        {"id":"plugin hub","reason":"said with the plugin","grade":"degraded","since":1}],
        "plugins":[{"id":"hub","version":"1","state":"running","healthy":false,"degraded":true,"problem":"slow disk"}]})"),
                                  now, false);
    EXPECT_NE(text.find("! journal: /x/journal.db: the disk is full. Free space. (for 2m"), std::string::npos)
        << text;
    EXPECT_EQ(text.find("said with the plugin"), std::string::npos) << text;
    EXPECT_NE(text.find("hub  1        degraded"), std::string::npos) << text;
    EXPECT_NE(text.find("! hub: slow disk"), std::string::npos) << text;
}

TEST(StatusText, UsesColoursOnlyOnRequest)
{
    EXPECT_EQ(status_text(busy(), now, false).find('\033'), std::string::npos);
    const auto coloured = status_text(busy(), now, true);
    EXPECT_NE(coloured.find("\033[31m1 of 3 servers connected\033[0m"), std::string::npos) << coloured;
    EXPECT_NE(coloured.find("\033[32mready\033[0m"), std::string::npos);
    std::string plain;
    for (std::size_t i = 0; i < coloured.size(); ++i) {
        if (coloured[i] == '\033')
            i = coloured.find('m', i);
        else
            plain += coloured[i];
    }
    EXPECT_EQ(plain, status_text(busy(), now, false)); // the same words
}

TEST(StatusText, RemovesEscapeSequencesFromUntrustedText)
{
    auto status = busy();
    status["servers"][1]["problem"] = "\033[2Jgone";
    status["servers"][2]["notice"] = "\033[2Jodd";
    status["agent_id"] = "\033[2Jme";
    EXPECT_EQ(status_text(status, now, false).find('\033'), std::string::npos);
}

} // namespace

// Sources together: what is forwarded, what is dropped, what is kept.
#include "plugins/telemetry/logs.hpp"
#include "tests/support/support.hpp"
#include "tests/unit/telemetry/append.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

using namespace agenthost::telemetry;
using namespace agenthost::test;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

struct Forwarding : testing::Test {
    TempDir dir;
    std::filesystem::path file = dir / "app.log", state = dir / "logs.json";
    Config config;
    std::vector<std::string> sent, said;
    bool host_takes = true;
    std::chrono::nanoseconds now = 100s;

    void SetUp() override
    {
        append(file, "");
        config.logs = {{.path = file, .level = {}, .source = "app"}};
    }
    std::unique_ptr<Logs> logs()
    {
        return std::make_unique<Logs>(
            config, state,
            Logs::Outputs{.forward =
                              [this](const Line& line) {
                                  if (host_takes) sent.push_back(line_text(line).substr(25));
                                  return host_takes;
                              },
                          .log = [this](const std::string& text) { said.push_back(text); }});
    }
};

TEST_F(Forwarding, SendsLinesWithTheirLevelAndSource)
{
    const auto all = logs();
    all->poll(now, 0);
    append(file, "plain\n2026 ERROR broken\n");
    all->poll(now += 1s, 0);
    EXPECT_THAT(sent, ElementsAre("info app: plain", "error app: 2026 ERROR broken"));
    EXPECT_EQ(all->forwarded(), 2u);
    EXPECT_EQ(nlohmann::json::parse(all->warnings_json()).size(), 1u);
    EXPECT_EQ(all->recent().size(), 2u);
}

TEST_F(Forwarding, AConfiguredLevelOverridesTheLinesOwn)
{
    config.logs[0].level = Severity::warn;
    const auto all = logs();
    all->poll(now, 0);
    append(file, "ERROR not really\n");
    all->poll(now += 1s, 0);
    EXPECT_THAT(sent, ElementsAre("warn app: ERROR not really"));
}

TEST_F(Forwarding, OmitsLinesBelowTheLevel)
{
    config.forward = Severity::warn;
    const auto all = logs();
    all->poll(now, 0);
    append(file, "plain\nWARN x\n");
    all->poll(now += 1s, 0);
    EXPECT_THAT(sent, ElementsAre("warn app: WARN x"));
    EXPECT_EQ(all->dropped(), 0u); // not wanted is not dropped
    EXPECT_EQ(all->recent().size(), 2u);
}

TEST_F(Forwarding, DropsLinesAboveTheRateAndReportsTheirNumber)
{
    config.log_rate = 10;
    config.log_burst = 5;
    const auto all = logs();
    all->poll(now, 0);
    std::string many;
    for (int i = 0; i < 50; ++i) many += "line\n";
    append(file, many);
    all->poll(now += 1s, 0);
    ASSERT_EQ(sent.size(), 6u);
    EXPECT_EQ(sent.back(),
              "warn telemetry: 45 log lines were not forwarded: more than 10 a second, or more than the "
              "host could accept");
    EXPECT_THAT(said, ElementsAre(HasSubstr("45 log lines were not forwarded")));
    EXPECT_EQ(all->dropped(), 45u);
    append(file, many);
    all->poll(now += 1s, 0);
    EXPECT_EQ(said.size(), 1u); // not every second
    all->poll(now += 10s, 0);
    EXPECT_THAT(said.back(), HasSubstr("45 log lines"));
    EXPECT_EQ(said.size(), 2u);
}

TEST_F(Forwarding, CountsLinesTheHostRefused)
{
    host_takes = false;
    const auto all = logs();
    all->poll(now, 0);
    append(file, "x\n");
    all->poll(now += 1s, 0);
    EXPECT_EQ(all->dropped(), 1u);
    EXPECT_EQ(all->forwarded(), 0u);
}

TEST_F(Forwarding, TakesTheDaemonsLinesFromItsLevelOn)
{
    const auto all = logs();
    all->daemon_line(
        R"({"at":1763660640123,"level":"warning","source":"session files","message":"gone","fields":{"a":1}})",
        now);
    all->daemon_line(R"({"at":1763660640123,"level":"error","source":"agenthost","message":"bad"})", now);
    all->daemon_line(R"({"at":1,"level":"info","source":"agenthost","message":"fine"})", now);
    all->daemon_line("no json", now);
    all->daemon_line(R"({"at":"x","level":7})", now);
    EXPECT_THAT(sent, ElementsAre(R"(warn agenthost/session files: gone {"a":1})", "error agenthost: bad"));
    all->daemon_lost(3);
    EXPECT_EQ(all->dropped(), 3u);
    const auto warnings = nlohmann::json::parse(all->warnings_json());
    ASSERT_EQ(warnings.size(), 2u);
    EXPECT_THAT(warnings[1].get<std::string>(), HasSubstr("2025-11-20T17:44:00.123Z error agenthost: bad"));
}

TEST_F(Forwarding, DoesNotForwardTheDaemonsLogWhenOff)
{
    config.daemon_log.reset();
    const auto all = logs();
    all->daemon_line(R"({"at":1,"level":"error","source":"agenthost","message":"bad"})", now);
    EXPECT_THAT(sent, IsEmpty());
    EXPECT_EQ(nlohmann::json::parse(all->warnings_json()).size(), 1u); // print's heartbeat still tells
}

TEST_F(Forwarding, KeepsTheLastTwentyWarnings)
{
    const auto all = logs();
    for (int i = 0; i < 50; ++i)
        all->daemon_line(R"({"at":1,"level":"error","source":"x","message":")" + std::to_string(i) + "\"}",
                         now);
    const auto warnings = nlohmann::json::parse(all->warnings_json());
    ASSERT_EQ(warnings.size(), 20u);
    EXPECT_THAT(warnings[0].get<std::string>(), testing::EndsWith(": 30"));
    EXPECT_THAT(warnings[19].get<std::string>(), testing::EndsWith(": 49"));
    for (int i = 0; i < 500; ++i)
        all->daemon_line(R"({"at":1,"level":"info","source":"x","message":"y"})", now);
    EXPECT_EQ(all->recent().size(), Logs::max_recent);
}

TEST_F(Forwarding, ResumesAfterARestart)
{
    {
        const auto all = logs();
        all->poll(now, 0);
        append(file, "one\n");
        all->poll(now += 1s, 0);
        all->daemon_position = 77;
    }
    EXPECT_EQ(std::filesystem::status(state).permissions(), std::filesystem::perms{0600});
    append(file, "while away\n");
    sent.clear();
    const auto again = logs();
    EXPECT_EQ(again->daemon_position, 77u);
    again->poll(now += 1s, 0);
    EXPECT_THAT(sent, ElementsAre("info app: while away"));
}

TEST_F(Forwarding, SavesWhileItRuns)
{
    const auto all = logs();
    all->poll(now, 0);
    append(file, "one\n");
    all->poll(now += 11s, 0);
    const auto saved = nlohmann::json::parse(read_file(state));
    EXPECT_EQ(saved["files"][file.string()]["offset"], 4);
}

TEST_F(Forwarding, ABrokenStateFileIsAFreshStart)
{
    for (const char* text : {"", "{", "[]", R"({"daemon":"x","files":{}})", R"({"files":{"/a":7}})",
                             R"({"daemon":1,"files":{"/a":{"inode":"x"}}})"}) {
        write_file(state, text);
        append(file, "old\n");
        sent.clear();
        const auto all = logs();
        all->poll(now, 0);
        EXPECT_THAT(sent, IsEmpty()) << text;
        append(file, "new\n");
        all->poll(now += 1s, 0);
        EXPECT_THAT(sent, ElementsAre("info app: new")) << text;
    }
}

TEST_F(Forwarding, ReportsOnceThatAFileCannotBeRead)
{
    config.logs = {{.path = dir / "missing", .level = {}, .source = "m"}};
    const auto all = logs();
    for (int i = 0; i < 5; ++i) all->poll(now += 1s, 0);
    EXPECT_THAT(said, ElementsAre(HasSubstr("No such file")));
    EXPECT_EQ(all->problems().size(), 1u);
    append(dir / "missing", "x\n");
    all->poll(now += 1s, 0);
    EXPECT_THAT(all->problems(), IsEmpty());
}

TEST_F(Forwarding, CutsLongLines)
{
    const auto all = logs();
    all->poll(now, 0);
    append(file, std::string(20'000, 'x') + "\n");
    all->poll(now += 1s, 0);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0], "info app: " + std::string(Splitter::max_line, 'x') + "...");
    EXPECT_LE(all->recent().back().message.size(), 1024u);
}

} // namespace

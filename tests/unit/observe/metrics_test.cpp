// Prometheus' text: what is in it, and what can never be.
#include "host/observe/loop_stamp.hpp"
#include "host/observe/metrics.hpp"
#include "host/observe/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace agenthost::host;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using Outcome = agenthost::wire::Outcome;

namespace {

std::size_t count(const std::string& text, std::string_view what)
{
    std::size_t n = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
    return n;
}

TEST(Metrics, CountCommandsByActionAndOutcome)
{
    Metrics metrics;
    metrics.command("storage.info", Outcome::success, 2ms);
    metrics.command("storage.info", Outcome::success, 20ms);
    metrics.command("storage.info", Outcome::unknown, 1s);
    metrics.command("host.ping", Outcome::not_started, 1us);
    const auto text = metrics.text();
    EXPECT_THAT(text, HasSubstr(R"(agenthost_commands_total{action="storage.info",outcome="success"} 2)"));
    EXPECT_THAT(text, HasSubstr(R"(agenthost_commands_total{action="storage.info",outcome="unknown"} 1)"));
    EXPECT_THAT(text, HasSubstr(R"(agenthost_commands_total{action="host.ping",outcome="not_started"} 1)"));
    EXPECT_THAT(text, Not(HasSubstr("interrupted"))); // no empty series
    EXPECT_THAT(text, HasSubstr(R"(agenthost_command_seconds_bucket{action="storage.info",le="0.003"} 1)"));
    EXPECT_THAT(text, HasSubstr(R"(agenthost_command_seconds_count{action="storage.info"} 3)"));
}

TEST(Metrics, CountUnknownActionsAsOther)
{
    Metrics metrics;
    metrics.command("", Outcome::error, 1us);
    metrics.command("", Outcome::error, 1us);
    EXPECT_THAT(metrics.text(), HasSubstr(R"(agenthost_commands_total{action="other",outcome="error"} 2)"));
}

TEST(Metrics, BoundTheNumberOfActions)
{
    Metrics metrics;
    for (std::size_t i = 0; i < Metrics::max_actions * 2; ++i)
        metrics.command("plugin.action" + std::to_string(i), Outcome::success, 1us);
    const auto text = metrics.text();
    EXPECT_LE(count(text, "agenthost_commands_total{"), Metrics::max_actions + 1);
    EXPECT_THAT(text, HasSubstr(R"(agenthost_commands_total{action="other",outcome="success"} 256)"));
}

TEST(Metrics, ReadTheirSourcesOnEachRequest)
{
    Metrics metrics;
    int value = 1;
    metrics.source([&](Sheet& sheet) {
        sheet.gauge("x_state", "A thing.", value, {{"name", "a\"b"}});
        sheet.gauge("x_state", "A thing.", 5, {{"name", "c"}});
        sheet.counter("x_total", "Things.", value);
    });
    value = 7;
    const auto text = metrics.text();
    EXPECT_THAT(text, HasSubstr("# HELP x_state A thing.\n# TYPE x_state gauge\nx_state{name=\"a\\\"b\"} "
                                "7\nx_state{name=\"c\"} 5\n"));
    EXPECT_THAT(text, HasSubstr("# TYPE x_total counter\nx_total 7\n"));
    EXPECT_EQ(count(text, "# TYPE x_state"), 1u);
    value = 8;
    EXPECT_THAT(metrics.text(), HasSubstr("x_total 8\n"));
}

TEST(Metrics, BoundTheSamplesOfASheet)
{
    Metrics metrics;
    metrics.source([&](Sheet& sheet) {
        for (std::size_t i = 0; i < Sheet::max_samples * 2; ++i)
            sheet.gauge("y", "Y.", 1, {{"i", std::to_string(i)}});
    });
    EXPECT_EQ(count(metrics.text(), "y{"), Sheet::max_samples);
}

TEST(Metrics, BoundTheMetricsOfAPlugin)
{
    Metrics metrics;
    std::uint32_t id = 0;
    for (std::size_t i = 0; i < Metrics::label_sets_per_metric; ++i)
        EXPECT_EQ(metrics.define(
                      "p", R"({"name":"n","type":"gauge","labels":{"i":")" + std::to_string(i) + "\"}}", &id),
                  AGH_OK);
    EXPECT_EQ(metrics.define("p", R"({"name":"n","type":"gauge","labels":{"i":"more"}})", &id), AGH_E_BUSY);
    EXPECT_EQ(metrics.define("p", R"({"name":"N","type":"gauge"})", &id), AGH_E_INVALID);
    EXPECT_EQ(metrics.define("p", "no", &id), AGH_E_INVALID);
    EXPECT_EQ(metrics.define("p", R"({"name":"c_total","type":"counter"})", &id), AGH_OK);
    metrics.record("p", id, 3);
    metrics.record("p", id, -1);
    metrics.record("q", id, 100); // another plugin's
    metrics.record("p", 9999, 1);
    EXPECT_THAT(metrics.text(), HasSubstr("agenthost_plugin_p_c_total 3\n"));
}

TEST(Process, IsParsedFromProcStat)
{
    const auto cost = parse_process(
        "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 900 0 1 0 250 50 0 0 20 0 9 0 1000 123456 300 "
        "18446744073709551615 1 1 0 0 0",
        100, 4096, 5000);
    ASSERT_TRUE(cost);
    EXPECT_DOUBLE_EQ(cost->cpu_s, 3.0);
    EXPECT_EQ(cost->threads, 9u);
    EXPECT_DOUBLE_EQ(cost->started_s, 5010);
    EXPECT_EQ(cost->virtual_bytes, 123456u);
    EXPECT_EQ(cost->rss, 300u * 4096);
    for (const char* text :
         {"", "1 (x", "1 (x) S 1 2", "1 (x) S a b c d e f g h i j k l m n o p q r s t u v w"})
        EXPECT_FALSE(parse_process(text, 100, 4096, 0)) << text;
}

TEST(Process, ReadsThisProcess)
{
    const auto cost = process_cost();
    EXPECT_GT(cost.rss, 1u << 20);
    EXPECT_GE(cost.threads, 1u);
    EXPECT_GE(cost.open_fds, 3u);
    EXPECT_GE(cost.max_fds, cost.open_fds);
    EXPECT_GT(cost.started_s, 1.7e9);
}

TEST(LoopStamp, MeasuresTheTimeSinceTheLastTurn)
{
    const LoopStamp::Clock::time_point start{100s};
    LoopStamp stamp{start};
    EXPECT_EQ(stamp.age(start + 3s), 3s);
    stamp.stamp(start + 3s);
    EXPECT_EQ(stamp.age(start + 4s), 1s);
}

} // namespace

// The plugin as the host sees it: facts, metrics, events, actions, health.
#include "plugins/telemetry/plugin.cpp"

#include "tests/support/support.hpp"

#include <agenthost/testing/fake_host.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

using agenthost::test::read_file;
using agenthost::test::TempDir;
using agenthost::testing::FakeHost;
using agenthost::testing::FakeReply;
using nlohmann::json;
using testing::HasSubstr;

namespace {

const char* const well =
    R"({"agent_id":"node-01","version":"9","uptime_s":7,"servers":[{"name":"files","state":"ready","problem":""}],
    "plugins":[{"id":"telemetry","state":"running","healthy":true,"problem":""}]})";
const char* const sick =
    R"({"agent_id":"node-01","servers":[{"name":"files","state":"waiting","problem":"refused"}],
    "plugins":[{"id":"printer","state":"failed","healthy":false,"problem":"no device"}]})";

struct TelemetryPlugin : testing::Test {
    std::unique_ptr<FakeHost> host;
    void make(const std::string& config = "{}")
    {
        host = std::make_unique<FakeHost>(agh_plugin_entry_v1, config);
        host->on_call = [](std::string_view action, std::string_view) {
            return action == "host.status" ? FakeReply{.json = well}
                                           : FakeReply{.status = AGH_E_DENIED, .json = "{}"};
        };
    }
    bool has_figures()
    {
        return host->wait([&] { return host->facts().contains("metrics"); });
    }
    json call(const std::string& action, const std::string& params = "{}")
    {
        const auto reply = host->call(action, params);
        EXPECT_TRUE(reply.ok()) << reply.json;
        return json::parse(reply.json, nullptr, false);
    }
};

TEST_F(TelemetryPlugin, PublishesTheCommonFacts)
{
    make();
    ASSERT_TRUE(host->start().ok());
    ASSERT_TRUE(has_figures());
    const auto facts = host->facts();
    const auto load = json::parse(facts.at("system_load"));
    for (const char* key : {"cpu", "memory", "disk"}) {
        EXPECT_GE(load.at(key).get<double>(), 0) << key;
        EXPECT_LE(load.at(key).get<double>(), 100) << key;
    }
    const auto metrics = json::parse(facts.at("metrics"));
    EXPECT_EQ(metrics.size(), 6u);
    EXPECT_EQ(metrics.at("load_average").size(), 3u);
    EXPECT_TRUE(json::parse(facts.at("telemetry")).at("memory").contains("total_bytes"));
    EXPECT_GT(host->metrics().at("memory_total_bytes"), 0);
    EXPECT_TRUE(host->wait([&] { return host->metrics().contains("cpu_percent"); })); // after the facts
    EXPECT_TRUE(host->mistakes().empty());
}

// A panel may ping as soon as a session is open, and sessions open when start() has returned.
TEST_F(TelemetryPlugin, HasASystemLoadWhenStartReturns)
{
    make();
    ASSERT_TRUE(host->start().ok());
    const auto facts = host->facts();
    ASSERT_TRUE(facts.contains("system_load"));
    const auto load = json::parse(facts.at("system_load"));
    EXPECT_GT(load.at("memory").get<double>(), 0);
    EXPECT_GT(load.at("cpu").get<double>(), 0); // the average since the boot: a running machine has used some
    EXPECT_TRUE(host->mistakes().empty());
}

TEST_F(TelemetryPlugin, ForwardsAFilesLinesAsEvents)
{
    TempDir dir;
    std::ofstream{dir / "app.log"} << "old\n";
    make(R"({"logs":[{"path":")" + (dir / "app.log").string() + R"(","source":"shop"}]})");
    ASSERT_TRUE(host->start().ok());
    ASSERT_TRUE(host->wait([&] { return host->metrics().contains("log_lines_forwarded_total"); }));
    std::ofstream{dir / "app.log", std::ios::app} << "WARN paper is low\n";
    ASSERT_TRUE(host->wait([&] { return !host->events().empty(); }));
    const auto event = host->events().front();
    EXPECT_EQ(event.topic, "telemetry.log");
    EXPECT_EQ(event.audience, "*");
    const auto line = json::parse(event.json);
    EXPECT_EQ(line.at("level"), "warn");
    EXPECT_EQ(line.at("message"), "WARN paper is low");
    EXPECT_EQ(line.at("source"), "shop");
    EXPECT_GT(line.at("at").get<std::int64_t>(), 1'700'000'000'000);
    ASSERT_TRUE(host->wait([&] { return host->facts().contains("logs"); }));
    EXPECT_THAT(json::parse(host->facts().at("logs")).at(0).get<std::string>(),
                HasSubstr("warn shop: WARN paper is low"));
    const auto lines = call("telemetry.logs", R"({"level":"warn"})");
    EXPECT_EQ(lines.at("lines").size(), 1u);
    EXPECT_EQ(lines.at("forwarded"), 1);
}

TEST_F(TelemetryPlugin, ForwardsTheDaemonsOwnLog)
{
    make();
    host->daemon_log(AGH_LOG_WARN, R"({"at":5,"level":"warning","source":"session files","message":"away"})");
    host->daemon_log(AGH_LOG_INFO, R"({"at":6,"level":"info","source":"session files","message":"quiet"})");
    ASSERT_TRUE(host->start().ok());
    ASSERT_TRUE(host->wait([&] { return !host->events().empty(); }));
    EXPECT_EQ(json::parse(host->events().front().json),
              json::parse(R"({"level":"warn","message":"away","source":"agenthost/session files","at":5})"));
    EXPECT_EQ(host->events().size(), 1u);
}

TEST_F(TelemetryPlugin, WorksForAHostWithoutTheLogTap)
{
    make();
    host->log_tap_permitted = false;
    ASSERT_TRUE(host->start().ok());
    EXPECT_TRUE(has_figures());
}

TEST_F(TelemetryPlugin, AnswersTheSignedProtocolsCommands)
{
    make();
    ASSERT_TRUE(host->start().ok());
    ASSERT_TRUE(has_figures());
    EXPECT_EQ(call("telemetry.version").at("version"), AGENTHOST_VERSION);
    EXPECT_EQ(call("telemetry.machine_id").at("machine_id").get<std::string>().size(), 32u);
    const auto status = call("telemetry.status");
    EXPECT_EQ(status.at("agent").at("id"), "node-01");
    EXPECT_EQ(status.at("agent").at("servers_ready"), 1);
    EXPECT_TRUE(status.at("system_load").contains("cpu"));
    const auto metrics = call("telemetry.metrics");
    EXPECT_TRUE(metrics.at("metrics").contains("network_in_bps"));
    EXPECT_TRUE(metrics.at("detail").contains("filesystems"));
}

TEST_F(TelemetryPlugin, AHealthCheckNamesTheProblem)
{
    make(R"({"health":{"load":1000}})");
    host->on_call = [](std::string_view, std::string_view) { return FakeReply{.json = sick}; };
    ASSERT_TRUE(host->start().ok());
    const auto verdict = call("telemetry.health_check");
    EXPECT_EQ(verdict.at("status"), "unhealthy"); // a failed plugin is critical
    const auto find = [&](const std::string& name) {
        for (const auto& check : verdict.at("checks"))
            if (check.at("name") == name) return check;
        return json{};
    };
    EXPECT_EQ(find("plugin printer").at("status"), "critical");
    EXPECT_EQ(find("plugin printer").at("message"), "no device");
    EXPECT_EQ(find("server files").at("status"), "warning");
    EXPECT_EQ(find("server files").at("message"), "waiting: refused");
    EXPECT_TRUE(find("memory").at("value").is_number());
}

TEST_F(TelemetryPlugin, AHealthCheckReportsAMissingHostStatus)
{
    make();
    host->on_call = nullptr;
    ASSERT_TRUE(host->start().ok());
    const auto verdict = call("telemetry.health_check");
    EXPECT_NE(verdict.at("status"), "healthy");
    EXPECT_THAT(verdict.dump(), HasSubstr("the agent did not report its health"));
}

TEST_F(TelemetryPlugin, IsDegradedWhileALogCannotBeRead)
{
    make(R"({"logs":[{"path":"/nonexistent/x.log"}]})");
    ASSERT_TRUE(host->start().ok());
    ASSERT_TRUE(host->wait([&] { return host->health().status == AGH_E_BUSY; }));
    EXPECT_THAT(host->health().text, HasSubstr("/nonexistent/x.log"));
}

TEST_F(TelemetryPlugin, RejectsAnInvalidConfiguration)
{
    for (const auto& [config, part] :
         {std::pair{R"({"interval":"soon"})", "plugins.telemetry.config.interval"},
          {R"({"interval":"1ms"})", "interval"},
          {R"({"logs":[{"path":"relative"}]})", "logs[0].path"},
          {R"({"logs":[{"path":"/a"},{"path":"/a"}]})", "twice"},
          {R"({"logs":[{"path":"/a","level":"loud"}]})", "logs[0].level"},
          {R"({"disk":"here"})", "disk"}}) {
        make(config);
        const auto said = host->create();
        EXPECT_FALSE(said.ok()) << config;
        EXPECT_THAT(said.text, HasSubstr(part)) << config;
    }
}

TEST_F(TelemetryPlugin, EndsInTheMiddleOfItsWork)
{
    for (int i = 0; i < 10; ++i) {
        make(R"({"interval":"500ms"})");
        ASSERT_TRUE(host->start().ok());
        host->invoke("telemetry.health_check");
        EXPECT_TRUE(host->drain());
        host.reset();
    }
}

TEST(TelemetryManifest, DeclaresWhatThePluginDoes)
{
    const auto manifest =
        json::parse(read_file(agenthost::test::source_dir() / "plugins/telemetry/manifest.json"));
    for (const auto& [word, action] : manifest.at("aliases").at("signed").items()) {
        bool known = false;
        for (const auto& one : manifest.at("actions")) known = known || one.at("name") == action;
        EXPECT_TRUE(known) << word;
    }
    for (const char* word : {"run_health_check", "get_version", "get_machine_id", "get_status"})
        EXPECT_TRUE(manifest.at("aliases").at("signed").contains(word)) << word;
}

} // namespace

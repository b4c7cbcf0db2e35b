// The plugin in a real daemon, in its process and in a runner: what a server sees does not depend on it.
#include "tests/support/daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;

namespace {

struct Telemetry : testing::TestWithParam<std::string> {
    std::string yaml(const std::string& config) const
    {
        return "plugins:\n  telemetry: {enabled: true, required: true, isolation: " + GetParam() +
               ", config: {" + config + "}}\n";
    }
    static json data(const Ran& ran)
    {
        const json answer = json::parse(ran.out, nullptr, false);
        EXPECT_TRUE(answer.is_object()) << ran.out << ran.err;
        return answer.is_object() && answer.contains("data") ? answer["data"] : answer;
    }
    static json facts(Daemon& daemon)
    {
        const auto status = daemon.status();
        return status.is_object() ? status["facts"].value("telemetry", json::object()) : json::object();
    }
};
INSTANTIATE_TEST_SUITE_P(Both, Telemetry, testing::Values("in-process", "process"),
                         [](const auto& info) { return info.param == "process" ? "Process" : "InProcess"; });

TEST_P(Telemetry, ProvidesFactsMetricsAndActions)
{
    Daemon daemon{{.yaml = yaml("interval: 500ms, health: {disk: 100, memory: 100, load: 1000}")}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    ASSERT_TRUE(wait_for([&] { return facts(daemon).contains("metrics"); })) << daemon.log();
    const auto now = facts(daemon);
    EXPECT_TRUE(now["system_load"]["memory"].is_number());
    EXPECT_EQ(now["metrics"]["load_average"].size(), 3u);
    EXPECT_TRUE(now["telemetry"]["filesystems"].is_array());

    const auto check = data(daemon.call("telemetry.health_check"));
    EXPECT_TRUE(check["status"].is_string()) << check.dump();
    EXPECT_THAT(check.dump(), HasSubstr(R"({"name":"plugin telemetry","status":"ok"})"));
    EXPECT_EQ(data(daemon.call("telemetry.status"))["agent"]["id"], "node-01");
    EXPECT_EQ(data(daemon.call("telemetry.machine_id"))["machine_id"].get<std::string>().size(), 32u);
    EXPECT_TRUE(data(daemon.call("telemetry.version"))["version"].is_string());
    EXPECT_TRUE(data(daemon.call("telemetry.metrics"))["detail"].is_object());

    std::string metrics;
    ASSERT_TRUE(wait_for([&] {
        metrics = run({"curl", "-sS", "--unix-socket", daemon.control(), "http://localhost/metrics"}).out;
        return metrics.find("agenthost_plugin_telemetry_cpu_percent ") != std::string::npos;
    })) << metrics;
    EXPECT_THAT(metrics, HasSubstr("agenthost_plugin_telemetry_memory_total_bytes "));
    EXPECT_THAT(metrics, HasSubstr(R"(agenthost_plugin_telemetry_load_average{minutes="5"} )"));
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

TEST_P(Telemetry, ReadsTheDaemonsLogButNotItsOwn)
{
    TempDir logs;
    std::ofstream{logs / "shop.log"} << "old\n";
    Daemon daemon{
        {.yaml = "servers: [{name: away, protocol: storage, url: 'ws://127.0.0.1:1/', credential: {env: "
                 "NOBODY}}]\n" +
                 yaml("logs: [{path: '" + (logs / "shop.log").string() + "'}, {path: '/nonexistent/log'}]")}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    std::string text;
    ASSERT_TRUE(wait_for([&] { // the daemon complains of its server
        text = daemon.call("telemetry.logs").out;
        return text.find("agenthost/session away") != std::string::npos;
    })) << text
        << daemon.log();
    std::ofstream{logs / "shop.log", std::ios::app} << "ERROR till is stuck\n";
    ASSERT_TRUE(wait_for([&] {
        text = daemon.call("telemetry.logs", R"({"level":"error"})").out;
        return text.find("till is stuck") != std::string::npos;
    })) << text;
    // It said in the daemon's log that a file is missing; that line does not come back to it.
    ASSERT_TRUE(wait_for([&] { return daemon.log().find("/nonexistent/log") != std::string::npos; }))
        << daemon.log();
    EXPECT_EQ(daemon.call("telemetry.logs").out.find("/nonexistent/log"), std::string::npos);
    ASSERT_TRUE(wait_for([&] { return facts(daemon).contains("logs"); }));
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();

    // Where the file was read to has survived.
    std::ofstream{logs / "shop.log", std::ios::app} << "WARN while away\n";
    const auto saved = json::parse(read_file(daemon.dir() / "state/plugins/telemetry/logs.json"));
    EXPECT_EQ(saved["files"][(logs / "shop.log").string()]["offset"],
              std::string{"old\nERROR till is stuck\n"}.size());
}

TEST_P(Telemetry, AppliesANewConfigurationOnReload)
{
    Daemon daemon{{.yaml = yaml("interval: 500ms")}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    daemon.rewrite(yaml("interval: never"));
    daemon.cli({"reload"});
    EXPECT_TRUE(wait_for([&] { return daemon.log().find("interval") != std::string::npos; })) << daemon.log();
    daemon.rewrite(yaml("interval: 1s, disk: /tmp"));
    EXPECT_EQ(daemon.cli({"reload"}).code, 0) << daemon.log();
    EXPECT_TRUE(wait_for([&] { return daemon.call("telemetry.metrics").code == 0; })) << daemon.log();
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

} // namespace

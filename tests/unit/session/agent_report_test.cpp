#include "host/session/agent_report.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace agenthost::host;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

TEST(AgentReport, AddsUptimeAndHealthToThePluginsFacts)
{
    Facts facts;
    facts.publish("telemetry", "system_load", R"({"cpu":25.5})");
    facts.publish("telemetry", "uptime", "1"); // the host's own fact counts
    const auto started = std::chrono::steady_clock::now();
    bool healthy = true;
    const AgentReport report{facts, started, [&] { return healthy; }};
    EXPECT_EQ(json::parse(report.heartbeat(started + 90s)),
              (json{{"system_load", {{"cpu", 25.5}}}, {"uptime", 90}, {"agent_status", "healthy"}}));
    healthy = false;
    EXPECT_EQ(json::parse(report.heartbeat(started)).at("agent_status"), "degraded");
    const AgentReport simple{facts, started, {}};
    EXPECT_EQ(json::parse(simple.heartbeat(started)).at("agent_status"), "healthy");
}

TEST(AgentReport, HasMetricsOnceAPluginMeasures)
{
    Facts facts;
    const AgentReport report{facts, {}, {}};
    EXPECT_EQ(report.metrics(), "");
    facts.publish("telemetry", "metrics", R"({"cpu":1})");
    EXPECT_EQ(json::parse(report.metrics()), (json{{"cpu", 1}}));
}

TEST(AgentReport, TellsCapabilitiesThatDependOnTheMachineOnlyWhileAPluginHasThem)
{
    Facts facts;
    const AgentReport report{facts, {}, {}};
    EXPECT_EQ(report.capabilities(R"(["print"])"), R"(["print"])") << "no USB here: nothing is published";
    facts.publish("printer", "capabilities", R"(["usb","print",7,""])");
    facts.publish("other", "capabilities", R"(["scan"])");
    EXPECT_EQ(json::parse(report.capabilities(R"(["print"])")), (json{"print", "scan", "usb"}));
    facts.publish("printer", "capabilities", "");
    EXPECT_EQ(json::parse(report.capabilities("[]")), (json{"scan"}));
    json many = json::array();
    for (int i = 0; i < 100; ++i) many.push_back("c" + std::to_string(i));
    facts.publish("printer", "capabilities", many.dump());
    EXPECT_EQ(json::parse(report.capabilities("[]")).size(), AgentReport::max_capabilities);
}

TEST(AgentReport, RegistersWhatPluginsSayOfTheMachine)
{
    Facts facts;
    const AgentReport report{facts, {}, {}};
    EXPECT_EQ(report.registration(R"(["docker"])"), R"(["docker"])");
    facts.publish("docker", "machine_capabilities", R"({"dockerVersion":"20.10.24","features":1})");
    EXPECT_EQ(json::parse(report.registration(R"(["docker"])")),
              (json{{"features", {"docker"}}, {"dockerVersion", "20.10.24"}}));
    EXPECT_EQ(json::parse(report.registration("[]")), (json{{"dockerVersion", "20.10.24"}}));
}

} // namespace

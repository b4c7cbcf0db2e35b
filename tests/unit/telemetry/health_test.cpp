// Verdicts.
#include "plugins/telemetry/health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace agenthost::telemetry;
using testing::HasSubstr;

namespace {

const AgentState nobody;

Sample machine(double disk = 10, double memory = 10, double load = 0.1)
{
    Sample s;
    s.disk = disk;
    s.memory = memory;
    s.load = {load, load, load};
    s.cpus = 2;
    return s;
}
std::string verdict(const Sample& s, const AgentState& agent = nobody)
{
    return std::string{evaluate(s, {}, agent, {}).status};
}

TEST(Verdict, IsHealthyBelowTheLimits) { EXPECT_EQ(verdict(machine()), "healthy"); }

TEST(Verdict, IsDegradedFromALimitOn)
{
    EXPECT_EQ(verdict(machine(89.9)), "healthy");
    EXPECT_EQ(verdict(machine(90)), "degraded");
    EXPECT_EQ(verdict(machine(10, 95)), "degraded");
    EXPECT_EQ(verdict(machine(10, 10, 7.9)), "healthy"); // of two CPUs
    EXPECT_EQ(verdict(machine(10, 10, 8)), "degraded");
}

TEST(Verdict, IsUnhealthyWhenWorkFailsSoon)
{
    EXPECT_EQ(verdict(machine(98)), "unhealthy");
    EXPECT_EQ(verdict(machine(10, 99)), "unhealthy");
    Config::Health lax{.disk = 100, .memory = 100, .load = 1000};
    EXPECT_EQ(evaluate(machine(98.5), lax, nobody, {}).status, "unhealthy"); // whatever the limit
}

TEST(Verdict, NamesAFullOrStuckFilesystem)
{
    auto s = machine();
    s.filesystems = {
        {.point = "/srv", .type = "ext4", .total = 100, .used = 95, .available = 5},
        {.point = "/cd", .type = "xfs", .total = 100, .used = 100, .available = 0, .read_only = true}};
    auto said = evaluate(s, {}, nobody, {});
    EXPECT_EQ(said.status, "degraded");
    EXPECT_THAT(verdict_json(said), HasSubstr("/srv is 95 % full (limit 90 %)"));
    EXPECT_THAT(verdict_json(said), testing::Not(HasSubstr("/cd"))); // full by nature
    s.filesystems[0].stuck = true;
    said = evaluate(s, {}, nobody, {});
    EXPECT_EQ(said.status, "unhealthy");
    EXPECT_THAT(verdict_json(said), HasSubstr("does not respond"));
}

TEST(Verdict, CountsTheAgentsParts)
{
    AgentState agent;
    agent.plugins = {{.name = "a", .state = "running", .problem = {}, .well = true}};
    agent.servers = {{.name = "s", .state = "ready", .problem = {}, .well = true}};
    EXPECT_EQ(verdict(machine(), agent), "healthy");
    agent.servers[0] = {.name = "s", .state = "waiting", .problem = "refused", .well = false};
    EXPECT_EQ(verdict(machine(), agent), "degraded");
    agent.plugins[0] = {.name = "a", .state = "failed", .problem = "x", .well = false};
    EXPECT_EQ(verdict(machine(), agent), "unhealthy");
}

TEST(Agent, IsReadFromTheHostsStatus)
{
    const auto agent = parse_agent(R"({"agent_id":"n","version":"1","uptime_s":5,
        "servers":[{"name":"a","state":"ready"},{"name":"b","state":"waiting","problem":"p"},7],
        "plugins":[{"id":"x","state":"running","healthy":false,"problem":"sick"}]})");
    ASSERT_TRUE(agent);
    EXPECT_EQ(agent->servers.size(), 2u);
    EXPECT_TRUE(agent->servers[0].well);
    EXPECT_FALSE(agent->servers[1].well);
    EXPECT_FALSE(agent->plugins[0].well);
    EXPECT_EQ(agent->uptime_s, 5);
}

TEST(Agent, MayBeOfAnotherVersion)
{
    for (const char* text :
         {"{}", R"({"servers":{},"plugins":7,"agent_id":[],"uptime_s":"x"})", R"({"servers":[{"name":7}]})"})
        EXPECT_TRUE(parse_agent(text)) << text;
    for (const char* text : {"", "[]", "7", "{"}) EXPECT_FALSE(parse_agent(text)) << text;
}

TEST(Verdict, IsJsonWhateverThePartsSay)
{
    AgentState agent;
    agent.plugins = {{.name = "\"\xff", .state = "failed", .problem = "\n\\", .well = false}};
    EXPECT_TRUE(nlohmann::json::accept(verdict_json(evaluate(machine(), {}, agent, {}))));
}

} // namespace

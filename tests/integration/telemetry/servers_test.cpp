// What the figures and log lines become on the wire, seen by servers in another language
// (tests/bench/peers/five_servers.js).
#include "tests/support/daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>

using namespace agenthost::test;
using nlohmann::json;
using testing::HasSubstr;

namespace {

struct Servers : testing::Test {
    TempDir dir;
    std::optional<Process> node;
    std::string port;
    void SetUp() override
    {
        write_file(dir / "secret", "not-a-secret\n");
        node.emplace(Process::Options{
            .argv = {"node", (source_dir() / "tests/bench/peers/five_servers.js").string(), "log"},
            .env = {{"NODE_PATH", "/usr/share/nodejs:/usr/lib/nodejs"}}});
        ASSERT_TRUE(wait_for([&] { return node->out().find('\n') != std::string::npos; })) << node->err();
        port = node->out().substr(5, node->out().find('\n') - 5);
    }
    [[nodiscard]] std::string server(const std::string& protocol, const std::string& more = {}) const
    {
        return "  - {name: " + protocol + ", protocol: " + protocol + ", url: 'ws://127.0.0.1:" + port + "/" +
               protocol + "', credential: {file: '" + (dir / "secret").string() +
               "'}, allow: ['telemetry.*', 'host.*']" + more + "}\n";
    }
    // The last frame of this protocol for which `wanted` is true; null: none yet.
    [[nodiscard]] json last(const std::string& protocol, const std::function<bool(const json&)>& wanted) const
    {
        json found;
        std::istringstream lines{node->err()};
        for (std::string line; std::getline(lines, line);) {
            if (!line.starts_with(protocol + " ")) continue;
            auto frame = json::parse(line.substr(protocol.size() + 1), nullptr, false);
            if (frame.is_object() && wanted(frame)) found = std::move(frame);
        }
        return found;
    }
    json eventually(const std::string& protocol, const std::function<bool(const json&)>& wanted)
    {
        json found;
        EXPECT_TRUE(wait_for([&] { return !(found = last(protocol, wanted)).is_null(); })) << node->err();
        return found;
    }
};

TEST_F(Servers, GetMetricsAndLogLinesInTheirProtocolsFormat)
{
    std::ofstream{dir / "shop.log"} << "";
    Daemon daemon{{.yaml = "servers:\n" +
                           server("panel", ", panel: {register_url: 'http://127.0.0.1:" + port +
                                               "/api/agents/register', admin_credential: {file: '" +
                                               (dir / "secret").string() + "'}}") +
                           server("print", ", heartbeat: 1s, print: {shop_id: node-01}") +
                           server("dashboard") + server("signed", ", signed: {metrics_interval: 250ms}") +
                           "plugins:\n  telemetry: {enabled: true, required: true, config: {interval: 500ms, "
                           "logs: [{path: '" +
                           (dir / "shop.log").string() + "', source: shop}]}}\n"}};
    ASSERT_TRUE(daemon.wait_ready()) << daemon.log();
    for (const char* protocol : {"panel", "print", "dashboard", "signed"})
        ASSERT_TRUE(wait_for([&] { return daemon.session_state(protocol) == "ready"; }))
            << protocol << daemon.log();

    const auto metrics =
        eventually("signed", [](const json& f) { return f["type"] == "metrics"; })["payload"];
    for (const char* key : {"cpuPercent", "memPercent", "diskUsage", "networkIn", "networkOut"})
        EXPECT_TRUE(metrics[key].is_number()) << key << metrics.dump();
    EXPECT_EQ(metrics["loadAverage"].size(), 3u);

    const auto pong = eventually("panel", [](const json& f) {
        return f["type"] == "pong" && f["data"].contains("systemLoad");
    })["data"];
    for (const char* key : {"cpu", "memory", "disk"}) {
        EXPECT_GE(pong["systemLoad"][key].get<double>(), 0) << key;
        EXPECT_LE(pong["systemLoad"][key].get<double>(), 100) << key;
    }

    std::ofstream{dir / "shop.log", std::ios::app} << "ERROR the till is stuck\n";
    const auto said = [](const json& frame) {
        return frame.dump().find("the till is stuck") != std::string::npos;
    };
    const auto typed = [&](const char* type) {
        return [&said, type](const json& frame) { return frame["type"] == type && said(frame); };
    };
    const auto log = eventually("signed", typed("log"))["payload"];
    EXPECT_EQ(log["level"], "error");
    EXPECT_EQ(log["message"], "ERROR the till is stuck");
    EXPECT_EQ(log["source"], "shop");
    EXPECT_EQ(eventually("print", typed("log_event"))["payload"]["level"], "error");
    EXPECT_EQ(eventually("panel", typed("event"))["event"], "log");
    EXPECT_EQ(eventually("dashboard", typed("event"))["payload"]["event"], "log");
    const auto heartbeat = eventually("print", typed("heartbeat"))["payload"];
    EXPECT_THAT(heartbeat["telemetry"]["logs"].back().get<std::string>(),
                HasSubstr("error shop: ERROR the till is stuck"));
    EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

} // namespace

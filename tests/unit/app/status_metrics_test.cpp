// The daemon's state as metrics and as JSON.
#include "host/app/status_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace agenthost::host;
using nlohmann::json;
using ::testing::HasSubstr;

namespace {

StatusMetrics parts()
{
    StatusMetrics p;
    p.status.version = "9.9";
    p.status.ready = true;
    SessionStatus ready, waiting;
    ready.name = "files";
    ready.protocol = "storage";
    ready.state = "ready";
    ready.reconnects = 3;
    ready.dropped = 2;
    ready.unspoken = 13;
    waiting.name = "games";
    waiting.protocol = "panel";
    waiting.state = "waiting";
    waiting.failures = 5;
    p.status.servers = {ready, waiting};
    PluginStatus good, bad;
    good.id = "storage";
    good.state = PluginState::running;
    good.queued = 4;
    bad.id = "printer";
    bad.state = PluginState::failed;
    bad.healthy = false;
    p.status.plugins = {good, bad};
    p.status.listeners = {{.name = "hub", .address = "http://127.0.0.1:1", .connections = 7}};
    p.status.dispatch.refused = 11;
    p.status.dispatch.dropped_events = 12;
    p.status.journal = {
        .rows = 5, .undelivered = 1, .max_rows = 100, .bytes = 4096, .full = 6, .failures = 8};
    p.status.conditions = {
        {.id = "journal", .reason = "the disk is full", .grade = Grade::degraded, .since = 7},
        {.id = "plugin printer", .reason = "gone"}};
    p.process = {.cpu_s = 1.5, .rss = 1000, .open_fds = 20};
    p.audit = {.written = 9, .dropped = 10};
    return p;
}

TEST(StateSheet, HasAFigureForEachPart)
{
    Metrics metrics;
    metrics.source([](Sheet& sheet) { write_status_metrics(sheet, parts()); });
    const auto text = metrics.text();
    for (const char* line : {R"(agenthost_build_info{version="9.9"} 1)",
                             "agenthost_ready 1",
                             R"(agenthost_sessions{state="ready"} 1)",
                             R"(agenthost_sessions{state="waiting"} 1)",
                             R"(agenthost_sessions{state="connecting"} 0)",
                             R"(agenthost_session_ready{server="files",protocol="storage"} 1)",
                             R"(agenthost_session_ready{server="games",protocol="panel"} 0)",
                             R"(agenthost_session_failures{server="games",protocol="panel"} 5)",
                             R"(agenthost_session_reconnects_total{server="files",protocol="storage"} 3)",
                             R"(agenthost_session_dropped_total{server="files",protocol="storage"} 2)",
                             R"(agenthost_session_unspoken_total{server="files",protocol="storage"} 13)",
                             R"(agenthost_plugin_healthy{plugin="storage"} 1)",
                             R"(agenthost_plugin_healthy{plugin="printer"} 0)",
                             R"(agenthost_plugin_running{plugin="printer"} 0)",
                             R"(agenthost_plugin_queued{plugin="storage"} 4)",
                             R"(agenthost_listener_connections{listener="hub"} 7)",
                             "agenthost_commands_refused_total 11",
                             "agenthost_events_dropped_total 12",
                             "agenthost_healthy 0",
                             R"(agenthost_condition{id="journal"} 1)",
                             R"(agenthost_condition{id="plugin printer"} 2)",
                             "agenthost_journal_rows 5",
                             "agenthost_journal_rows_max 100",
                             "agenthost_journal_bytes 4096",
                             "agenthost_journal_full_total 6",
                             "agenthost_journal_failures_total 8",
                             "agenthost_audit_lines_total 9",
                             "agenthost_audit_dropped_total 10",
                             "process_resident_memory_bytes 1000",
                             "process_cpu_seconds_total 1.5",
                             "process_open_fds 20"})
        EXPECT_THAT(text, HasSubstr(std::string{line} + "\n"));
}

TEST(StatusJson, IsComplete)
{
    auto p = parts();
    p.status.process = p.process;
    p.status.audit = p.audit;
    p.status.servers[0].notice = "clock";
    p.status.facts = R"({"telemetry":{"system_load":{}}})";
    const auto status = json::parse(status_json(p.status));
    EXPECT_EQ(status["servers"][0]["notice"], "clock");
    EXPECT_EQ(status["servers"][0]["malformed"], 0);
    EXPECT_EQ(status["servers"][0]["unspoken"], 13);
    EXPECT_EQ(status["journal"]["rows_max"], 100);
    EXPECT_EQ(status["journal"]["full"], 6);
    EXPECT_EQ(status["process"]["rss_bytes"], 1000);
    EXPECT_EQ(status["audit"]["dropped"], 10);
    EXPECT_TRUE(status["facts"].contains("telemetry"));
    EXPECT_EQ(status["plugins"][1]["state"], "failed");
    EXPECT_EQ(status["health"], "unhealthy");
    EXPECT_EQ(status["conditions"][0]["reason"], "the disk is full");
    EXPECT_EQ(status["conditions"][0]["grade"], "degraded");
    EXPECT_EQ(status["conditions"][0]["since"], 7);
}

} // namespace

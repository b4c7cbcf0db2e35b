// What engines report in lines of JSON: events, statistics, the progress of a pull.
#include "plugins/docker/engine/events.hpp"
#include "plugins/docker/engine/json_lines.hpp"
#include "plugins/docker/engine/pull_progress.hpp"
#include "plugins/docker/engine/stats.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace agenthost::docker::engine;

TEST(JsonLines, CutsLinesWhereverTheBytesAreCut)
{
    const std::string input = "{\"a\":1}\r\n\n{\"b\":2}\n{\"c\":3}";
    for (std::size_t step = 1; step <= input.size(); ++step) {
        JsonLines lines;
        std::vector<std::string> out;
        const auto on_line = [&](std::string_view line) { return out.emplace_back(line), true; };
        for (std::size_t at = 0; at < input.size(); at += step)
            EXPECT_TRUE(lines.push(std::string_view{input}.substr(at, step), on_line));
        lines.finish(on_line);
        EXPECT_EQ(out, (std::vector<std::string>{"{\"a\":1}", "{\"b\":2}", "{\"c\":3}"})) << step;
    }
}

TEST(JsonLines, RejectsALineWithoutAnEnd)
{
    JsonLines lines{1000};
    const auto on_line = [](std::string_view) { return true; };
    EXPECT_TRUE(lines.push(std::string(900, 'x'), on_line));
    EXPECT_FALSE(lines.push(std::string(200, 'x'), on_line));
}

TEST(Events, ReadADeath)
{
    const auto event = read_event(
        R"({"status":"die","id":"abc","from":"game:1","Type":"container","Action":"die","Actor":{"ID":"abc",
            "Attributes":{"agenthost.server":"7","exitCode":"137","image":"game:1","name":"agenthost-7"}},
            "scope":"local","time":1700000000,"timeNano":1700000000123456789})");
    ASSERT_TRUE(event);
    EXPECT_EQ(event->type, "container");
    EXPECT_EQ(event->action, "die");
    EXPECT_EQ(event->id, "abc");
    EXPECT_EQ(event->exit_code, 137);
    EXPECT_EQ(event->labels.at("agenthost.server"), "7");
    EXPECT_EQ(event->name, "agenthost-7");
    EXPECT_EQ(event->time_ns, 1700000000123456789);
}

TEST(Events, UseOneWordForBothEngines)
{
    EXPECT_EQ(read_event(R"({"Type":"container","Action":"died","Actor":{"ID":"a","Attributes":
                            {"containerExitCode":"0"}},"timeNano":1})")
                  ->exit_code,
              0);
    EXPECT_EQ(read_event(R"({"Type":"container","Action":"remove","Actor":{"ID":"a"},"timeNano":1})")->action,
              "destroy");
    const auto health =
        read_event(R"({"Type":"container","Action":"health_status: healthy","Actor":{"ID":"a"},"time":5})");
    EXPECT_EQ(health->action, "health_status");
    EXPECT_EQ(health->detail, "healthy");
    EXPECT_EQ(health->time_ns, 5'000'000'000);
}

TEST(Events, RejectWhatIsNotAnEvent)
{
    for (const char* bad :
         {"", "{", "[]", "7", "{}", R"({"Type":"container"})", R"({"Type":7,"Action":"x"})"})
        EXPECT_FALSE(read_event(bad)) << bad;
    EXPECT_FALSE(read_event(std::string(100'000, '{')));
    const auto odd = read_event(R"({"Type":"container","Action":"die","Actor":{"Attributes":{"exitCode":"x"}},
                                    "timeNano":1e300})");
    ASSERT_TRUE(odd);
    EXPECT_FALSE(odd->exit_code);
}

TEST(Events, AreNotSeenTwice)
{
    EventWindow window;
    EXPECT_EQ(window.since_ns(), 0);
    Event event;
    event.type = "container";
    event.action = "start";
    event.id = "a";
    event.time_ns = 10'000'000'000;
    EXPECT_TRUE(window.fresh(event));
    EXPECT_FALSE(window.fresh(event));
    event.action = "die";
    EXPECT_TRUE(window.fresh(event));
    EXPECT_EQ(window.since_ns(), 10'000'000'000 - EventWindow::overlap_ns);
    for (int i = 0; i < 5000; ++i) {
        event.time_ns += 1;
        EXPECT_TRUE(window.fresh(event));
        EXPECT_FALSE(window.fresh(event));
    }
}

const char* const stats_v1 =
    R"({"read":"2026-11-30T08:00:02.0Z","preread":"2026-11-30T08:00:01.0Z","pids_stats":{"current":3},
        "blkio_stats":{"io_service_bytes_recursive":[{"op":"Read","value":10},{"op":"Write","value":20},
                       {"op":"read","value":1}]},
        "cpu_stats":{"cpu_usage":{"total_usage":2500000000},"online_cpus":2},
        "precpu_stats":{"cpu_usage":{"total_usage":1000000000}},
        "memory_stats":{"usage":1048576000,"limit":2147483648,"stats":{"total_inactive_file":1048576}},
        "networks":{"eth0":{"rx_bytes":5,"tx_bytes":6},"eth1":{"rx_bytes":1,"tx_bytes":1}}})";

TEST(Stats, AreComputedInTheDocumentsUnits)
{
    const auto sample = read_stats(stats_v1);
    ASSERT_TRUE(sample);
    const auto use = use_of(*sample);
    EXPECT_DOUBLE_EQ(use.cpu_percent, 150); // of one core
    EXPECT_EQ(use.memory, 1048576000u - 1048576u);
    EXPECT_EQ(mebibytes(use.memory), "999m");
    EXPECT_EQ(mebibytes(use.memory_limit), "2048m");
    EXPECT_EQ(use.network_rx, 6u);
    EXPECT_EQ(use.network_tx, 7u);
    EXPECT_EQ(use.disk_read, 11u);
    EXPECT_EQ(use.disk_written, 20u);
    EXPECT_EQ(use.processes, 3u);
}

TEST(Stats, OfAContainerThatDoesNotRunAreEmpty)
{
    const auto sample = read_stats(
        R"({"read":"0001-01-01T00:00:00Z","preread":"0001-01-01T00:00:00Z","cpu_stats":{"cpu_usage":{}},
            "precpu_stats":{"cpu_usage":{}},"memory_stats":{}})");
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->time_ns, 0);
    EXPECT_EQ(use_of(*sample).cpu_percent, 0);
}

TEST(Stats, SurviveHostileNumbers)
{
    const auto sample = read_stats(
        R"({"read":"2026-11-30T08:00:02Z","preread":"2026-11-30T08:00:03Z","cpu_stats":{"cpu_usage":
            {"total_usage":-5},"online_cpus":1e99},"precpu_stats":{"cpu_usage":{"total_usage":7}},"memory_stats":
            {"usage":1e300,"stats":[]},"networks":{"a":{"rx_bytes":18446744073709551615},"b":{"rx_bytes":9},"c":7},
            "blkio_stats":{"io_service_bytes_recursive":[7,null,{"op":9}]}})");
    ASSERT_TRUE(sample);
    EXPECT_EQ(use_of(*sample).cpu_percent, 0);
    EXPECT_EQ(sample->network_rx, UINT64_MAX);
    EXPECT_GT(sample->memory, 0u);
    for (const char* bad : {"", "[]", "{}", R"({"cpu_stats":7})"}) EXPECT_FALSE(read_stats(bad)) << bad;
}

TEST(Stats, BetweenTwoReadingsNeverGoBackwards)
{
    StatsSample before, after;
    before.time_ns = 1'000'000'000;
    before.cpu_ns = 100;
    after.time_ns = 2'000'000'000;
    after.cpu_ns = 500'000'100;
    EXPECT_DOUBLE_EQ(use_between(before, after).cpu_percent, 50);
    EXPECT_EQ(use_between(after, before).cpu_percent, 0);
    after.cpu_ns = 50; // another container of the same name
    EXPECT_EQ(use_between(before, after).cpu_percent, 0);
}

TEST(PullProgress, CountsLayersAndBytes)
{
    PullProgress pull;
    EXPECT_TRUE(pull.read(R"({"status":"Pulling from library/game","id":"1"})"));
    EXPECT_EQ(pull.layers(), 0u);
    EXPECT_TRUE(pull.read(R"({"status":"Pulling fs layer","progressDetail":{},"id":"aa"})"));
    EXPECT_TRUE(pull.read(R"({"status":"Already exists","progressDetail":{},"id":"bb"})"));
    EXPECT_TRUE(
        pull.read(R"({"status":"Downloading","progressDetail":{"current":50,"total":200},"id":"aa"})"));
    EXPECT_EQ(pull.layers(), 2u);
    EXPECT_EQ(pull.layers_done(), 1u);
    EXPECT_EQ(pull.bytes(), 50u);
    EXPECT_EQ(pull.percent(), 25);
    EXPECT_TRUE(pull.read(R"({"status":"Download complete","progressDetail":{},"id":"aa"})"));
    EXPECT_TRUE(pull.read(R"({"status":"Extracting","progressDetail":{"current":1,"total":200},"id":"aa"})"));
    EXPECT_EQ(pull.percent(), 99);
    EXPECT_TRUE(pull.read(R"({"status":"Pull complete","progressDetail":{},"id":"aa"})"));
    EXPECT_EQ(pull.percent(), 100);
    EXPECT_TRUE(pull.read(R"({"status":"Digest: sha256:0123"})"));
    EXPECT_EQ(pull.digest(), "sha256:0123");
    EXPECT_TRUE(pull.error().empty());
}

TEST(PullProgress, FindsTheErrorInsideTheStream)
{
    PullProgress pull;
    EXPECT_TRUE(pull.read(R"({"errorDetail":{"code":401,"message":"unauthorized"},"error":"unauthorized"})"));
    EXPECT_EQ(pull.error(), "unauthorized");
    EXPECT_FALSE(pull.read("{"));
    EXPECT_FALSE(pull.read("[]"));
}

TEST(PullProgress, IsBounded)
{
    PullProgress pull;
    for (int i = 0; i < 5000; ++i)
        EXPECT_TRUE(
            pull.read(R"({"status":"Downloading","progressDetail":{"current":18446744073709551615,"total":)"
                      R"(18446744073709551615},"id":")" +
                      std::to_string(i) + "\"}"));
    EXPECT_EQ(pull.layers(), PullProgress::max_layers);
    EXPECT_LE(pull.percent(), 100);
    EXPECT_GE(pull.percent(), 0);
}

} // namespace

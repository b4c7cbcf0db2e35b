// What agents report about servers, and the book that keeps it.
#include "plugins/hub/servers/book.hpp"
#include "plugins/hub/servers/metrics.hpp"
#include "plugins/hub/servers/reading.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace agenthost::hub;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

constexpr std::uint64_t mib = 1 << 20;

std::string shown(const ServerRecord& server, bool online = true, std::int64_t now = 1'000)
{
    std::string out;
    agenthost::base::JsonWriter writer{out};
    write_server(writer, server, online, now);
    return out;
}

TEST(ServerReading, ReadsTheDocumentsStatus)
{
    ServerRecord s{.agent = "n1", .id = "server_123"};
    read_status(R"({"serverId":"server_123","status":"running","containerId":"abc","uptime":3600,
        "resources":{"cpu":45.2,"memory":{"used":"1024m","available":"2048m"},"network":{"tx":1024000,"rx":2048000}},
        "players":{"online":5,"max":20,"list":["p1"]}})",
                1'000, s);
    const json j = json::parse(shown(s));
    EXPECT_EQ(j["status"], "running");
    EXPECT_EQ(j["containerId"], "abc");
    EXPECT_EQ(j["resources"]["cpu"], 45.2);
    EXPECT_EQ(j["resources"]["memory"], 1024 * mib);
    EXPECT_EQ(j["resources"]["memoryLimit"], 2048 * mib);
    EXPECT_EQ(j["resources"]["tx"], 1'024'000);
    EXPECT_EQ(j["players"], (json{{"online", 5}, {"max", 20}}));
    EXPECT_EQ(j["healthy"], true);
}

TEST(ServerReading, FollowsTheDocumentsEvents)
{
    ServerRecord s{.agent = "n1", .id = "s"};
    EXPECT_TRUE(read_event("server_status_changed",
                           R"({"previousStatus":"starting","currentStatus":"running"})", 5, s));
    EXPECT_EQ(s.status, "running");
    EXPECT_EQ(s.changed, 5);
    EXPECT_TRUE(read_event(
        "docker.resource_update",
        R"({"cpu":52.1,"memory":{"used":"1200m","percentage":58.5},"disk":{"used":"2.1g","percentage":42}})",
        9, s));
    EXPECT_EQ(s.usage.cpu, 52.1);
    EXPECT_EQ(s.usage.memory, 1200 * mib);
    EXPECT_EQ(s.usage.memory_percent, 58.5);
    EXPECT_FALSE(read_event("server_log", R"({"message":"x"})", 10, s));
    EXPECT_EQ(s.seen, 10);
    EXPECT_TRUE(read_event(
        "server_status_changed",
        R"({"currentStatus":"crashed","error":{"code":"DOCKER_ERROR","message":"exit 1"}})", 20'000, s));
    EXPECT_EQ(s.crashes, 1U);
    EXPECT_FALSE(s.usage.memory) << "its container is gone";
    EXPECT_FALSE(health_of(s, true, 20'001).healthy);
    EXPECT_THAT(health_of(s, true, 20'001).reason, HasSubstr("it crashed: exit 1"));
    EXPECT_TRUE(read_event("server_crashed", "{}", 20'100, s)) << "the same crash";
    EXPECT_EQ(s.crashes, 1U);
    EXPECT_TRUE(read_event("server_status_changed", R"({"currentStatus":"starting"})", 30'000, s));
    EXPECT_TRUE(s.fault.code.empty()) << "a start forgets the last failure";
    for (const char* nonsense : {"", "[]", "5", "{", R"({"currentStatus":7})", R"({"currentStatus":{}})"})
        read_event("server_status_changed", nonsense, 40'000, s);
    EXPECT_EQ(s.status, "starting");
}

TEST(ServerReading, ReadsListsWithTheNode)
{
    const auto list = read_list(R"({"servers":[
        {"serverId":"a","name":"A","image":"i","status":"running","limits":{"memory":"2048m","cpu":"1.5","disk":"5g"},
         "ports":{"25565":25565,"19132/udp":19132}},
        {"id":"b","status":"offline","ports":["192.0.2.1:80"]},
        {"status":"running"}, {"serverId":"../x"}, 7],
        "next":"b","node":{"maxMemory":"16GB","maxCpuCores":8,"freeDisk":"100g","ports":["25565-25600",9000,"x"],
        "usedPorts":[22],"images":["ghcr.io/x/*"]},"engine":{"name":"docker","away":true}})");
    ASSERT_TRUE(list);
    ASSERT_EQ(list->servers.size(), 2U) << "without an id, or with one that is not an id, it is none";
    EXPECT_EQ(list->servers[0].limits.milli_cpus, 1'500U);
    EXPECT_EQ(list->servers[0].limits.memory, 2048 * mib);
    EXPECT_EQ(list->servers[0].ports.size(), 2U);
    EXPECT_EQ(list->servers[1].id, "b");
    EXPECT_EQ(to_string(list->servers[1].ports[0]), "192.0.2.1:80/tcp");
    EXPECT_EQ(list->next, "b");
    EXPECT_TRUE(list->engine_away);
    EXPECT_EQ(list->capacity.memory, 16384 * mib);
    EXPECT_EQ(list->capacity.milli_cpus, 8'000U);
    EXPECT_THAT(list->capacity.ports, ElementsAre(PortRange{25'565, 25'600}, PortRange{9000, 9000}));
    EXPECT_THAT(*list->capacity.images, ElementsAre("ghcr.io/x/*"));
    EXPECT_EQ(list->used.at(0).port.port, 22);
    for (const char* other : {"", "{}", "[]", R"({"servers":5})", "{", "null"})
        EXPECT_FALSE(read_list(other)) << other;
}

TEST(ServerReading, KnowsAsManyUsedPortsOfANodeAsItReports)
{
    std::string ports;
    for (int port = 2000; port < 2512; ++port) ports += (ports.empty() ? "" : ",") + std::to_string(port);
    const auto list = read_list(R"({"servers":[],"node":{"usedPorts":[)" + ports + "]}}");
    ASSERT_TRUE(list);
    ASSERT_EQ(list->used.size(), 512U);
    EXPECT_EQ(list->used.back().port.port, 2511);
}

TEST(ServerReading, LeavesOutAnImagePatternThatIsTooLong)
{
    const auto list =
        read_list(R"({"servers":[],"node":{"images":["a",")" + std::string(100'000, 'x') + R"("]}})");
    ASSERT_TRUE(list && list->capacity.images);
    EXPECT_THAT(*list->capacity.images, ElementsAre("a"));
}

TEST(ServerReading, ReadsTheDocumentsRegistrationAndHeartbeat)
{
    const auto said = read_capabilities(
        R"({"maxMemory":"16GB","maxCpuCores":8,"dockerVersion":"24.0.0","supportedArchitectures":["amd64"]})");
    EXPECT_TRUE(said.servers);
    EXPECT_EQ(said.capacity.memory, 16384 * mib);
    EXPECT_EQ(said.capacity.milli_cpus, 8'000U);
    EXPECT_TRUE(read_capabilities(R"({"features":["storage","docker"]})").servers);
    EXPECT_TRUE(read_capabilities(R"(["docker"])").servers);
    EXPECT_FALSE(read_capabilities(R"({"features":["storage"],"dockerVersion":""})").servers);
    EXPECT_FALSE(read_capabilities("").servers);
    const auto beat =
        read_heartbeat(R"({"agent_status":"degraded","system_load":{"cpu":25.5,"memory":65.2,"disk":40.1}})");
    EXPECT_EQ(beat.status, "degraded");
    EXPECT_EQ(beat.load.memory, 65.2);
    EXPECT_FALSE(read_heartbeat("{}").load.cpu);
}

TEST(ServerHealth, SaysWhatIsWrong)
{
    ServerRecord s{.agent = "n1", .id = "s", .status = "running"};
    EXPECT_TRUE(health_of(s, true, 0).healthy);
    EXPECT_THAT(health_of(s, false, 0).reason, HasSubstr("agent is not connected"));
    s.status = "offline";
    EXPECT_TRUE(health_of(s, true, 100'000).healthy) << "nobody wants it to run";
    s.desired = DesiredState::running;
    EXPECT_TRUE(health_of(s, true, start_grace_ms).healthy) << "it may take a minute";
    EXPECT_THAT(health_of(s, true, start_grace_ms + 1).reason, HasSubstr("should run"));
    for (const char* ill : {"crashed", "install_failed", "stuck"}) {
        s.status = ill;
        EXPECT_FALSE(health_of(s, true, 0).healthy) << ill;
    }
}

ServerBook::View view()
{
    return {.sees = [](std::string_view) { return true; }, .online = [](std::string_view) { return true; }};
}

TEST(ServerBook, PagesThroughEverythingOnceInOrder)
{
    ServerBook book;
    for (const char* agent : {"b", "a", "c"})
        for (int i = 0; i < 7; ++i)
            book.edit(agent, "s" + std::to_string(i))->status = i % 2 == 0 ? "running" : "offline";
    std::vector<std::string> seen;
    std::string after;
    do {
        const auto page = book.page({}, view(), after, 4);
        EXPECT_EQ(page.total, 21U);
        for (const ServerRecord* s : page.servers) seen.push_back(s->agent + "/" + s->id);
        after = page.next;
        book.edit("a", "s00" + std::to_string(seen.size())); // before the cursor: it changes no later page
        book.erase("a", "s00" + std::to_string(seen.size()));
    } while (!after.empty());
    EXPECT_EQ(seen.size(), 21U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(book.page({.status = "running"}, view(), "", 100).total, 12U);
    EXPECT_EQ(book.page({.agent = "b", .status = "offline"}, view(), "", 100).total, 3U);
    EXPECT_THAT(book.agents_of("s3"), ElementsAre("a", "b", "c"));
}

TEST(ServerBook, FiltersByPartsOfNameAndImage)
{
    ServerBook book;
    ServerRecord* s = book.edit("a", "s1");
    s->name = "Lobby One";
    s->image = "ghcr.io/pelican-eggs/yolks:java_21";
    book.edit("a", "s2")->status = "crashed";
    const auto ids = [&](const ServerFilter& filter) {
        std::vector<std::string> out;
        for (const ServerRecord* found : book.page(filter, view(), "", 10).servers) out.push_back(found->id);
        return out;
    };
    EXPECT_THAT(ids({.name = "lobby"}), ElementsAre("s1"));
    EXPECT_THAT(ids({.name = "S2"}), ElementsAre("s2")) << "without a name, the id";
    EXPECT_THAT(ids({.image = "YOLKS"}), ElementsAre("s1"));
    EXPECT_THAT(ids({.status = "unknown"}), ElementsAre("s1"));
    EXPECT_THAT(ids({.healthy = false}), ElementsAre("s2"));
    auto blind = view();
    blind.sees = [](std::string_view) { return false; };
    EXPECT_EQ(book.page({}, blind, "", 10).total, 0U);
}

TEST(ServerBook, KeepsItsBounds)
{
    ServerBook book{5, 3};
    for (int i = 0; i < 10; ++i) book.edit("a", std::to_string(i));
    EXPECT_EQ(book.size(), 3U);
    EXPECT_EQ(book.not_kept(), 7U);
    for (int i = 0; i < 10; ++i) book.edit("b", std::to_string(i));
    EXPECT_EQ(book.size(), 5U);
    EXPECT_NE(book.edit("a", "0"), nullptr) << "those that are there stay";
    EXPECT_TRUE(book.erase("a", "0"));
    EXPECT_FALSE(book.erase("a", "0"));
    EXPECT_NE(book.edit("c", "x"), nullptr);
}

TEST(ServerMetrics, ShowASeriesForEachServerUpToTheBound)
{
    ServerBook book;
    for (int i = 0; i < 10; ++i) {
        ServerRecord* s = book.edit("n\"1", "s" + std::to_string(i));
        s->status = "running";
        s->usage.cpu = 12.5;
    }
    const std::string all = server_metrics(book, view());
    EXPECT_THAT(all, HasSubstr("agenthost_hub_server_up{agent=\"n\\\"1\",server=\"s9\"} 1\n"));
    EXPECT_THAT(all, HasSubstr("agenthost_hub_server_cpu_percent{agent=\"n\\\"1\",server=\"s0\"} 12.5\n"));
    EXPECT_THAT(all, Not(HasSubstr("server_memory_bytes{"))) << "not reported";
    EXPECT_THAT(all, HasSubstr("agenthost_hub_server_not_shown 0\n"));
    const std::string some = server_metrics(book, view(), 3);
    EXPECT_THAT(some, HasSubstr("agenthost_hub_server_known 10\n"));
    EXPECT_THAT(some, HasSubstr("agenthost_hub_server_not_shown 7\n"));
    EXPECT_THAT(some, Not(HasSubstr("server=\"s3\"")));
}

} // namespace

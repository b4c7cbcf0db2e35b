#include "plugins/docker/service/node_report.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>

using namespace agenthost::docker;
using namespace agenthost::docker::service;
using agenthost::test::TempDir;
using agenthost::test::write_file;
using nlohmann::json;

namespace {

json written(const NodePolicy& policy, const ledger::Ledger& ledger,
             const std::optional<engine::EngineFacts>& engine, const NodeReport& report)
{
    std::string out;
    agenthost::base::JsonWriter writer{out};
    write_node(writer, policy, ledger, engine, report);
    return json::parse(out);
}

NodePolicy policy_of(const std::string& data_dir)
{
    return read_policy(json{{"data_dir", data_dir},
                            {"uid", 1},
                            {"gid", 1},
                            {"allow_images", {"ghcr.io/pelican-eggs/*", "redis"}},
                            {"ports", {"25565-25570", 8080}}}
                           .dump());
}

TEST(NodeReport, NamesPortsThatOtherProgramsListenOn)
{
    const TempDir proc;
    std::filesystem::create_directories(proc / "net");
    const std::string row = " 00000000:00000000 00:00000000 00000000     0        0 4711 1\n";
    write_file(proc / "net/tcp", "  sl  local_address rem_address   st ...\n"
                                 "   0: 0100007F:63E0 00000000:0000 0A" +
                                     row + "   1: 00000000:63DE 00000000:0000 0A" + row +
                                     "   2: 00000000:0016 00000000:0000 0A" + row);
    write_file(proc / "net/udp", "  sl\n   0: 00000000:63DD 00000000:0000 07" + row);
    const NodePolicy policy = policy_of((proc / "not/made/yet").string());
    const NodeReport report = read_node(policy, proc.path().string());
    EXPECT_GT(report.disk, 0u) << "of the folder that will hold it";
    EXPECT_GE(report.disk, report.disk_free);
    ASSERT_EQ(report.listening.size(), 3u) << "22 is not one that servers may use";

    ledger::Ledger ledger{{}};
    ledger.claim({"s1", {*ledger::read_host_port("0.0.0.0:25566/tcp")}});
    engine::EngineFacts engine;
    engine.memory = std::uint64_t{16} << 30;
    engine.cores = 4;
    const json node = written(policy, ledger, engine, report);
    EXPECT_EQ(node["usedPorts"], (json{"0.0.0.0:25565/udp", "127.0.0.1:25568/tcp"})) << "25566 is a server's";
    EXPECT_EQ(node["ports"], (json{"25565-25570", "8080-8080"}));
    EXPECT_EQ(node["images"], (json{"ghcr.io/pelican-eggs/*", "redis"}));
    EXPECT_EQ(node["maxMemory"], "16384MB");
    EXPECT_EQ(node["maxCpuCores"], 4);
    EXPECT_EQ(node["maxDisk"], report.disk);
    EXPECT_EQ(node["freeDisk"], report.disk_free);
}

TEST(NodeReport, LeavesOutWhatIsNotKnownAndPrefersTheConfiguredLimits)
{
    NodePolicy policy = policy_of("/srv");
    const ledger::Ledger ledger{{}};
    const json unknown = written(policy, ledger, std::nullopt, {});
    for (const char* key : {"maxMemory", "maxCpuCores", "maxDisk", "freeDisk"})
        EXPECT_FALSE(unknown.contains(key)) << key;
    policy.total_memory = std::uint64_t{2} << 30;
    policy.total_disk = 1000;
    const json limited = written(policy, ledger, std::nullopt, {});
    EXPECT_EQ(limited["maxMemory"], "2048MB");
    EXPECT_EQ(limited["maxDisk"], 1000);
}

} // namespace

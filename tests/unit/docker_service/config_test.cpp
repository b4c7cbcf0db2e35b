#include "plugins/docker/service/config.hpp"

#include <agenthost/error.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::docker::service;
using namespace std::chrono_literals;

namespace {

std::string problem(const std::string& json)
{
    try {
        parse_config(json);
    } catch (const agenthost::Error& e) {
        EXPECT_EQ(e.code(), "CONFIG_INVALID");
        return e.what();
    }
    return {};
}

TEST(DockerConfig, HasDefaults)
{
    const Config config = parse_config(R"({"data_dir": "/srv/none"})");
    EXPECT_EQ(config.socket, "/run/docker.sock");
    EXPECT_NE(config.policy.uid, 0u) << "servers never run as root";
    EXPECT_EQ(config.pull, PullPolicy::missing);
    EXPECT_EQ(config.stats_interval, 5s);
    EXPECT_TRUE(config.policy.images.empty());
}

TEST(DockerConfig, ReadsWhatIsGiven)
{
    const Config config = parse_config(
        R"({"data_dir": "/srv", "uid": 7, "gid": 8, "pull": "never", "stop_timeout": "5s", "total_memory": "2GiB",
            "registries": [{"registry": "ghcr.io", "username": "u", "password": {"file": "/x"}}],
            "crash": {"restart": false, "max": 2, "backoff": "100ms"}})");
    EXPECT_EQ(config.policy.uid, 7u);
    EXPECT_EQ(config.pull, PullPolicy::never);
    EXPECT_EQ(config.stop_timeout, 5s);
    EXPECT_EQ(config.policy.total_memory, std::uint64_t{2} << 30);
    ASSERT_EQ(config.registries.size(), 1u);
    EXPECT_EQ(config.registries[0].password.name, "/x");
    EXPECT_FALSE(config.restart_after_crash);
    EXPECT_EQ(config.crash_limits.count, 2u);
}

TEST(DockerConfig, ReadsWhichProjectsDiskQuotasUse)
{
    EXPECT_EQ(parse_config(R"({"data_dir": "/srv"})").quota_first_project, 1'100'000'000u);
    const auto first = [](const char* number) {
        return parse_config(R"({"data_dir": "/srv", "quota_first_project": )" + std::string{number} + "}")
            .quota_first_project;
    };
    EXPECT_EQ(first("0"), 0u);
    EXPECT_EQ(first("5000"), 5000u);
    EXPECT_EQ(first("2147418112"), 2'147'418'112u);
    EXPECT_THROW(first("2147418113"), agenthost::Error);
}

TEST(DockerConfig, ReadsHowFilesAreTransferred)
{
    const auto defaults = parse_config(R"({"data_dir": "/srv"})").transfers;
    EXPECT_EQ(defaults.max, 4u);
    EXPECT_FALSE(defaults.policy.allow_private_networks);
    const auto transfers =
        parse_config(
            R"({"data_dir": "/srv", "transfers": {"max": 2, "queue": 3, "allow_hosts": ["*.example.com"],
            "allow_private_networks": true, "tls_ca": "/ca.pem", "connect_timeout": "1s", "idle_timeout": "2s",
            "min_rate": "1KiB", "min_rate_window": "3s"}})")
            .transfers;
    EXPECT_EQ(transfers.max, 2u);
    EXPECT_EQ(transfers.queue, 3u);
    EXPECT_EQ(transfers.policy.allow_hosts, std::vector<std::string>{"*.example.com"});
    EXPECT_TRUE(transfers.policy.allow_private_networks);
    EXPECT_EQ(transfers.ca_file, "/ca.pem");
    EXPECT_EQ(transfers.connect_timeout, 1s);
    EXPECT_EQ(transfers.idle_timeout, 2s);
    EXPECT_EQ(transfers.min_rate.bytes_per_second, 1024u);
    EXPECT_EQ(transfers.min_rate.window, 3s);
}

TEST(DockerConfig, NamesTheKeyThatIsWrong)
{
    EXPECT_THAT(problem(R"({"data_dir": "/srv", "transfers": {"idle_timeout": "0s"}})"),
                testing::HasSubstr("transfers.idle_timeout"));
    EXPECT_THAT(problem(R"({"data_dir": "/srv", "transfers": {"allow_hosts": [""]}})"),
                testing::HasSubstr("transfers.allow_hosts[0]"));
    EXPECT_THAT(problem("{}"), testing::HasSubstr("data_dir"));
    EXPECT_THAT(problem(R"({"data_dir": "/srv", "pull": "often"})"), testing::HasSubstr("pull"));
    EXPECT_THAT(problem(R"({"data_dir": "/srv", "socket": "docker.sock"})"), testing::HasSubstr("socket"));
    EXPECT_THAT(
        problem(
            R"({"data_dir": "/srv", "registries": [{"registry": "ghcr.io/x", "username": "u", "password": {"env": "E"}}]})"),
        testing::HasSubstr("registries[0].registry"));
    EXPECT_THAT(
        problem(
            R"({"data_dir": "/srv", "registries": [{"registry": "ghcr.io", "username": "u", "password": "plain"}]})"),
        testing::HasSubstr("password"));
    // Two names of one registry: found at the first pull, it would end the agent.
    EXPECT_THAT(problem(
                    R"({"data_dir": "/srv", "registries": [
                {"registry": "docker.io", "username": "u", "password": {"env": "E"}},
                {"registry": "index.docker.io", "username": "v", "password": {"env": "F"}}]})"),
                testing::HasSubstr("docker.io is listed twice"));
}

} // namespace

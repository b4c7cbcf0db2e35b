// Who holds a host port before a server is created or started.
#include "plugins/docker/service/port_strangers.hpp"
#include "tests/support/support.hpp"

#include "base/fd.hpp"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

using namespace agenthost;
using namespace agenthost::docker;
using namespace agenthost::docker::service;
using ledger::HostPort;

namespace {

HostPort host_port(const std::string& text) { return ledger::read_host_port(text).value(); }

engine::ContainerRow row(const std::string& name, const engine::Port& port, const std::string& status,
                         engine::Labels labels = {})
{
    engine::ContainerRow out;
    out.name = name;
    out.image = "nginx:1";
    out.status = status;
    out.ports = {port};
    out.labels = std::move(labels);
    return out;
}

std::string holder(const std::vector<engine::ContainerRow>& rows, std::vector<HostPort> ports)
{
    const auto found = containers_on(rows, "s1", "me", ports);
    return found.empty() ? "" : found[0].name + " " + ledger::text(found[0].port);
}

TEST(PortStrangers, AreContainersThatRunOnTheSameAddress)
{
    const std::vector rows{row("web", {80, 25565, "tcp", "127.0.0.1"}, "running")};
    EXPECT_EQ(holder(rows, {host_port("0.0.0.0:25565/tcp")}), "container web (nginx:1) 127.0.0.1:25565/tcp");
    EXPECT_EQ(holder(rows, {host_port("127.0.0.1:25565/tcp")}),
              "container web (nginx:1) 127.0.0.1:25565/tcp");
    EXPECT_EQ(holder(rows, {host_port("192.0.2.1:25565/tcp")}), "");
    EXPECT_EQ(holder(rows, {host_port("0.0.0.0:25565/udp")}), "");
    EXPECT_EQ(holder({row("web", {80, 25565, "tcp", ""}, "exited")}, {host_port("0.0.0.0:25565/tcp")}), "")
        << "Podman lists it, too";
    EXPECT_NE(holder({row("web", {80, 25565, "tcp", ""}, "paused")}, {host_port("0.0.0.0:25565/tcp")}), "");
}

TEST(PortStrangers, AreNotTheServersOwnContainers)
{
    const auto own = [](const std::string& owner) {
        return row("agenthost-s1", {80, 25565, "tcp", "0.0.0.0"}, "running",
                   {{"agenthost.server", "s1"}, {"agenthost.owner", owner}});
    };
    std::vector ports{host_port("0.0.0.0:25565/tcp"), host_port("0.0.0.0:25566/tcp")};
    EXPECT_TRUE(containers_on({own("me")}, "s1", "me", ports).empty());
    EXPECT_EQ(ports, std::vector{host_port("0.0.0.0:25566/tcp")}) << "the host is not asked about its ports";
    EXPECT_NE(holder({own("another agent")}, {host_port("0.0.0.0:25565/tcp")}), "");
}

base::Fd listener(int type, std::uint16_t& port)
{
    base::Fd fd{::socket(AF_INET, type | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    if (type == SOCK_STREAM) EXPECT_EQ(::listen(fd.get(), 1), 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    return fd;
}

TEST(PortStrangers, AreProcessesThatListen)
{
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        std::uint16_t port = 0;
        base::Fd held = listener(type, port);
        const std::string text = "0.0.0.0:" + std::to_string(port) + (type == SOCK_STREAM ? "/tcp" : "/udp");
        const auto found = processes_on({host_port(text)});
        ASSERT_EQ(found.size(), 1u) << text;
        EXPECT_THAT(found[0].name, testing::HasSubstr("(pid " + std::to_string(::getpid()) + ")"));
        held.reset();
        EXPECT_TRUE(processes_on({host_port(text)}).empty()) << text;
    }
    EXPECT_TRUE(processes_on({host_port("192.0.2.1:25565/tcp")}).empty()) << "not an address of this machine";
}

TEST(PortStrangers, AreLookedForWhereTheEngineIs)
{
    const test::TempDir dir;
    const std::string path = dir / "s";
    EXPECT_FALSE(shares_network(path)) << "nobody is there";
    const base::Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(fd.get(), 4), 0);
    EXPECT_TRUE(shares_network(path));
}

} // namespace

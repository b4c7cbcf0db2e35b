#include "plugins/docker/service/ports.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

using namespace agenthost::docker;
using namespace agenthost::docker::service;
using agenthost::test::TempDir;
using agenthost::test::write_file;

namespace {

PortMapping port(std::uint16_t host, Transport transport = Transport::tcp)
{
    PortMapping out;
    out.host = host;
    out.transport = transport;
    return out;
}

TEST(Ports, AreHeldByAContainer)
{
    engine::ContainerRow row;
    row.name = "web";
    row.image = "nginx:1";
    row.ports = {{80, 25565, "tcp", "0.0.0.0"}};
    PortMapping which;
    EXPECT_EQ(holder_among({row}, {port(25564), port(25565)}, "agenthost-s1", &which),
              "container web (nginx:1)");
    EXPECT_EQ(which.host, 25565);
    EXPECT_FALSE(holder_among({row}, {port(25565, Transport::udp)}, "agenthost-s1", &which));
    EXPECT_FALSE(holder_among({row}, {port(25565)}, "web", &which)) << "its own container";
}

TEST(Ports, AreHeldByAProcess)
{
    const TempDir proc;
    std::filesystem::create_directories(proc / "net");
    std::filesystem::create_directories(proc / "712/fd");
    write_file(
        proc / "net/tcp",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:63DD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n"
        "   1: 0100007F:63DE 0100007F:1234 01 00000000:00000000 00:00000000 00000000     0        0 4712 "
        "1\n");
    write_file(proc / "712/comm", "java\n");
    std::filesystem::create_symlink("socket:[4711]", proc / "712/fd/5");
    PortMapping which;
    EXPECT_EQ(holder_in_proc({port(25565)}, &which, proc.path().string()), "process java (pid 712)");
    EXPECT_FALSE(holder_in_proc({port(25566)}, &which, proc.path().string()))
        << "a connection, not a listener";
    EXPECT_FALSE(holder_in_proc({port(25565, Transport::udp)}, &which, proc.path().string()));
}

} // namespace

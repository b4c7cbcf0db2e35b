#include "plugins/docker/ledger/proc_net.hpp"

#include "base/fd.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>

using namespace agenthost;
using namespace agenthost::docker;
using namespace agenthost::docker::ledger;

namespace {

TEST(ProcNet, ReadsWhatListens)
{
    const char* const tcp =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 "
        "0 100\n"
        "   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 31338 1 "
        "0 20\n"
        "   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0 "
        "100";
    const std::vector<Listener> found = read_listeners(tcp, Transport::tcp);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0], (Listener{*read_host_port("127.0.0.1:8080/tcp"), 1000, 31337}));
    EXPECT_EQ(found[1], (Listener{*read_host_port("0.0.0.0:80/tcp"), 0, 7}));

    const char* const udp6 =
        "  sl  local_address                         remote_address                        st ...\n"
        "  9: 00000000000000000000000000000000:4AAB 00000000000000000000000000000000:0000 07 "
        "00000000:00000000 "
        "00:00000000 00000000   988        0 42 2 0 0\n"
        "  9: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 07 "
        "00000000:00000000 "
        "00:00000000 00000000   988        0 43 2 0 0\n";
    const std::vector<Listener> six = read_listeners(udp6, Transport::udp);
    ASSERT_EQ(six.size(), 2u);
    EXPECT_EQ(text(six[0].port), "[::]:19115/udp");
    EXPECT_EQ(text(six[1].port), "[2001:db8::1]:53/udp");
}

TEST(ProcNet, FindsASocketOfThisProcess)
{
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const base::Fd socket{::socket(AF_INET, type | SOCK_CLOEXEC, 0)};
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ASSERT_TRUE(type == SOCK_DGRAM || ::listen(socket.get(), 1) == 0);
        socklen_t size = sizeof address;
        ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
        struct stat info {};
        ASSERT_EQ(::fstat(socket.get(), &info), 0);
        const Transport transport = type == SOCK_STREAM ? Transport::tcp : Transport::udp;
        const auto found = read_listeners(
            test::read_file(type == SOCK_STREAM ? "/proc/net/tcp" : "/proc/net/udp"), transport);
        const auto mine = std::find_if(found.begin(), found.end(),
                                       [&](const Listener& each) { return each.inode == info.st_ino; });
        ASSERT_NE(mine, found.end());
        EXPECT_EQ(mine->port.port, ntohs(address.sin_port));
        EXPECT_TRUE(mine->port.address.loopback());
    }
}

TEST(ProcNet, SkipsLinesThatItCannotParse)
{
    std::string line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000    "
                       "    0 31337 1 0 100";
    for (std::size_t size = 0; size < line.find(" 31337"); ++size)
        EXPECT_TRUE(read_listeners(line.substr(0, size), Transport::tcp).empty()) << size;
    std::mt19937 random{1};
    for (int i = 0; i < 20'000; ++i) {
        std::string bad = line;
        for (int j = 0; j < 3; ++j) bad[random() % bad.size()] = static_cast<char>(random());
        for (const Listener& each : read_listeners(bad, Transport::tcp)) EXPECT_NE(each.port.port, 0);
    }
}

} // namespace

#include "base/buffer.hpp"
#include "base/sigpipe.hpp"
#include "netclient/net.hpp"
#include "tests/support/thread_state.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <thread>

namespace {

namespace base = agenthost::base;
using namespace agenthost::netclient;
using namespace std::chrono_literals;

struct Listener {
    Listener() : fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof in;
        ::bind(fd.get(), reinterpret_cast<sockaddr*>(&in), size);
        ::listen(fd.get(), 8);
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&in), &size);
        port = ntohs(in.sin_port);
    }
    base::Fd fd;
    std::uint16_t port = 0;
};

TEST(Wait, IsWokenByACancel)
{
    base::Cancel cancel;
    std::thread other{[&] { cancel.set(); }};
    EXPECT_EQ(wait_for(-1, 0, 60s, {cancel}), Wait::cancelled);
    other.join();
    EXPECT_EQ(wait_for(-1, 0, 60s, {cancel}), Wait::cancelled); // and stays set
}

TEST(Wait, DistinguishesTheDeadlineFromTheTimeout)
{
    const base::Cancel cancel;
    EXPECT_EQ(wait_for(-1, 0, 1ms, {cancel}), Wait::timeout);
    EXPECT_EQ(wait_for(-1, 0, 60s, {cancel, Clock::now() + 1ms}), Wait::deadline);
}

TEST(Resolver, ResolvesLiteralsAndNamesAndReportsFailures)
{
    const base::Cancel cancel;
    Resolver resolver;
    std::string why;
    EXPECT_EQ(resolver.resolve("127.0.0.1", 80, 1s, {cancel}, why).size(), 1u);
    EXPECT_FALSE(resolver.resolve("localhost", 80, 10s, {cancel}, why).empty()) << why;
    EXPECT_TRUE(resolver.resolve("no-such-host.invalid", 80, 20s, {cancel}, why).empty());
    EXPECT_NE(why.find("no-such-host.invalid"), std::string::npos);
}

TEST(Connect, ConnectsOnlyToAddressesThePolicyAllows)
{
    const Listener listener;
    const base::Cancel cancel;
    Resolver resolver;
    std::string why;
    const auto addresses = resolver.resolve("127.0.0.1", listener.port, 1s, {cancel}, why);
    auto refused = connect_to(addresses, {}, 1s, {cancel});
    EXPECT_TRUE(refused.denied);
    EXPECT_FALSE(refused.socket);
    auto connected = connect_to(addresses, {{}, true}, 5s, {cancel});
    EXPECT_TRUE(connected.socket) << connected.why;
    EXPECT_FALSE(connected.denied);
}

TEST(Connect, TriesTheNextAddress)
{
    const Listener listener;
    const base::Cancel cancel;
    Resolver resolver;
    std::string why;
    auto addresses = resolver.resolve("127.0.0.3", 1, 1s, {cancel}, why); // nobody listens on port 1
    addresses.push_back(resolver.resolve("127.0.0.1", listener.port, 1s, {cancel}, why).at(0));
    EXPECT_TRUE(connect_to(addresses, {{}, true}, 5s, {cancel}).socket);
    addresses.pop_back();
    const auto failed = connect_to(addresses, {{}, true}, 5s, {cancel});
    EXPECT_FALSE(failed.socket);
    EXPECT_NE(failed.why.find("127.0.0.3:1"), std::string::npos) << failed.why;
}

struct UnixListener {
    explicit UnixListener(int backlog) : path{"/tmp/agenthost-net-test-" + std::to_string(::getpid())}
    {
        ::unlink(path.c_str());
        std::string why;
        const auto address = unix_address(path, why).value();
        ::bind(fd.get(), &address.get(), address.size);
        ::listen(fd.get(), backlog);
    }
    ~UnixListener() { ::unlink(path.c_str()); }
    std::string path;
    base::Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

TEST(Connect, ReachesAUnixSocket)
{
    const UnixListener listener{8};
    const base::Cancel cancel;
    std::string why;
    const auto address = unix_address(listener.path, why);
    ASSERT_TRUE(address) << why;
    const auto connected = connect_to(*address, 5s, {cancel});
    EXPECT_TRUE(connected.socket) << connected.why;
    EXPECT_EQ(address_text(address->get()), "unix:" + listener.path);
    EXPECT_TRUE(connect_to({*address}, {{}, true}, 5s, {cancel}).denied); // no policy admits one
}

TEST(Connect, ReportsWhyAUnixSocketCannotBeReached)
{
    const base::Cancel cancel;
    std::string why;
    EXPECT_FALSE(unix_address(std::string(108, 'a'), why));
    EXPECT_NE(why.find("107 bytes"), std::string::npos);
    const auto absent = connect_to(*unix_address("/tmp/agenthost-no-such-socket", why), 1s, {cancel});
    EXPECT_EQ(absent.error, ENOENT);
    EXPECT_NE(absent.why.find("unix:/tmp/agenthost-no-such-socket"), std::string::npos) << absent.why;
}

TEST(Connect, StopsWaitingForAFullBacklogWhenCancelled)
{
    const UnixListener listener{0};
    base::Cancel cancel;
    std::string why;
    const auto address = *unix_address(listener.path, why);
    const auto first = connect_to(address, 1s, {cancel});
    const auto timed_out = connect_to(address, 60ms, {cancel});
    EXPECT_FALSE(timed_out.socket);
    EXPECT_EQ(timed_out.error, EAGAIN);
    const pid_t waiting = ::gettid();
    std::thread other{[&] {
        EXPECT_TRUE(agenthost::test::wait_for([&] { return agenthost::test::thread_state(waiting) == 'S'; }));
        cancel.set();
    }};
    EXPECT_EQ(connect_to(address, 60s, {cancel}).wait, Wait::cancelled);
    other.join();
}

TEST(Sigpipe, IsBlockedInsideAndNotPendingAfterwards)
{
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    ::close(fds[0]);
    {
        const base::IgnoreSigpipe ignore;
        EXPECT_EQ(::write(fds[1], "x", 1), -1);
    }
    sigset_t pending;
    ::sigpending(&pending);
    EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
    ::close(fds[1]);
}

} // namespace

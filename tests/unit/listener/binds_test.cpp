// Several sockets for one listener, both address families, and reloads that add and remove single ones.
#include "base/fd.hpp"
#include "fixture.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::test {
namespace {

Raw dial6(int port)
{
    const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<std::uint16_t>(port));
    address.sin6_addr = in6addr_loopback;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return Raw::adopt(fd);
    ::close(fd);
    return Raw::adopt(-1);
}

int port_of(const std::string& address) { return std::stoi(address.substr(address.rfind(':') + 1)); }

class BindTest : public ListenerTest {
protected:
    Script script;

    // Ports that were free a moment ago may be taken now: tries again with others.
    std::string add(const std::function<std::vector<std::string>(int port)>& binds, int& port)
    {
        std::string problem;
        for (int i = 0; i < 20; ++i) {
            auto c = config();
            c.insecure = true;
            port = free_port();
            c.bind = binds(port);
            problem = listeners->add(c);
            if (problem.empty()) break;
        }
        listeners->open();
        return problem;
    }
    static std::string at(const std::string& address, int port)
    {
        return address + ":" + std::to_string(port);
    }
    std::string peer(Raw raw)
    {
        if (!raw.connected()) return "nobody listens";
        const Answer a = ask(raw, get("/"));
        if (a.status != 200) return std::to_string(a.status);
        const auto text = json::parse(a.body)["peer"].get<std::string>();
        return text.substr(0, text.rfind(':'));
    }
};

TEST_F(BindTest, ServesSeveralAddressesWithOneListener)
{
    auto c = config();
    c.bind = {"127.0.0.1:0", "127.0.0.1:0", "[::1]:0"};
    c.per_address = 2;
    const int p = start(c);
    http(script, "/");
    const auto all = status().addresses;
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(status().address, all[0]);
    EXPECT_EQ(p, port_of(all[0]));
    EXPECT_EQ(all[2].substr(0, 12), "http://[::1]");
    EXPECT_EQ(peer(Raw{port_of(all[0])}), "127.0.0.1");
    EXPECT_EQ(peer(Raw{port_of(all[1])}), "127.0.0.1");
    EXPECT_EQ(peer(dial6(port_of(all[2]))), "[::1]");
    EXPECT_EQ(status().accepted, 3u);
    // The limits are the listener's, not a socket's.
    EXPECT_TRUE(wait_for([&] { return status().connections == 0; }));
    Raw one{port_of(all[0])}, two{port_of(all[1])};
    ASSERT_EQ(ask(one, get("/")).status, 200);
    ASSERT_EQ(ask(two, get("/")).status, 200);
    Raw three{port_of(all[1])};
    EXPECT_EQ(read_answer(three).status, 503);
}

TEST_F(BindTest, ServesIpv4OnTheIpv6Wildcard)
{
    for (const char* wildcard : {"[::]", "*", ""}) {
        int p = 0;
        ASSERT_EQ(add([&](int port) { return std::vector{at(wildcard, port)}; }, p), "") << wildcard;
        http(script, "/");
        EXPECT_EQ(status().address, "http://[::]:" + std::to_string(p)) << wildcard;
        EXPECT_EQ(peer(Raw{p}), "127.0.0.1") << wildcard; // not ::ffff:127.0.0.1
        EXPECT_EQ(peer(dial6(p)), "[::1]") << wildcard;
        listeners->forget("test");
        ASSERT_EQ(listeners->remove("web"), "");
    }
}

TEST_F(BindTest, AcceptsBothWildcardsInEitherOrder)
{
    for (const bool first : {true, false}) {
        int p = 0;
        const auto both = [&](int port) {
            std::vector binds{at("0.0.0.0", port), at("[::]", port)};
            if (first) std::swap(binds[0], binds[1]);
            return binds;
        };
        ASSERT_EQ(add(both, p), "");
        http(script, "/");
        EXPECT_EQ(peer(Raw{p}), "127.0.0.1");
        EXPECT_EQ(peer(dial6(p)), "[::1]");
        EXPECT_EQ(status().addresses.size(), 2u);
        listeners->forget("test");
        ASSERT_EQ(listeners->remove("web"), "");
    }
}

TEST_F(BindTest, ReportsAPortThatAnotherListenerUses)
{
    int p = 0;
    ASSERT_EQ(add([&](int port) { return std::vector{at("[::]", port)}; }, p), "");
    auto c = config();
    c.name = "other";
    c.bind = {at("127.0.0.1", p)};
    const std::string problem = listeners->add(c);
    EXPECT_NE(problem.find(at("[::]", p) + " serves IPv4 on this port as well: list both in one `bind`."),
              std::string::npos)
        << problem;
}

TEST_F(BindTest, PrefersAnAddressThatIsNotLoopbackForOthers)
{
    int p = 0;
    ASSERT_EQ(add([&](int port) { return std::vector{at("127.0.0.1", 0), at("[::]", port)}; }, p), "");
    EXPECT_EQ(listeners->address("web"), "http://[::]:" + std::to_string(p));
}

TEST_F(BindTest, BindsNothingIfOneAddressFails)
{
    int taken = 0;
    ASSERT_EQ(add([&](int port) { return std::vector{at("127.0.0.1", port)}; }, taken), "");
    auto c = config();
    c.name = "half";
    const int other = free_port();
    c.bind = {at("127.0.0.1", other), at("127.0.0.1", taken)};
    EXPECT_NE(listeners->add(c).find("the port is in use"), std::string::npos);
    EXPECT_EQ(listeners->address("half"), "");
    Raw raw{other};
    EXPECT_FALSE(raw.connected());
}

TEST_F(BindTest, ReloadAddsAndRemovesSingleSockets)
{
    auto c = config();
    c.insecure = true;
    const int first = start(c);
    http(script, "/");
    Raw stays{first};
    ASSERT_EQ(ask(stays, get("/")).status, 200);

    c.bind = {"127.0.0.1:0", "[::1]:0"};
    ASSERT_EQ(listeners->reload(c), "");
    listeners->open();
    ASSERT_EQ(status().addresses.size(), 2u);
    const int second = port_of(status().addresses[1]);
    EXPECT_EQ(port_of(status().addresses[0]), first);
    Raw other = dial6(second);
    ASSERT_EQ(ask(other, get("/")).status, 200);
    EXPECT_EQ(ask(stays, get("/")).status, 200);

    c.bind = {"[::1]:0"};
    ASSERT_EQ(listeners->reload(c), "");
    EXPECT_TRUE(stays.closed()); // it was idle
    EXPECT_FALSE(Raw{first}.connected());
    EXPECT_EQ(ask(other, get("/")).status, 200);
    EXPECT_EQ(status().addresses.size(), 1u);
}

TEST_F(BindTest, ReloadWidensAnAddressOnTheSamePort)
{
    int p = 0;
    ASSERT_EQ(add([&](int port) { return std::vector{at("127.0.0.1", port)}; }, p), "");
    http(script, "/");
    auto c = config();
    c.insecure = true;
    c.bind = {at("[::]", p)};
    ASSERT_EQ(listeners->reload(c), "");
    listeners->open();
    EXPECT_EQ(peer(Raw{p}), "127.0.0.1");
    EXPECT_EQ(peer(dial6(p)), "[::1]");
}

// [::] serves IPv4 as well, unless an IPv4 address is listed with its port: a reload must end where a start
// would.
TEST_F(BindTest, ReloadAddsIpv4BesideTheIpv6Wildcard)
{
    int p = 0;
    ASSERT_EQ(add([&](int port) { return std::vector{at("[::]", port)}; }, p), "");
    http(script, "/");
    Raw stays = dial6(p);
    ASSERT_EQ(ask(stays, get("/")).status, 200);
    auto c = config();
    c.insecure = true;
    c.bind = {at("127.0.0.1", p), at("[::]", p)};
    ASSERT_EQ(listeners->reload(c), "");
    listeners->open();
    EXPECT_EQ(peer(Raw{p}), "127.0.0.1");
    EXPECT_EQ(peer(dial6(p)), "[::1]");
    EXPECT_EQ(ask(stays, get("/")).status, 200) << "its address is still served";
    EXPECT_EQ(status().addresses, (std::vector<std::string>{"http://127.0.0.1:" + std::to_string(p),
                                                            "http://[::]:" + std::to_string(p)}));
}

TEST_F(BindTest, ReloadThatRemovesIpv4LeavesItToTheIpv6Wildcard)
{
    int p = 0;
    ASSERT_EQ(add([&](int port) { return std::vector{at("0.0.0.0", port), at("[::]", port)}; }, p), "");
    http(script, "/");
    auto c = config();
    c.insecure = true;
    c.bind = {at("[::]", p)};
    ASSERT_EQ(listeners->reload(c), "");
    listeners->open();
    EXPECT_EQ(peer(Raw{p}), "127.0.0.1");
    EXPECT_EQ(peer(dial6(p)), "[::1]");
    EXPECT_EQ(status().addresses.size(), 1u);
}

TEST_F(BindTest, AFailedReloadKeepsTheOldSockets)
{
    int p = 0;
    ASSERT_EQ(add([&](int port) { return std::vector{at("127.0.0.1", port)}; }, p), "");
    http(script, "/");
    auto c = config();
    c.insecure = true;
    c.bind = {at("192.0.2.1", p)};
    EXPECT_NE(listeners->reload(c).find("no interface of this machine"), std::string::npos);
    listeners->open();
    EXPECT_EQ(peer(Raw{p}), "127.0.0.1");
    EXPECT_EQ(listeners->address("web"), "http://127.0.0.1:" + std::to_string(p));
}

} // namespace
} // namespace agenthost::test

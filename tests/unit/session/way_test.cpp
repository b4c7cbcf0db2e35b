// The way to a server: proxies, client certificates, compression; and that nothing of it is said aloud.
#include "fixture.hpp"

#include "host/config/config.hpp"
#include "tests/support/proxy.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

namespace agenthost::test {
namespace {

constexpr const char* open_tunnel = "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";

// A proxy that knows CONNECT, or not: its answer is the test's. After a 200 it passes bytes to the port that
// was asked for.
class ConnectProxy : public Acceptor {
public:
    explicit ConnectProxy(std::string answer) : answer_{std::move(answer)} { run(); }
    ~ConnectProxy() override { stop(); }
    std::string head()
    {
        const std::lock_guard lock{mutex_};
        return head_;
    }

private:
    void serve(int fd, int) override
    {
        std::string head;
        for (char c; head.find("\r\n\r\n") == std::string::npos && ::recv(fd, &c, 1, 0) == 1;) head += c;
        {
            const std::lock_guard lock{mutex_};
            head_ = head;
        }
        // In pieces, as a head may come; but what a proxy says too much comes with it.
        const std::size_t piece = answer_.ends_with("hello") ? answer_.size() : 1;
        for (std::size_t at = 0; at < answer_.size(); at += piece)
            if (::send(fd, answer_.data() + at, piece, MSG_NOSIGNAL) < 0) return;
        if (answer_ != open_tunnel) return;
        const auto colon = head.find(':');
        const int upstream = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(head.substr(colon + 1))));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(upstream, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
            pass(fd, upstream);
        ::close(upstream);
    }
    void pass(int a, int b) const
    {
        pollfd both[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
        while (!stopping()) {
            if (::poll(both, 2, 50) <= 0) continue;
            for (int i = 0; i < 2; ++i) {
                char buffer[16384];
                if (!both[i].revents) continue;
                const ssize_t n = ::recv(both[i].fd, buffer, sizeof buffer, 0);
                if (n <= 0 || ::send(both[1 - i].fd, buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL) != n)
                    return;
            }
        }
    }

    std::string answer_, head_;
    std::mutex mutex_;
};

class Way : public SessionTest {
protected:
    static netclient::TlsContextPtr server_tls(const std::string& client_ca = {})
    {
        const auto made =
            netclient::make_server_context({.certificate = (certificates() / "server.pem").string(),
                                            .key = (certificates() / "server.key").string(),
                                            .client_ca = client_ca});
        EXPECT_TRUE(made.context) << made.problem;
        return made.context;
    }
    host::ServerConfig tls_config()
    {
        auto made = config("wss://localhost:" + std::to_string(server->port()) + "/agent");
        made.tls.ca = (certificates() / "ca.pem").string();
        return made;
    }
    static std::string url_of(const Acceptor& proxy, const std::string& user = {})
    {
        return "http://" + user + "127.0.0.1:" + std::to_string(proxy.port());
    }
};

TEST_F(Way, GoesThroughAProxyWithTlsToTheServer)
{
    serve({.tls = server_tls(), .on_ready = [](Peer& peer) {
               peer.send(command("echo.say", "r1", {{"x", 1}}));
           }});
    ConnectProxy proxy{open_tunnel};
    auto through = tls_config();
    through.proxy = url_of(proxy);
    connect(through);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 2; })) << problem();
    const std::string target = "localhost:" + std::to_string(server->port());
    EXPECT_EQ(proxy.head(), "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n");
}

// NO_PROXY for a test's duration.
class NoProxy {
public:
    explicit NoProxy(const char* list) { ::setenv("NO_PROXY", list, 1); }
    NoProxy(const NoProxy&) = delete;
    NoProxy& operator=(const NoProxy&) = delete;
    ~NoProxy() { ::unsetenv("NO_PROXY"); }
};

TEST_F(Way, IsDirectToAHostThatNoProxyLists)
{
    const NoProxy list{"other.example, localhost"};
    serve({.tls = server_tls()});
    ConnectProxy proxy{"HTTP/1.1 403 Forbidden\r\n\r\n"};
    auto direct = tls_config();
    direct.proxy = url_of(proxy);
    connect(direct);
    ASSERT_TRUE(ready()) << problem();
    EXPECT_EQ(proxy.head(), "");
}

TEST_F(Way, GoesThroughTheProxyToOtherHostsThanNoProxyLists)
{
    const NoProxy list{"other.example, localhost:1"};
    serve({.tls = server_tls()});
    ConnectProxy proxy{open_tunnel};
    auto through = tls_config();
    through.proxy = url_of(proxy);
    connect(through);
    ASSERT_TRUE(ready()) << problem();
    EXPECT_NE(proxy.head(), "");
}

TEST_F(Way, ShowsUserAndPasswordToTheProxyOnly)
{
    serve();
    ConnectProxy proxy{open_tunnel};
    auto through = config();
    through.insecure = true; // ws:// through a proxy leaves this machine
    through.proxy = url_of(proxy, "me:proxy-password%40@");
    connect(through);
    ASSERT_TRUE(ready()) << problem();
    EXPECT_NE(proxy.head().find("Proxy-Authorization: Basic bWU6cHJveHktcGFzc3dvcmRA\r\n"), std::string::npos)
        << proxy.head();
    EXPECT_EQ(peer().request.find("Proxy-Authorization"), std::string::npos);
}

TEST_F(Way, DoesNotSendItsCredentialInClearTextThroughAProxy)
{
    serve();
    ConnectProxy proxy{open_tunnel};
    auto through = config();
    through.proxy = url_of(proxy);
    connect(through);
    ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
    EXPECT_NE(problem().find("in clear text to the proxy. Use wss://"), std::string::npos) << problem();
    EXPECT_EQ(proxy.connections(), 0);
}

struct Said {
    const char *name, *answer, *words;
};
class ProxyAnswer : public Way, public testing::WithParamInterface<Said> {};
INSTANTIATE_TEST_SUITE_P(
    Refusals, ProxyAnswer,
    testing::Values(Said{"WantsAUser", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
                         "answered 407 to CONNECT localhost:"},
                    Said{"Forbids", "HTTP/1.0 403 Forbidden\r\nX: y\r\n\r\n", "Its rules must admit CONNECT"},
                    Said{"CannotReachIt", "HTTP/1.1 502 Bad Gateway\r\n\r\n", "It cannot reach the server"},
                    Said{"IsAWebServer", "HTTP/1.1 404 Not Found\r\n\r\n", "The proxy must support CONNECT"},
                    Said{"IsNoHttp", "SSH-2.0-OpenSSH_9.2\r\n", "does not respond like an HTTP proxy"},
                    Said{"IsSilentAndCloses", "", "the proxy 127.0.0.1:"},
                    Said{"BreaksOff", "HTTP/1.1 200 OK\r\nA: b", "the proxy 127.0.0.1:"},
                    Said{"SaysTooMuch", "HTTP/1.1 200 OK\r\n\r\nhello",
                         "sent unexpected data after the CONNECT response"}),
    [](const auto& info) { return info.param.name; });

TEST_P(ProxyAnswer, IsTold)
{
    serve({.tls = server_tls()});
    ConnectProxy proxy{GetParam().answer};
    auto through = tls_config();
    through.proxy = url_of(proxy);
    connect(through);
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(problem().find(GetParam().words), std::string::npos) << problem();
}

TEST_F(Way, TellsThatTheProxyIsDown)
{
    serve({.tls = server_tls()});
    auto through = tls_config();
    through.proxy = "http://127.0.0.1:" + std::to_string(free_port());
    connect(through);
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(problem().find("cannot connect to the proxy 127.0.0.1"), std::string::npos) << problem();
    EXPECT_NE(problem().find("Connection refused"), std::string::npos) << problem();
}

TEST_F(Way, ShowsItsCertificateToAServerThatAsks)
{
    serve({.tls = server_tls((certificates() / "ca.pem").string())});
    auto with = tls_config();
    with.tls.certificate = (certificates() / "client.pem").string();
    with.tls.key = (certificates() / "client.key").string();
    connect(with);
    EXPECT_TRUE(ready()) << problem();
}

TEST_F(Way, IsRefusedWithoutTheCertificateAServerAsksFor)
{
    serve({.tls = server_tls((certificates() / "ca.pem").string())});
    connect(tls_config());
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    for (const auto& peer : server->peers) EXPECT_TRUE(peer->got.empty());
    EXPECT_NE(problem(), "");
}

TEST_F(Way, SaysThatKeyAndCertificateDoNotBelongTogether)
{
    serve({.tls = server_tls()});
    auto with = tls_config();
    with.tls.certificate = (certificates() / "client.pem").string();
    with.tls.key = (certificates() / "server.key").string();
    connect(with);
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(problem().find("is not the key of tls.certificate"), std::string::npos) << problem();
}

TEST_F(Way, TakesAnotherServerNameForSniAndCertificate)
{
    serve({.tls = server_tls()});
    auto by_address = config("wss://127.0.0.2:" + std::to_string(server->port()) + "/agent");
    by_address.url = "wss://127.0.0.1:" + std::to_string(server->port()) + "/agent";
    by_address.tls.ca = (certificates() / "ca.pem").string();
    by_address.tls.server_name = "localhost";
    connect(by_address);
    EXPECT_TRUE(ready()) << problem();
}

TEST_F(Way, HoldsItsPinsAlsoWithoutVerification)
{
    serve({.tls = server_tls()});
    auto pinned = tls_config();
    pinned.tls.ca.clear();
    pinned.tls.verify = false;
    pinned.tls.pin_sha256 = {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    connect(pinned);
    ASSERT_TRUE(until([&] { return session->status().failures >= 1; }));
    EXPECT_NE(problem().find("pin"), std::string::npos) << problem();
    stop(0ms);
    pinned.tls.pin_sha256 = {read_file(certificates() / "pin")};
    connect(pinned);
    EXPECT_TRUE(ready()) << problem();
}

// The registration goes the same way as the session: CA, pins, proxy.
TEST_F(Way, RegistersOverTlsWithItsOwnAuthorityAndThroughTheProxy)
{
    write_file(dir / "admin", "admin-secret");
    serve({.tls = server_tls(), .answer = "", .http = [](const std::string&) {
               return std::pair<int, std::string>{200,
                                                  R"({"success":true,"agent":{"id":"a","token":"jwt-one"}})"};
           }});
    ConnectProxy proxy{open_tunnel};
    auto panel = tls_config();
    panel.protocol = "panel";
    panel.proxy = url_of(proxy);
    panel.tls.pin_sha256 = {read_file(certificates() / "pin")};
    panel.protocol_json = R"({"register_url":"https://localhost:)" + std::to_string(server->port()) +
                          R"(/api/agents/register","admin_credential":{"file":")" + (dir / "admin").string() +
                          R"("}})";
    connect(panel);
    ASSERT_TRUE(ready()) << problem();
    EXPECT_EQ(server->requests.size(), 1u);
    EXPECT_EQ(proxy.connections(), 2);
}

TEST_F(Way, DoesNotRegisterWithAServerThatIsAnother)
{
    write_file(dir / "admin", "admin-secret");
    serve({.tls = server_tls(), .answer = "", .http = [](const std::string&) {
               return std::pair<int, std::string>{200, ""};
           }});
    auto panel = tls_config();
    panel.protocol = "panel";
    panel.protocol_json = R"({"register_url":"https://localhost:)" + std::to_string(server->port()) +
                          R"(/api/agents/register","admin_credential":{"file":")" + (dir / "admin").string() +
                          R"("}})";
    auto unknown = panel, pinned = panel;
    unknown.tls.ca = (certificates() / "other-ca.pem").string();
    pinned.tls.pin_sha256 = {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    for (const auto& wrong : {unknown, pinned}) {
        connect(wrong);
        ASSERT_TRUE(until([&] { return session->status().state == "waiting"; }));
        EXPECT_NE(problem().find("TLS with localhost: "), std::string::npos) << problem();
        stop(0ms);
    }
    EXPECT_TRUE(server->requests.empty());
}

TEST_F(Way, CompressesBigMessagesWhereAskedFor)
{
    for (const bool compress : {false, true}) {
        SCOPED_TRACE(compress);
        serve({.on_ready =
                   [](Peer& peer) {
                       peer.send(command("echo.big", "r1", {{"bytes", 200'000}}));
                       peer.send(command("echo.say", "r2", {{"x", std::string(60'000, 'y')}}));
                   },
               .deflate = true});
        auto with = config();
        with.compress = compress;
        connect(with);
        ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 3; })) << problem();
        EXPECT_EQ(Json::parse(peer().got[1])["data"]["x"], std::string(200'000, 'x'));
        EXPECT_EQ(Json::parse(peer().got[2])["data"]["x"], std::string(60'000, 'y'));
        EXPECT_EQ(peer().request.find("permessage-deflate") != std::string::npos, compress);
        if (compress) {
            EXPECT_LT(session->status().bytes_out, 30'000u);
            EXPECT_LT(session->status().bytes_in, 10'000u); // theirs too
        } else {
            EXPECT_GT(session->status().bytes_out, 260'000u);
        }
        stop(0ms);
    }
}

TEST_F(Way, DoesNotCompressSmallMessages)
{
    serve({.on_ready =
               [](Peer& peer) {
                   peer.send(command("echo.big", "r1", {{"bytes", 9'000}}));
               },
           .deflate = true});
    auto with = config();
    with.compress = true;
    connect(with);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().got.size() == 2; })) << problem();
    EXPECT_GT(session->status().bytes_out, 9'000u);
}

TEST_F(Way, HoldsItsMessageLimitAgainstWhatSwellsWhenUnpacked)
{
    serve({.on_ready =
               [](Peer& peer) {
                   peer.send(command("echo.say", "r1", {{"x", std::string(8 << 20, 'z')}}));
               },
           .deflate = true});
    auto with = config();
    with.compress = true;
    with.limits.message_bytes = 1 << 20;
    connect(with);
    ASSERT_TRUE(until([&] { return !server->peers.empty() && peer().gone; }));
    EXPECT_EQ(peer().close_code, 1009) << peer().end;
    EXPECT_EQ(plugin.invoked, 0u);
}

} // namespace
} // namespace agenthost::test

// Clients behind trusted proxies: X-Forwarded-For, Forwarded and the PROXY protocol, pure and over sockets,
// and real proxies: nginx, haproxy.
#include "fixture.hpp"
#include "host/listener/forwarded.hpp"
#include "host/listener/proxy_header.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>

namespace agenthost::test {
namespace {

using namespace std::chrono_literals;
using host::listener::client_of;
using host::listener::ProxyHeader;

// The client that 10.0.0.1 tells of; 10.0.0.0/8 and 2001:db8::/32 are trusted.
std::string client(std::string_view list, std::string_view standard = {})
{
    const std::vector<netclient::IpRange> trusted{*netclient::parse_range("10.0.0.0/8"),
                                                  *netclient::parse_range("2001:db8::/32")};
    return client_of(*netclient::parse_endpoint("10.0.0.1:99"), trusted,
                     {.x_forwarded_for = list, .forwarded = standard})
        .text();
}
constexpr const char* proxy_itself = "10.0.0.1:99";

TEST(ForwardedTest, ReadsFromTheRightUpToTheFirstUntrustedAddress)
{
    EXPECT_EQ(client(""), proxy_itself);
    EXPECT_EQ(client("203.0.113.9"), "203.0.113.9:0");
    EXPECT_EQ(client("198.51.100.1, 203.0.113.9"), "203.0.113.9:0"); // what it claims to be is not looked at
    EXPECT_EQ(client("203.0.113.9, 10.0.0.7"), "203.0.113.9:0");
    EXPECT_EQ(client("203.0.113.9,2001:db8::7 , 10.0.0.7"), "203.0.113.9:0");
    EXPECT_EQ(client("10.0.0.8, 10.0.0.7"), "10.0.0.8:0"); // a client inside
    EXPECT_EQ(client("203.0.113.9:4711"), "203.0.113.9:4711");
    EXPECT_EQ(client("2a00:1450::9"), "[2a00:1450::9]:0");
    EXPECT_EQ(client("[2a00:1450::9]:4711"), "[2a00:1450::9]:4711");
    EXPECT_EQ(client("::ffff:203.0.113.9"), "203.0.113.9:0");
    // What the client wrote itself is not read: a quote that it left open does not hide its address.
    EXPECT_EQ(client("garbage\", 203.0.113.9"), "203.0.113.9:0");
    EXPECT_EQ(client("", "for=\"x, for=203.0.113.9"), "203.0.113.9:0");
    EXPECT_EQ(client("", "for=\"a\\\", for=203.0.113.9;by=\"_p,q\""), "203.0.113.9:0");
    EXPECT_EQ(client("garbage, 203.0.113.9"), "203.0.113.9:0");
    EXPECT_EQ(client("203.0.113.9,, "), "203.0.113.9:0");
}

TEST(ForwardedTest, CountsAnInvalidEntryAsTheProxy)
{
    for (const char* list : {"unknown", "203.0.113.9, unknown", "203.0.113.9, nonsense, 10.0.0.7",
                             "203.0.113", "-", "203.0.113.9:99999", "203.0.113.9 203.0.113.8"})
        EXPECT_EQ(client(list), proxy_itself) << list;
}

TEST(ForwardedTest, ReadsTheStandardHeader)
{
    EXPECT_EQ(client("", "for=203.0.113.9"), "203.0.113.9:0");
    EXPECT_EQ(client("", "for=198.51.100.1, For=203.0.113.9;proto=https;by=10.0.0.1"), "203.0.113.9:0");
    EXPECT_EQ(client("", R"(for="[2a00:1450::9]:4711";host="a,b;c")"), "[2a00:1450::9]:4711");
    EXPECT_EQ(client("", R"(proto=http; for="203.0.113.9:80", for=10.0.0.7)"), "203.0.113.9:80");
    for (const char* bad : {"for=_hidden", "for=unknown", "for=[2a00:1450::9]", "proto=https", "203.0.113.9",
                            "for=203.0.113.9;for=198.51.100.1", R"(for="203.0.113.9)", "for=203.0.113.9:80"})
        EXPECT_EQ(client("", bad), proxy_itself) << bad;
}

TEST(ForwardedTest, CountsTwoHeadersThatDisagreeAsTheProxy)
{
    EXPECT_EQ(client("203.0.113.9", "for=203.0.113.9"), "203.0.113.9:0");
    EXPECT_EQ(client("203.0.113.9", "for=198.51.100.1"), proxy_itself);
    EXPECT_EQ(client("203.0.113.9", "for=_x"), proxy_itself);
}

std::string binary(unsigned char command, unsigned char family, std::string body)
{
    std::string out{"\r\n\r\n\0\r\nQUIT\n", 12};
    out += static_cast<char>(command);
    out += static_cast<char>(family);
    out += static_cast<char>(body.size() >> 8);
    out += static_cast<char>(body.size());
    return out + body;
}
const std::string v4_body{"\xcb\x00\x71\x09\x7f\x00\x00\x01\x12\x67\x01\xbb",
                          12}; // 203.0.113.9:4711 -> 127.0.0.1:443

// Byte by byte; says the client, "own", "bad" or "more", and how many bytes it took.
std::string read_proxy(const std::string& text, std::size_t& taken)
{
    ProxyHeader header;
    for (taken = 0; taken < text.size() && header.wants() > 0;) {
        const auto n = std::min({header.wants(), std::size_t{1}, text.size() - taken});
        header.feed(std::string_view{text}.substr(taken, n));
        taken += n;
    }
    switch (header.state()) {
    case ProxyHeader::State::more: return "more";
    case ProxyHeader::State::bad: return "bad";
    case ProxyHeader::State::done: break;
    }
    return header.client() ? header.client()->text() : "own";
}

TEST(ProxyHeaderTest, ReadsBothVersionsAndNoByteBeyond)
{
    const std::string v6_body = std::string{"\x2a\x00\x14\x50", 4} + std::string(11, '\0') + "\x09" +
                                std::string(16, '\0') + std::string{"\x12\x67\x01\xbb", 4};
    const std::vector<std::pair<std::string, std::string>> good{
        {binary(0x21, 0x11, v4_body), "203.0.113.9:4711"},
        {binary(0x21, 0x11, v4_body + std::string(300, 't')), "203.0.113.9:4711"}, // extensions
        {binary(0x21, 0x21, v6_body), "[2a00:1450::9]:4711"},
        {binary(0x20, 0x00, ""), "own"},
        {binary(0x20, 0x11, v4_body), "own"},
        {binary(0x21, 0x00, "xyz"), "own"},
        {binary(0x21, 0x31, std::string(216, 'p')), "own"},
        {"PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n", "203.0.113.9:4711"},
        {"PROXY TCP6 2a00:1450::9 ::1 4711 443\r\n", "[2a00:1450::9]:4711"},
        {"PROXY UNKNOWN\r\n", "own"},
        {"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "own"},
    };
    for (const auto& [text, said] : good) {
        std::size_t taken = 0;
        EXPECT_EQ(read_proxy(text + "GET / HTTP/1.1", taken), said) << text;
        EXPECT_EQ(taken, text.size());
        for (std::size_t cut = 0; cut < text.size(); ++cut)
            EXPECT_EQ(read_proxy(text.substr(0, cut), taken), "more");
    }
}

TEST(ProxyHeaderTest, RejectsEverythingElse)
{
    const std::vector<std::string> bad{"GET / HTTP/1.1\r\n\r\n",
                                       "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
                                       "PROXY TCP4 203.0.113.9 127.0.0.1 4711\r\n",
                                       "PROXY TCP4 203.0.113.9 127.0.0.1 99999 443\r\n",
                                       "PROXY TCP4 ::1 ::1 1 2\r\n",
                                       "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
                                       "PROXY TCP4 " + std::string(200, '1'),
                                       binary(0x11, 0x11, v4_body),
                                       binary(0x22, 0x11, v4_body),
                                       binary(0x21, 0x41, v4_body),
                                       binary(0x21, 0x11, v4_body.substr(0, 11)),
                                       binary(0x21, 0x11, std::string(ProxyHeader::max_bytes, 'x'))};
    std::size_t taken = 0;
    for (const auto& text : bad) EXPECT_EQ(read_proxy(text, taken), "bad") << text;
}

class ProxyTest : public ListenerTest {
protected:
    Script script;
    host::ListenerConfig behind() const
    {
        auto c = config();
        c.trusted_proxies = {"127.0.0.1"};
        return c;
    }
    static json head(Raw& raw, std::string_view headers = {})
    {
        const Answer a = ask(raw, get("/", headers));
        EXPECT_EQ(a.status, 200) << a.body;
        return json::parse(a.body, nullptr, false);
    }
};

TEST_F(ProxyTest, ReportsTheClientAndTheProxyThatNamesIt)
{
    const int p = start(behind());
    http(script, "/");
    Raw raw{p};
    json seen = head(raw, "X-Forwarded-For: 203.0.113.9\r\n");
    EXPECT_EQ(seen["peer"], "203.0.113.9:0");
    EXPECT_EQ(seen["proxy"].get<std::string>().substr(0, 10), "127.0.0.1:");
    seen =
        head(raw, "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.8\r\n"); // the next client's
    EXPECT_EQ(seen["peer"], "203.0.113.8:0");
    seen = head(raw);
    EXPECT_EQ(seen["peer"].get<std::string>().substr(0, 10), "127.0.0.1:");
    EXPECT_FALSE(seen.contains("proxy"));
}

TEST_F(ProxyTest, IgnoresHeadersOfUntrustedPeers)
{
    auto c = behind();
    c.trusted_proxies = {"192.0.2.0/24"};
    const int p = start(c);
    http(script, "/");
    Raw raw{p};
    const json seen = head(raw, "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n");
    EXPECT_EQ(seen["peer"].get<std::string>().substr(0, 10), "127.0.0.1:");
    EXPECT_FALSE(seen.contains("proxy"));
}

TEST_F(ProxyTest, CountsTheClientsAndNotTheProxy)
{
    auto c = behind();
    c.per_address = 2;
    const int p = start(c);
    script.request = [](agh_conn, const json&) {}; // none is answered: all of them run
    http(script, "/");
    std::vector<Raw> held;
    const auto open = [&](const std::string& client) -> Raw& {
        held.emplace_back(p);
        EXPECT_TRUE(held.back().send(get("/", "X-Forwarded-For: " + client + "\r\n")));
        return held.back();
    };
    for (int i = 1; i <= 5; ++i) open("203.0.113." + std::to_string(i));
    open("203.0.113.1");
    EXPECT_TRUE(wait_for([&] { return script.requests() == 6; }));
    const Answer refused = read_answer(open("203.0.113.1"));
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.header("retry-after"), "10");
    open("2a00:1450::1");
    open("2a00:1450::2:2"); // the same /64
    EXPECT_TRUE(wait_for([&] { return script.requests() == 8; }));
    EXPECT_EQ(read_answer(open("2a00:1450::3")).status, 503);
    open("2a00:1450:0:1::3");
    EXPECT_TRUE(wait_for([&] { return script.requests() == 9; }));
    EXPECT_EQ(status().refused, 2u);
    held.front().close(); // 203.0.113.1 has space again
    EXPECT_TRUE(wait_for([&] { return status().connections == held.size() - 3; }));
    open("203.0.113.1");
    EXPECT_TRUE(wait_for([&] { return script.requests() == 10; }));
}

TEST_F(ProxyTest, DoesNotCountAFinishedRequest)
{
    auto c = behind();
    c.per_address = 1;
    const int p = start(c);
    http(script, "/");
    Raw one{p}, two{p}; // both stay open, as a proxy's pool does
    EXPECT_EQ(head(one, "X-Forwarded-For: 203.0.113.9\r\n")["peer"], "203.0.113.9:0");
    EXPECT_EQ(head(two, "X-Forwarded-For: 203.0.113.9\r\n")["peer"], "203.0.113.9:0");
    EXPECT_EQ(head(one, "X-Forwarded-For: 203.0.113.9\r\n")["peer"], "203.0.113.9:0");
}

TEST_F(ProxyTest, ReadsThePROXYHeaderBeforeHttp)
{
    auto c = behind();
    c.proxy_protocol = true;
    c.per_address = 1;
    const int p = start(c);
    http(script, "/");
    Raw raw{p};
    const std::string header = binary(0x21, 0x11, v4_body);
    raw.send(header.substr(0, 5));
    raw.send(header.substr(5));
    EXPECT_EQ(head(raw)["peer"], "203.0.113.9:4711");
    const json again = head(raw, "X-Forwarded-For: 198.51.100.1\r\n"); // 203.0.113.9 is not trusted to say so
    EXPECT_EQ(again["peer"], "203.0.113.9:4711");
    EXPECT_EQ(again["proxy"].get<std::string>().substr(0, 10), "127.0.0.1:");
    Raw second{p};
    second.send(header);
    EXPECT_EQ(read_answer(second).status, 503); // per_address is the client's
    Raw other{p};
    other.send("PROXY TCP4 203.0.113.10 127.0.0.1 4711 443\r\n");
    EXPECT_EQ(head(other)["peer"], "203.0.113.10:4711");
    Raw own{p};
    own.send(binary(0x20, 0x00, ""));
    EXPECT_EQ(head(own)["peer"].get<std::string>().substr(0, 10), "127.0.0.1:");
}

TEST_F(ProxyTest, ClosesAConnectionWithoutItsPROXYHeader)
{
    auto c = behind();
    c.proxy_protocol = true;
    c.header_timeout = 400ms;
    const int p = start(c);
    http(script, "/");
    Raw without{p};
    without.send(get("/"));
    EXPECT_TRUE(without.closed());
    Raw silent{p};
    silent.send("PROXY TCP4 ");
    EXPECT_TRUE(silent.closed());
    EXPECT_EQ(script.requests(), 0u);
}

TEST_F(ProxyTest, ExpectsNoPROXYHeaderOnADirectConnection)
{
    auto c = behind();
    c.trusted_proxies = {"192.0.2.1"};
    c.proxy_protocol = true;
    const int p = start(c);
    http(script, "/");
    Raw raw{p};
    EXPECT_EQ(head(raw)["peer"].get<std::string>().substr(0, 10), "127.0.0.1:");
    Raw forged{p};
    EXPECT_EQ(ask(forged, "PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n" + get("/")).status, 400);
}

TEST_F(ProxyTest, ReadsThePROXYHeaderBeforeTls)
{
    auto c = behind();
    c.proxy_protocol = true;
    c.tls = host::TlsServerConfig{.certificate = (certificates() / "server.pem").string(),
                                  .key = (certificates() / "server.key").string()};
    const int p = start(c);
    http(script, "/");
    const auto ran = run({"python3", "-c", R"(import socket, ssl, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 443\r\n")
t = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(s, server_hostname="localhost")
t.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
while True:
    data = t.recv(65536)
    if not data: break
    sys.stdout.write(data.decode()))",
                          std::to_string(p), (certificates() / "ca.pem").string()});
    EXPECT_NE(ran.out.find(R"("peer":"203.0.113.9:4711")"), std::string::npos) << ran.out << ran.err;
}

// A real nginx in front, for HTTP and for a WebSocket's upgrade, set up as its manual says.
TEST_F(ProxyTest, FindsTheClientsOfARealNginx)
{
    const int p = start(behind());
    http(script, "/");
    const std::string folder = dir.path().string();
    int front = 0;
    std::unique_ptr<Process> nginx;
    for (int attempt = 0; attempt < 10 && (!nginx || !nginx->running()); ++attempt) { // free_port() is racy
        front = free_port();
        write_file(dir.path() / "nginx.conf",
                   "daemon off;\nworker_processes 1;\npid " + folder + "/pid;\nerror_log " + folder +
                       "/error.log;\nevents {}\nhttp {\n  access_log off;\n  client_body_temp_path " +
                       folder + "/t1;\n  proxy_temp_path " + folder + "/t2;\n  fastcgi_temp_path " + folder +
                       "/t3;\n  uwsgi_temp_path " + folder + "/t4;\n  scgi_temp_path " + folder +
                       "/t5;\n  server {\n    listen 127.0.0.1:" + std::to_string(front) +
                       ";\n    location / {\n      proxy_pass http://127.0.0.1:" + std::to_string(p) +
                       ";\n      proxy_http_version 1.1;\n      proxy_set_header Host $host;\n"
                       "      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
                       "      proxy_set_header Forwarded \"\";\n    }\n  }\n}\n");
        nginx = std::make_unique<Process>(
            Process::Options{.argv = {"/usr/sbin/nginx", "-p", folder, "-e", folder + "/error.log", "-c",
                                      folder + "/nginx.conf"}});
        wait_for([&] { return !nginx->running() || Raw{front}.connected(); });
    }
    ASSERT_TRUE(nginx->running()) << nginx->err();
    Raw raw{front};
    // The client's own claims come through nginx, left of what nginx adds; nginx reaches us from 127.0.0.1,
    // which is trusted too.
    const json seen = head(raw, "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=198.51.100.7\r\n");
    EXPECT_EQ(seen["peer"], "203.0.113.9:0");
    EXPECT_EQ(seen["headers"]["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    Raw plain{front};
    EXPECT_EQ(head(plain)["peer"], "127.0.0.1:0");
    nginx->signal(SIGTERM); // a worker whose master was killed goes on for ever
    nginx->wait();
}

// Our end of a connection, as a plugin is told it.
std::string own_end(const Raw& raw)
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(raw.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    char host[64] = "", port[8] = "";
    ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV);
    const std::string text = address.ss_family == AF_INET6 ? "[" + std::string{host} + "]" : host;
    return text + ":" + port;
}

Raw over_ipv6(int port)
{
    const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<std::uint16_t>(port));
    address.sin6_addr = in6addr_loopback;
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return Raw::adopt(fd);
}

// A real haproxy in front, with both versions of the PROXY protocol, set up as its manual says.
TEST_F(ProxyTest, FindsTheClientsOfARealHaproxy)
{
    auto c = behind();
    c.proxy_protocol = true;
    const int p = start(c);
    http(script, "/");
    const std::string target = "127.0.0.1:" + std::to_string(p);
    int v1 = 0, v2 = 0, checked = 0;
    std::unique_ptr<Process> haproxy;
    for (int attempt = 0; attempt < 10 && (!haproxy || !haproxy->running());
         ++attempt) { // free_port() is racy
        v1 = free_port(), v2 = free_port(), checked = free_port();
        const auto section = [&](int port, const std::string& name, const std::string& send) {
            return "listen " + name + "\n  bind 127.0.0.1:" + std::to_string(port) +
                   "\n  bind [::1]:" + std::to_string(port) + "\n  server hub " + target + " " + send + "\n";
        };
        write_file(
            dir.path() / "haproxy.cfg",
            "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n" +
                section(v1, "v1", "send-proxy") + section(v2, "v2", "send-proxy-v2") +
                section(checked, "checked",
                        "send-proxy-v2 proxy-v2-options crc32c check-send-proxy check inter "
                        "200ms"));
        haproxy = std::make_unique<Process>(Process::Options{
            .argv = {"/usr/sbin/haproxy", "-db", "-f", (dir.path() / "haproxy.cfg").string()}});
        wait_for([&] {
            return !haproxy->running() ||
                   (Raw{v1}.connected() && Raw{v2}.connected() && Raw{checked}.connected());
        });
    }
    ASSERT_TRUE(haproxy->running()) << haproxy->err();
    for (const int front : {v1, v2, checked}) {
        Raw raw{front};
        const std::string own = own_end(raw);
        json seen = head(raw);
        EXPECT_EQ(seen["peer"], own) << haproxy->err();
        EXPECT_EQ(seen["proxy"].get<std::string>().substr(0, 10), "127.0.0.1:");
        EXPECT_NE(seen["proxy"], own);
        seen = head(raw); // the header comes once a connection
        EXPECT_EQ(seen["peer"], own);
        // Over IPv6 as well; our end of the connection from haproxy is IPv4 still.
        Raw six = over_ipv6(front);
        EXPECT_EQ(head(six)["peer"], own_end(six));
    }
    haproxy->signal(SIGTERM);
    haproxy->wait();
}

} // namespace
} // namespace agenthost::test

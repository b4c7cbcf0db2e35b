#include "fixture.hpp"

#include "host/cli/doctor.hpp"
#include "tests/support/daemon.hpp"

#include <nlohmann/json.hpp>

#include <netinet/in.h>

#include <fstream>

using namespace agenthost::host;
using namespace agenthost::host::test;
using agenthost::host::cli::Findings;
using agenthost::host::cli::Verdict;
using nlohmann::json;
namespace base = agenthost::base;
namespace netclient = agenthost::netclient;
using testing::AllOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

namespace {

// A TCP port on loopback that reads one head and answers with `text`.
class TcpAnswer {
public:
    explicit TcpAnswer(std::string text)
        : text_{std::move(text)}, listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_.get(), 8), 0);
        socklen_t size = sizeof address;
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port = std::to_string(ntohs(address.sin_port));
        thread_ = std::thread{[this] { serve(); }};
    }
    ~TcpAnswer()
    {
        stop_ = true;
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    TcpAnswer(const TcpAnswer&) = delete;
    TcpAnswer& operator=(const TcpAnswer&) = delete;
    std::string port;
    std::string asked() const
    {
        const std::lock_guard lock{mutex_};
        return asked_;
    }

private:
    void serve()
    {
        while (!stop_) {
            const base::Fd peer{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
            if (!peer) continue;
            std::string head;
            char byte = 0;
            while (!head.ends_with("\r\n\r\n") && ::recv(peer.get(), &byte, 1, 0) == 1) head += byte;
            {
                const std::lock_guard lock{mutex_};
                asked_ += head;
            }
            (void)::send(peer.get(), text_.data(), text_.size(), MSG_NOSIGNAL);
            if (text_.find(" 200 ") != std::string::npos) { // a proxy: one more head, from inside the tunnel
                head.clear();
                while (!head.ends_with("\r\n\r\n") && ::recv(peer.get(), &byte, 1, 0) == 1) head += byte;
                const std::lock_guard lock{mutex_};
                asked_ += head;
                const std::string inner = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
                (void)::send(peer.get(), inner.data(), inner.size(), MSG_NOSIGNAL);
            }
        }
    }
    std::string text_, asked_;
    mutable std::mutex mutex_;
    base::Fd listener_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

struct Doctor : Command {
    void SetUp() override
    {
        Command::SetUp();
        write_file(dir / "secret", "x");
    }
    void configure(const std::string& more)
    {
        write_file(config,
                   "agent: {state_dir: " + (dir / "state").string() + ", plugin_path: [plugins]}\n" + more);
    }
    static std::string server(const std::string& url, const std::string& more = "")
    {
        return "servers:\n- {name: files, protocol: storage, url: '" + url + "', credential: {file: secret}" +
               more + "}\n";
    }
    Ran doctor() { return run({"doctor", "--timeout", "20s"}); }
};

TEST_F(Doctor, FindsNothingOnAHealthyMachine)
{
    const TcpAnswer hub{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"};
    configure(server("ws://127.0.0.1:" + hub.port + "/ws/storage?x=1"));
    const Ran ran = doctor();
    EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    EXPECT_THAT(ran.out, ContainsRegex("OK +config +" + config.string()));
    EXPECT_THAT(ran.out, ContainsRegex("OK +daemon +not running"));
    EXPECT_THAT(ran.out, ContainsRegex("OK +state +"));
    EXPECT_THAT(ran.out, ContainsRegex("OK +disk +")) << "or the disk of /tmp is nearly full";
    EXPECT_THAT(ran.out, ContainsRegex("OK +server files +its credential can be read"));
    EXPECT_THAT(ran.out, ContainsRegex("OK +server files +speaks WebSocket"));
    EXPECT_THAT(ran.out, ContainsRegex("[0-9]+ checks: nothing failed"));
    EXPECT_THAT(hub.asked(),
                testing::StartsWith("GET /ws/storage?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + hub.port + "\r\n"));
    EXPECT_FALSE(std::filesystem::exists(dir / "state")); // it only looks
}

TEST_F(Doctor, ReportsTheProblemOfAServer)
{
    const TcpAnswer missing{"HTTP/1.1 404 Not Found\r\n\r\n"}, junk{"220 mail.example.com ESMTP\r\n"};
    configure(
        "servers:\n- {name: a, protocol: storage, url: 'ws://127.0.0.1:" + missing.port +
        "/wrong', credential: {file: gone}}\n"
        "- {name: b, protocol: storage, url: 'ws://127.0.0.1:" +
        junk.port +
        "/', credential: {env: AGENTHOST_TEST_NONE}}\n"
        "- {name: c, protocol: storage, url: 'ws://127.0.0.1:" +
        std::to_string(agenthost::test::free_port()) +
        "/', credential: {file: secret}}\n"
        "- {name: d, protocol: storage, url: 'wss://no-such-host.invalid/', credential: {file: secret}}\n");
    const Ran ran = doctor();
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(
        ran.out,
        ContainsRegex(
            "FAIL  server a +answers 404: there is no WebSocket at this path\n +-> correct the path in url"));
    EXPECT_THAT(ran.out, ContainsRegex("FAIL  server a +its credential: .*gone: No such file or directory"));
    EXPECT_THAT(ran.out,
                ContainsRegex("FAIL  server b +does not respond like a web server: the answer is not HTTP"));
    EXPECT_THAT(ran.out,
                ContainsRegex("WARN  server b +environment variable AGENTHOST_TEST_NONE is not set"));
    EXPECT_THAT(ran.out, ContainsRegex("FAIL  server c +no connection to 127.0.0.1 port [0-9]+: Connection "
                                       "refused\n +-> nothing listens there"));
    EXPECT_THAT(ran.out, ContainsRegex("FAIL  server d +the name no-such-host.invalid is not found: "));
}

TEST_F(Doctor, UsesTheProxy)
{
    const TcpAnswer proxy{"HTTP/1.1 200 Connection established\r\n\r\n"};
    configure(server("ws://127.0.0.1:9/agent", ", proxy: 'http://me:pw@127.0.0.1:" + proxy.port + "'"));
    const Ran ran = doctor();
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_THAT(ran.out, HasSubstr("speaks WebSocket"));
    EXPECT_THAT(proxy.asked(),
                HasSubstr("CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: 127.0.0.1:9\r\nProxy-Authorization: Basic "
                          "bWU6cHc=\r\n\r\nGET /agent HTTP/1.1\r\n"));
    const TcpAnswer strict{"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"};
    configure(server("ws://127.0.0.1:9/agent", ", proxy: 'http://127.0.0.1:" + strict.port + "'"));
    EXPECT_THAT(doctor().out,
                ContainsRegex("FAIL  server files +the proxy 127.0.0.1:[0-9]+ answered 407 to CONNECT "
                              "127.0.0.1:9 .Proxy Authentication Required.\n +-> it requires a user"));
}

TEST_F(Doctor, QuotesAProxyThatIsNotOne)
{
    const TcpAnswer ssh{"SSH-2.0-OpenSSH_9.2\r\n"};
    configure(server("ws://127.0.0.1:9/agent", ", proxy: 'http://127.0.0.1:" + ssh.port + "'"));
    EXPECT_THAT(doctor().out,
                ContainsRegex("FAIL  server files +the proxy 127.0.0.1:[0-9]+ does not respond like "
                              "an HTTP proxy; it sent \"SSH-2.0-OpenSSH_9.2\"\n"
                              " +-> check proxy: http://HOST:PORT"));
}

// A status is enough: a session does not read the body either.
TEST_F(Doctor, JudgesTheStatusOfAResponseWhoseBodyCannotBeRead)
{
    const TcpAnswer coded{"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: gzip\r\n\r\n"};
    configure(server("ws://127.0.0.1:" + coded.port + "/agent"));
    EXPECT_THAT(doctor().out, ContainsRegex("FAIL  server files +answers 404: there is no WebSocket"));
    const TcpAnswer both{
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"};
    configure(server("ws://127.0.0.1:" + both.port + "/agent"));
    EXPECT_THAT(doctor().out, ContainsRegex("server files +reachable; answers 401"));
}

struct DoctorTls : Doctor {
    agenthost::test::TestCa ca;
    std::unique_ptr<Process> server_process;

    // A real TLS server; returns its port.
    std::string start(const std::string& alt_names)
    {
        const auto [certificate, key] = ca.issue("server", alt_names);
        server_process = std::make_unique<Process>(
            Process::Options{.argv = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate,
                                      "-key", key, "-www", "-naccept", "9"}});
        std::string port;
        EXPECT_TRUE(wait_for([&] {
            const std::string out = server_process->out();
            const auto at = out.find("ACCEPT 127.0.0.1:");
            const auto end = out.find('\n', at == std::string::npos ? 0 : at);
            if (at == std::string::npos || end == std::string::npos) return false;
            port = out.substr(at + 17, end - at - 17);
            return true;
        })) << server_process->err();
        return port;
    }
};

TEST_F(DoctorTls, VerifiesTheCertificateAsASessionDoes)
{
    const std::string url = "wss://127.0.0.1:" + start("IP:127.0.0.1") + "/";
    configure(server(url, ", tls: {ca: " + ca.ca() + "}"));
    const Ran good = doctor();
    EXPECT_THAT(
        good.out,
        ContainsRegex("OK +server files +TLSv1.3, certificate valid for (1 day|2 days), pin [A-Za-z0-9+/]+="))
        << good.out;
    EXPECT_THAT(good.out, ContainsRegex("WARN +server files +its certificate expires in (1 day|2 days)"));
    EXPECT_THAT(good.out,
                ContainsRegex("WARN +server files +answers 200 to an upgrade")); // s_server shows a page

    configure(server(url));
    const Ran unknown = doctor();
    EXPECT_EQ(unknown.code, 1);
    EXPECT_THAT(unknown.out,
                ContainsRegex(
                    "FAIL  server files +the certificate of 127.0.0.1 is not accepted: .*\n +-> set tls.ca"));

    configure(server(url, ", tls: {ca: " + ca.ca() + ", server_name: files.example.com}"));
    EXPECT_THAT(
        doctor().out,
        ContainsRegex(
            "the certificate of files.example.com is not accepted: .*\n +-> use the name it was issued for"));

    configure(server(url, ", tls: {ca: " + ca.ca() +
                              ", pin_sha256: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}"));
    EXPECT_THAT(doctor().out,
                ContainsRegex("FAIL  server files +the server's key is not one of tls.pin_sha256; it is "));
}

TEST_F(Doctor, ReportsAPortWithoutTls)
{
    const TcpAnswer plain{"HTTP/1.1 400 Bad Request\r\n\r\n"};
    configure(server("wss://127.0.0.1:" + plain.port + "/"));
    // The plain server waits for a line end that TLS does not send, or answers what is no TLS.
    const Ran ran = run({"doctor", "--timeout", "300ms"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.out,
                ContainsRegex("FAIL  server files +(connected, but TLS gets no answer|TLS fails: )"));
}

TEST_F(Doctor, ChecksListenersAndPlugins)
{
    const TcpAnswer taken{""};
    configure(
        "listeners:\n- {name: free, bind: '127.0.0.1:0'}\n- {name: taken, bind: '127.0.0.1:" + taken.port +
        "'}\n"
        "- {name: other, bind: '192.0.2.1:0', insecure: true}\n- {name: sealed, bind: '127.0.0.1:0', tls: "
        "{certificate: none.pem, key: secret}}\n"
        "plugins: {nosuch: {enabled: true}}\n");
    const Ran ran = doctor();
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.out, ContainsRegex("OK +listener free +127.0.0.1:0"));
    EXPECT_THAT(ran.out, ContainsRegex("FAIL  listener taken +127.0.0.1:" + taken.port +
                                       ": Address already in use\n +-> stop the process that uses it"));
    EXPECT_THAT(
        ran.out,
        ContainsRegex(
            "FAIL  listener other +192.0.2.1:0: Cannot assign requested address\n +-> this address is not"));
    EXPECT_THAT(ran.out, ContainsRegex(
                             "FAIL  listener sealed +tls.certificate .*none.pem: No such file or directory"));
    EXPECT_THAT(ran.out, ContainsRegex("FAIL  plugin nosuch +.*no such plugin in "));
}

TEST_F(Doctor, SkipsPortsThatTheRunningDaemonUses)
{
    const TcpAnswer taken{""};
    configure("listeners: [{name: taken, bind: '127.0.0.1:" + taken.port + "'}]\n");
    const Ran ran = against(
        FakeDaemon::json(200, R"({"healthy":false,"ready":true,"problems":["plugin x: gone"]})"), {"doctor"});
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_THAT(ran.out, ContainsRegex("OK +listener taken"));
    EXPECT_THAT(ran.out, ContainsRegex("WARN  daemon +plugin x: gone"));
}

TEST_F(Doctor, StopsAtABadConfiguration)
{
    write_file(config, "lgo: {}\n");
    const Ran ran = doctor();
    EXPECT_EQ(ran.code, 78);
    EXPECT_THAT(ran.out, ContainsRegex("FAIL  config +.*:1:1: unknown key"));
    const Ran as_json = run({"--json", "doctor"});
    EXPECT_EQ(as_json.code, 78);
    const json parsed = json::parse(as_json.out);
    EXPECT_EQ(parsed["ok"], false);
    EXPECT_EQ(parsed["checks"][0]["verdict"], "FAIL");
}

TEST_F(Doctor, ChecksTheStateDirectory)
{
    configure("");
    std::filesystem::create_directory(dir / "state");
    std::filesystem::permissions(dir / "state", std::filesystem::perms{0755});
    EXPECT_THAT(
        doctor().out,
        ContainsRegex("WARN  state +.* is accessible to others, and it holds tokens\n +-> chmod 700 "));
    std::filesystem::permissions(dir / "state", std::filesystem::perms{0700});
    EXPECT_THAT(doctor().out, ContainsRegex("OK +state "));
    std::filesystem::remove(dir / "state");
    write_file(dir / "state", "");
    const Ran ran = doctor();
    EXPECT_EQ(ran.code, 1);
    EXPECT_THAT(ran.out, ContainsRegex("FAIL  state +.* is not a folder"));
}

// --- what an answer means, without I/O
// ------------------------------------------------------------------------------------------

Findings judged(const std::string& head)
{
    Findings findings;
    netclient::ResponseHead answer;
    std::string why;
    EXPECT_EQ(netclient::parse_response_head(head, answer, why, netclient::Switching::expected),
              netclient::HeadResult::complete)
        << why;
    cli::check_upgrade(findings, "server x", {.name = "x", .url = "wss://h/p?token=y"}, answer);
    return findings;
}

TEST(UpgradeAnswers, AreJudgedByStatus)
{
    const auto verdict = [](const std::string& head) {
        const Findings findings = judged(head);
        return findings.size() == 1 ? findings[0].verdict : throw std::runtime_error{"not one finding"};
    };
    EXPECT_EQ(verdict("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Verdict::good);
    EXPECT_EQ(verdict("HTTP/1.1 401 Unauthorized\r\n\r\n"), Verdict::good);
    EXPECT_EQ(verdict("HTTP/1.0 403\r\n\r\n"), Verdict::good);
    EXPECT_EQ(verdict("HTTP/1.1 404 Not Found\r\n\r\n"), Verdict::bad);
    EXPECT_EQ(verdict("HTTP/1.1 200 OK\r\n\r\n"), Verdict::doubtful);
    EXPECT_EQ(verdict("HTTP/1.1 503 No\r\n\r\n"), Verdict::doubtful);
    const Findings moved = judged("HTTP/1.1 301 Moved\r\nLocation: https://other/\r\n\r\n");
    ASSERT_EQ(moved.size(), 1u);
    EXPECT_EQ(moved[0].text, "answers 301 and redirects to https://other/");
    EXPECT_THAT(judged("HTTP/1.1 404 X\r\n\r\n")[0].remedy, Not(HasSubstr("token")));
}

TEST(UpgradeAnswers, ReportTheServersClock)
{
    const auto check = [](const char* protocol, std::int64_t ahead) {
        Findings findings;
        cli::check_clock(findings, "s", {.name = "s", .protocol = protocol}, ahead);
        return findings;
    };
    EXPECT_TRUE(check("signed", 20).empty());
    EXPECT_EQ(check("signed", 60)[0].verdict, Verdict::doubtful);
    EXPECT_EQ(check("signed", -301)[0].verdict, Verdict::bad);
    EXPECT_EQ(check("signed", -301)[0].text, "this machine's clock is 5m 1s behind the server's");
    EXPECT_EQ(check("storage", 7200)[0].verdict, Verdict::doubtful);
    EXPECT_EQ(check("storage", 7200)[0].text, "this machine's clock is 2h 0m ahead of the server's");
}

} // namespace

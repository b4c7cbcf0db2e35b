#include "base/fd.hpp"
#include "fixture.hpp"
#include "tests/support/thread_state.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace agenthost::test {
namespace {

using namespace std::chrono_literals;

class LimitsTest : public ListenerTest {
protected:
    Script script;
    host::ListenerConfig quick() const
    {
        auto c = config();
        c.header_timeout = 400ms;
        c.idle_timeout = 400ms;
        return c;
    }
};

TEST_F(LimitsTest, RefusesConnectionsBeyondTheLimitPerAddress)
{
    auto c = config();
    c.per_address = 3;
    const int p = start(c);
    http(script, "/");
    std::vector<Raw> held;
    for (int i = 0; i < 3; ++i) {
        held.emplace_back(p);
        ASSERT_EQ(ask(held.back(), get("/")).status, 200);
    }
    Raw extra{p};
    EXPECT_EQ(read_answer(extra).status, 503);
    EXPECT_TRUE(extra.closed());
    EXPECT_EQ(status().refused, 1u);
    held.pop_back();
    EXPECT_TRUE(wait_for([&] {
        Raw again{p};
        return ask(again, get("/")).status == 200;
    }));
}

TEST_F(LimitsTest, RefusesConnectionsBeyondTheTotal)
{
    auto c = config();
    c.connections = 2;
    const int p = start(c);
    http(script, "/");
    Raw one{p}, two{p};
    ASSERT_EQ(ask(one, get("/")).status, 200);
    ASSERT_EQ(ask(two, get("/")).status, 200);
    Raw three{p};
    EXPECT_EQ(read_answer(three).status, 503);
    EXPECT_EQ(ask(one, get("/")).status, 200); // who is in stays in
}

// Every descriptor is taken: who comes waits in the kernel's queue and is served as soon as one is free.
TEST_F(LimitsTest, ServesWaitingPeersWhenDescriptorsAreFreeAgain)
{
    const int p = start();
    http(script, "/");
    {
        Raw warm{p};
        ASSERT_EQ(ask(warm, get("/")).status, 200);
    }
    ASSERT_TRUE(wait_for([&] { return status().connections == 0; }));
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit low = before;
    low.rlim_cur = static_cast<rlim_t>(::dup(client)); // the lowest free number, and so none below it
    ::close(static_cast<int>(low.rlim_cur));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    const auto accepted = status().accepted;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(p));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const std::string request = get("/");
    ASSERT_EQ(::send(client, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    pollfd answered{client, POLLIN, 0};
    EXPECT_EQ(::poll(&answered, 1, 350), 0) << "three attempts of the listener have failed";
    EXPECT_EQ(status().accepted, accepted);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(::poll(&answered, 1, static_cast<int>(std::chrono::milliseconds{max_wait}.count())), 1);
    char text[64] = {};
    EXPECT_GT(::recv(client, text, sizeof text - 1, 0), 0);
    EXPECT_EQ(std::string{text}.substr(0, 15), "HTTP/1.1 200 OK");
    ::close(client);
}

TEST_F(LimitsTest, ServesIpv6AndCountsItsAddresses)
{
    auto c = config();
    c.bind = {"[::1]:0"};
    c.per_address = 1;
    const int p = start(c);
    http(script, "/");
    EXPECT_EQ(status().address, "http://[::1]:" + std::to_string(p));
    const auto dial = [p] {
        const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(static_cast<std::uint16_t>(p));
        address.sin6_addr = in6addr_loopback;
        EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return Raw::adopt(fd);
    };
    Raw first = dial();
    const Answer answer = ask(first, get("/"));
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(json::parse(answer.body)["peer"].get<std::string>().substr(0, 6), "[::1]:");
    Raw second = dial();
    EXPECT_EQ(read_answer(second).status, 503);
    EXPECT_EQ(status().refused, 1u);
}

TEST_F(LimitsTest, ServesManyConnectionsAtOnce)
{
    auto c = config();
    c.per_address = 2000;
    const int p = start(c);
    http(script, "/");
    std::vector<Raw> many;
    for (int i = 0; i < 400; ++i) many.emplace_back(p);
    for (int round = 0; round < 2; ++round) {
        for (auto& raw : many) raw.send(get("/"));
        for (auto& raw : many) ASSERT_EQ(read_answer(raw).status, 200);
    }
    EXPECT_EQ(status().connections, 400u);
    many.clear();
    EXPECT_TRUE(wait_for([&] { return status().connections == 0 && script.balanced(); }));
}

TEST_F(LimitsTest, EndsAHeadThatIsNeverComplete)
{
    const int p = start(quick());
    http(script, "/");
    Raw raw{p};
    std::atomic<bool> stop{false};
    std::thread drip{[&] {
        raw.send("GET / HTTP/1.1\r\n");
        while (!stop && raw.send("x")) std::this_thread::sleep_for(50ms);
    }};
    const auto a = read_answer(raw);
    stop = true;
    drip.join();
    EXPECT_EQ(a.status, 408);
    EXPECT_EQ(script.requests(), 0u);
}

TEST_F(LimitsTest, EndsAnIncompleteHeadAfterAHeadRequestWithABody)
{
    const int p = start(quick());
    http(script, "/");
    Raw raw{p};
    ASSERT_EQ(ask(raw, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
    raw.send("GET / HTTP/1.1\r\n");
    const auto a = read_answer(raw);
    EXPECT_EQ(a.status, 408);
    EXPECT_NE(a.body.find("REQUEST_TIMEOUT"), std::string::npos) << a.head;
}

TEST_F(LimitsTest, ClosesIdleConnectionsWithoutAnAnswer)
{
    const int p = start(quick());
    http(script, "/");
    Raw never{p}, once{p};
    EXPECT_EQ(ask(once, get("/")).status, 200);
    EXPECT_EQ(never.rest(), "");
    EXPECT_EQ(once.rest(), "");
    EXPECT_TRUE(wait_for([&] { return status().connections == 0; }));
}

TEST_F(LimitsTest, ClosesAConnectionThatStartsNoHandshake)
{
    auto c = quick();
    c.tls = host::TlsServerConfig{.certificate = (certificates() / "server.pem").string(),
                                  .key = (certificates() / "server.key").string()};
    const int p = start(c);
    Raw silent{p}, garbage{p};
    garbage.send("this is not TLS at all, not even nearly\r\n\r\n");
    EXPECT_TRUE(silent.closed());
    garbage.rest();
    EXPECT_TRUE(wait_for([&] { return status().connections == 0; }));
}

TEST_F(LimitsTest, ServesTlsToOpensslAndReportsTheScheme)
{
    auto c = config();
    c.tls = host::TlsServerConfig{.certificate = (certificates() / "server.pem").string(),
                                  .key = (certificates() / "server.key").string()};
    const int p = start(c);
    http(script, "/");
    EXPECT_EQ(listeners->address("web"), "https://127.0.0.1:" + std::to_string(p));
    for (const char* version : {"-tls1_2", "-tls1_3"}) {
        const auto ran =
            run({"openssl", "s_client", "-quiet", "-ign_eof", "-verify_return_error", "-CAfile",
                 (certificates() / "ca.pem").string(), version, "-connect", "127.0.0.1:" + std::to_string(p)},
                {}, get("/x", "Connection: close\r\n"));
        EXPECT_NE(ran.out.find("200 OK"), std::string::npos) << ran.out << ran.err;
        EXPECT_NE(ran.out.find(R"("tls":true)"), std::string::npos);
    }
    const auto old = run({"openssl", "s_client", "-tls1_1", "-connect", "127.0.0.1:" + std::to_string(p)});
    EXPECT_NE(old.code, 0);
}

TEST_F(LimitsTest, ServesARenewedCertificateWithoutAReload)
{
    const auto put = [&](const std::string& who, const char* ending) {
        std::filesystem::copy_file(certificates() / (who + ending), dir / "new",
                                   std::filesystem::copy_options::overwrite_existing);
        std::filesystem::rename(dir / "new", dir / (std::string{"served"} + ending));
    };
    put("server", ".pem");
    put("server", ".key");
    auto c = config();
    c.tls = host::TlsServerConfig{.certificate = (dir / "served.pem").string(),
                                  .key = (dir / "served.key").string()};
    std::mutex mutex;
    std::vector<std::string> said;
    listeners->on_renewal([&](const std::string& listener, const std::string& problem) {
        const std::lock_guard lock{mutex};
        said.push_back(listener + ": " + problem);
    });
    const int p = start(c);
    http(script, "/");
    const auto subject = [&] {
        const auto ran = run({"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(p)});
        const auto at = ran.out.find("subject=");
        return at == std::string::npos ? ran.out + ran.err : ran.out.substr(at, ran.out.find('\n', at) - at);
    };
    EXPECT_NE(subject().find("server"), std::string::npos);
    put("other", ".pem"); // and not its key yet
    EXPECT_TRUE(wait_for([&] {
        EXPECT_NE(subject().find("server"), std::string::npos);
        const std::lock_guard lock{mutex};
        return said.size() == 1;
    }));
    put("other", ".key");
    EXPECT_TRUE(wait_for([&] { return subject().find("other") != std::string::npos; }));
    const std::lock_guard lock{mutex};
    ASSERT_EQ(said.size(), 2u);
    EXPECT_NE(said[0].find("web: tls.key"), std::string::npos) << said[0];
    EXPECT_EQ(said[1], "web: ");
}

TEST_F(LimitsTest, StatusShowsACertificateThatCannotBeUsedAnyMoreWithoutAnyConnection)
{
    const auto put = [&](const char* ending) {
        std::filesystem::copy_file(certificates() / (std::string{"server"} + ending),
                                   dir / (std::string{"served"} + ending));
    };
    put(".pem");
    put(".key");
    auto c = config();
    c.tls = host::TlsServerConfig{.certificate = (dir / "served.pem").string(),
                                  .key = (dir / "served.key").string()};
    start(c);
    const auto problem = [&] {
        listeners->check_certificates();
        for (const auto& status : listeners->status())
            if (status.name == "web") return status.tls_problem;
        return std::string{"no such listener"};
    };
    EXPECT_EQ(problem(), "");
    write_file(dir / "served.pem", "garbage");
    EXPECT_TRUE(wait_for([&] { return problem().find((dir / "served.pem").string()) != std::string::npos; }));
    std::filesystem::remove(dir / "served.pem");
    EXPECT_TRUE(wait_for([&] { return problem().find("No such file") != std::string::npos; })) << problem();
    put(".pem");
    EXPECT_TRUE(wait_for([&] { return problem().empty(); })) << problem();
}

TEST_F(LimitsTest, ForgetReturnsAfterTheLastCallback)
{
    const int p = start();
    auto mine = std::make_unique<Script>();
    std::atomic<bool> inside{false}, release{false};
    mine->request = [&](agh_conn, const json& head) {
        if (head["path"] == "/slow") {
            inside = true;
            while (!release) std::this_thread::sleep_for(1ms);
            inside = false;
        }
    };
    route(R"({"listener":"web","kind":"http","prefix":"/"})", *mine, "mine");
    std::vector<Raw> open;
    for (int i = 0; i < 20; ++i) {
        open.emplace_back(p);
        open.back().send(get("/wait"));
    }
    ASSERT_TRUE(wait_for([&] { return mine->requests() == 20; }));
    open.emplace_back(p);
    open.back().send(get("/slow"));
    ASSERT_TRUE(wait_for([&] { return inside.load(); }));
    std::atomic<bool> returned{false};
    std::atomic<pid_t> forgetter{0};
    std::thread forget{[&] {
        forgetter = ::gettid();
        listeners->forget("mine");
        EXPECT_FALSE(inside);
        returned = true;
    }};
    EXPECT_TRUE(wait_for([&] { return thread_state(forgetter) == 'S'; })); // it waits for the callback
    EXPECT_FALSE(returned);
    release = true;
    forget.join();
    EXPECT_TRUE(mine->balanced());
    mine.reset(); // nothing may call it now
    for (auto& raw : open) EXPECT_TRUE(raw.closed());
    Raw later{p};
    EXPECT_EQ(ask(later, get("/wait")).status, 404);
    route(R"({"listener":"web","kind":"http","prefix":"/"})", script, "mine"); // and it may come back
    EXPECT_EQ(ask(later, get("/wait")).status, 200);
}

TEST_F(LimitsTest, ForgetIsSafeWhileRequestsKeepComing)
{
    const int p = start();
    std::atomic<bool> stop{false};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
        clients.emplace_back([&] {
            while (!stop) {
                Raw raw{p};
                for (int n = 0; n < 5 && !stop; ++n) {
                    const auto a = ask(raw, get("/"));
                    if (a.status == 0) break;
                    EXPECT_TRUE(a.status == 200 || a.status == 404) << a.status;
                }
            }
        });
    }
    for (int round = 0; round < 20; ++round) {
        auto mine = std::make_unique<Script>();
        route(R"({"listener":"web","kind":"http","prefix":"/"})", *mine, "mine");
        ASSERT_TRUE(wait_for([&] { return mine->requests() > 3; }));
        listeners->forget("mine");
        EXPECT_TRUE(mine->balanced());
    }
    stop = true;
    for (auto& client : clients) client.join();
}

TEST_F(LimitsTest, ForgetWorksWhenTheLoopsHaveEnded)
{
    const int p = start();
    auto mine = std::make_unique<Script>();
    mine->request = [](agh_conn, const json&) {};
    route(R"({"listener":"web","kind":"http","prefix":"/"})", *mine, "mine");
    Raw raw{p};
    raw.send(get("/"));
    ASSERT_TRUE(wait_for([&] { return mine->requests() == 1; }));
    for (auto& loop : loops) loop->end();
    listeners->forget("mine");
    EXPECT_TRUE(mine->balanced());
    mine.reset();
    listeners.reset();
}

TEST_F(LimitsTest, DrainFinishesOpenRequestsAndAcceptsNone)
{
    const int p = start();
    std::atomic<agh_conn> running{0};
    script.request = [&](agh_conn c, const json& head) {
        if (head["path"] == "/run")
            running = c;
        else
            answer(c, 200, "ok");
    };
    http(script, "/");
    Raw idle{p}, busy{p};
    EXPECT_EQ(ask(idle, get("/")).status, 200);
    busy.send(get("/run"));
    ASSERT_TRUE(wait_for([&] { return running != 0; }));
    std::atomic<bool> done{false};
    listeners->drain(30s, [&] { done = true; });
    EXPECT_TRUE(idle.closed());
    Raw late{p};
    EXPECT_TRUE(!late.connected() || late.closed());
    EXPECT_FALSE(done);
    answer(running, 200, "finished");
    const auto a = read_answer(busy);
    EXPECT_EQ(a.body, "finished");
    EXPECT_EQ(a.header("connection"), "close");
    EXPECT_TRUE(wait_for([&] { return done.load(); }));
    EXPECT_TRUE(script.balanced());
}

TEST_F(LimitsTest, DrainDropsRequestsThatDoNotEndInTime)
{
    const int p = start();
    script.request = [](agh_conn, const json&) {};
    http(script, "/");
    Raw raw{p};
    raw.send(get("/"));
    ASSERT_TRUE(wait_for([&] { return script.requests() == 1; }));
    std::atomic<bool> done{false};
    listeners->drain(100ms, [&] { done = true; });
    EXPECT_TRUE(wait_for([&] { return done.load(); }));
    EXPECT_TRUE(raw.closed());
    EXPECT_EQ(script.close_code(script.last()), 0);
}

TEST_F(LimitsTest, ReloadAppliesLimitsAndCertificatesOnTheSameSocket)
{
    auto c = config();
    c.tls = host::TlsServerConfig{.certificate = (certificates() / "server.pem").string(),
                                  .key = (certificates() / "server.key").string()};
    const int p = start(c);
    http(script, "/");
    const auto subject = [&] {
        return run({"/bin/sh", "-c",
                    "openssl s_client -connect 127.0.0.1:$0 </dev/null 2>/dev/null | openssl x509 -noout "
                    "-subject | tr -d ' '", // OpenSSL 3.0 and 3.5 space it differently
                    std::to_string(p)})
            .out;
    };
    EXPECT_NE(subject().find("CN=server"), std::string::npos);
    c.tls = host::TlsServerConfig{.certificate = (certificates() / "other.pem").string(),
                                  .key = (certificates() / "other.key").string()};
    EXPECT_EQ(listeners->reload(c), "");
    EXPECT_NE(subject().find("CN=other"), std::string::npos);
    c.tls->certificate = "/nowhere.pem";
    EXPECT_NE(listeners->reload(c).find("/nowhere.pem"), std::string::npos);
    EXPECT_NE(subject().find("CN=other"), std::string::npos); // the old one stays
    c.tls.reset();
    EXPECT_NE(listeners->reload(c).find("Restart agenthost"), std::string::npos);
}

TEST_F(LimitsTest, RemoveClosesAListenerAndItsIdleConnections)
{
    const int p = start();
    http(script, "/");
    Raw idle{p};
    EXPECT_EQ(ask(idle, get("/")).status, 200);
    EXPECT_EQ(listeners->remove("web"), "");
    EXPECT_TRUE(idle.closed());
    EXPECT_EQ(listeners->address("web"), "");
    Raw late{p};
    EXPECT_TRUE(!late.connected() || late.closed());
}

// A child that another thread has forked holds copies of all descriptors until it executes its program.
TEST_F(LimitsTest, RemoveFreesTheAddressWhileAForkedChildHoldsACopy)
{
    auto c = config();
    const int p = start(c);
    const pid_t child = ::fork();
    if (child == 0)
        for (;;) ::pause();
    EXPECT_EQ(listeners->remove("web"), "");
    c.bind = {"127.0.0.1:" + std::to_string(p)};
    EXPECT_EQ(start(c), p);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

// The 30 s of ext/listener.h, once, for real.
TEST_F(LimitsTest, AnswersForAPluginThatDoesNot)
{
    const int p = start();
    script.request = [](agh_conn, const json&) {};
    http(script, "/");
    Raw raw{p};
    const auto a = ask(raw, get("/"));
    EXPECT_EQ(a.status, 503);
    EXPECT_EQ(script.close_code(script.last()), 503);
    EXPECT_EQ(listeners->answer(script.last(), 200, {}, nullptr), AGH_E_STALE);
}

} // namespace
} // namespace agenthost::test

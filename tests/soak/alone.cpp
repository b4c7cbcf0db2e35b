// Local autonomy, for real: one agent, eight servers, each away in another way (refused, unknown, blackholed,
// silent, half-open before and after the upgrade, an error at every upgrade, garbage instead of TLS), with
// delays so short that ten minutes are hours of attempts. Memory, descriptors and threads of the agent must
// stay flat after the warm-up, its plugins must go on working, and no secret may reach its log or its status.
// At the end the half-open ways open, and it is connected.
//
//   soak_alone [SECONDS]        default 600
#include "../e2e/hub.hpp"
#include "../support/proxy.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace agenthost::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

struct Sample {
    std::uint64_t second = 0, rss_kib = 0, fds = 0, threads = 0, attempts = 0;
};

Sample look(pid_t pid)
{
    Sample sample;
    const std::string proc = "/proc/" + std::to_string(pid);
    std::ifstream status{proc + "/status"};
    for (std::string line; std::getline(status, line);) {
        std::istringstream words{line};
        std::string key;
        words >> key;
        if (key == "VmRSS:") words >> sample.rss_kib;
        if (key == "Threads:") words >> sample.threads;
    }
    std::error_code ec;
    for (std::filesystem::directory_iterator it{proc + "/fd", ec}, end; !ec && it != end; it.increment(ec))
        ++sample.fds;
    return sample;
}

// Accepts nothing: once its backlog is full, SYNs get no answer, as behind a firewall that drops.
class BlackHole {
public:
    BlackHole()
    {
        listen_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listen_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listen_, 0) != 0)
            std::abort();
        ::getsockname(listen_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        for (int& fd : fillers_) {
            fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            (void)::connect(fd, reinterpret_cast<sockaddr*>(&address), size);
        }
    }
    ~BlackHole()
    {
        for (const int fd : fillers_) ::close(fd);
        ::close(listen_);
    }
    [[nodiscard]] int port() const { return port_; }

private:
    int listen_ = -1, port_ = 0, fillers_[4] = {};
};

// Takes connections and bytes and says nothing.
class Silent : public Acceptor {
public:
    Silent() { run(); }
    ~Silent() override { stop(); }

private:
    void serve(int fd, int) override
    {
        char buffer[4096];
        while (!stopping() && ::recv(fd, buffer, sizeof buffer, 0) > 0) {}
    }
};

std::uint64_t peak(const std::vector<Sample>& samples, std::size_t from, std::size_t to,
                   std::uint64_t Sample::*what)
{
    std::uint64_t top = 0;
    for (std::size_t i = from; i < to && i < samples.size(); ++i) top = std::max(top, samples[i].*what);
    return top;
}

// The eight servers, each of which fails in another way, and a hub behind the ways that can open.
class Servers {
public:
    // The agent's `servers`, with credentials from files in `secrets`.
    [[nodiscard]] std::string yaml(const std::filesystem::path& secrets) const
    {
        const auto server = [&](const std::string& name, const std::string& protocol, const std::string& url,
                                const std::string& secret, const std::string& more = {}) {
            return "  - {name: " + name + ", protocol: " + protocol + ", url: '" + url +
                   "', credential: {file: '" + (secrets / secret).string() +
                   "'}, heartbeat: 500ms, reconnect: {initial: 50ms, max: 500ms}" + more + "}\n";
        };
        const auto at = [](int port) {
            return "ws://127.0.0.1:" + std::to_string(port) + "/agent?token=soak-url-secret";
        };
        const auto ws = [](int port) { return "ws://127.0.0.1:" + std::to_string(port) + "/ws/storage"; };
        return "servers:\n" + server("refused", "storage", at(free_port()), "token") +
               server("unknown", "dashboard", "wss://no-such-host.invalid/ws/agent", "jwt") +
               server("blackholed", "signed", at(hole_.port()), "hmac") +
               server("silent", "print", at(silent_.port()), "token") +
               server("unavailable", "dashboard", at(unavailable_.port()), "jwt") +
               server("garbage", "storage", "wss://127.0.0.1:" + std::to_string(broken_.port()) + "/x",
                      "token") +
               server("half-open", "storage", ws(half_open_.port()), "late", ", agent_id: late") +
               server("stalled", "storage", ws(stalled_.port()), "early", ", agent_id: early");
    }
    void open_the_gate() { gate_ = true; }

    // Secrets of the agents that the hub admits.
    [[nodiscard]] const std::string& early() const { return early_; }
    [[nodiscard]] const std::string& late() const { return late_; }

private:
    static Fault fault(Fault::Kind kind, std::uint64_t after = 0, const std::atomic<bool>* gate = nullptr)
    {
        Fault made;
        made.kind = kind;
        made.after = after;
        made.gate = gate;
        return made;
    }
    [[nodiscard]] int hub_port() const { return std::stoi(hub_.url().substr(hub_.url().rfind(':') + 1)); }

    Hub hub_{false};
    const std::string early_ = hub_.add_agent("early"), late_ = hub_.add_agent("late");
    std::atomic<bool> gate_{false};
    const BlackHole hole_;
    const Silent silent_;
    const HttpServer unavailable_{
        [](const HttpRequest&) { return http_answer("503 Service Unavailable", "not now"); }};
    // Half-open before the upgrade: nothing of it passes until the gate opens.
    const Proxy half_open_{hub_port(), {}, fault(Fault::Kind::none, 0, &gate_)};
    // Half-open after it: the upgrade and the answer to auth pass (400 bytes), then nothing.
    const Proxy stalled_{hub_port(), std::vector<Fault>(100'000, fault(Fault::Kind::stall, 400))};
    const Proxy broken_{hub_port(), {}, fault(Fault::Kind::garbage)};
};

// What the agent used while it was watched, and everything it wrote where a secret could appear.
struct Watched {
    std::vector<Sample> samples;
    std::string written;
    int calls = 0, failed_calls = 0;
};

Watched watch(Daemon& agent, int seconds)
{
    Watched seen;
    const auto begin = std::chrono::steady_clock::now();
    std::printf("%8s %10s %6s %8s %9s\n", "second", "rss KiB", "fds", "threads", "attempts");
    for (int second = 0; second < seconds; ++second) {
        std::this_thread::sleep_until(begin + std::chrono::seconds{second});
        Sample now = look(agent.pid());
        now.second = static_cast<std::uint64_t>(second);
        // The plugins still work.
        if (second % 10 == 0) {
            ++seen.calls;
            seen.failed_calls += agent.call("storage.info").code != 0;
            const json status = agent.status();
            seen.written += status.dump() + "\n";
            if (status.is_object())
                for (const json& one : status["servers"])
                    now.attempts += one["reconnects"].get<std::uint64_t>();
        }
        seen.samples.push_back(now);
        if (second % std::max(1, seconds / 20) == 0)
            std::printf("%8d %10lu %6lu %8lu %9lu\n", second, now.rss_kib, now.fds, now.threads,
                        now.attempts);
        std::fflush(stdout);
        if (!agent.running()) break;
    }
    return seen;
}

int failures = 0;
void expect(bool good, const std::string& what)
{
    std::printf("%s %s\n", good ? "ok  " : "FAIL", what.c_str());
    failures += !good;
}

void expect_flat(const std::vector<Sample>& samples)
{
    const std::size_t n = samples.size(), third = n / 3;
    const struct {
        const char* name;
        std::uint64_t Sample::*what;
        // What an attempt that happens to be under way adds.
        std::uint64_t slack;
    } measures[] = {{"rss KiB", &Sample::rss_kib, 512},
                    {"descriptors", &Sample::fds, 4},
                    {"threads", &Sample::threads, 3}};
    for (const auto& [name, what, slack] : measures) {
        const auto middle = peak(samples, third, 2 * third, what), last = peak(samples, 2 * third, n, what);
        expect(last <= middle + slack, std::string{name} + " stay flat: at most " + std::to_string(middle) +
                                           " in the second third, " + std::to_string(last) + " in the last");
    }
}

} // namespace

int main(int argc, char** argv)
{
    const auto seconds = std::max(10, argc > 1 ? std::atoi(argv[1]) : 600);
    Servers servers;
    TempDir dir;
    const std::map<std::string, std::string> secrets{{"early", servers.early()},
                                                     {"late", servers.late()},
                                                     {"jwt", "soak-jwt-secret"},
                                                     {"hmac", "soak-hmac-secret"},
                                                     {"token", "soak-storage-secret"}};
    for (const auto& [name, value] : secrets) write_file(dir / name, value);
    Daemon agent{{.yaml = servers.yaml(dir.path()) +
                          "plugins:\n  storage: {enabled: true, config: {storage_path: '{dir}/files', "
                          "reserve_free: 1MiB}}\n",
                  .log_level = "info"}};
    if (!agent.wait_ready()) {
        std::printf("FAIL the agent did not start\n%s\n", agent.log().c_str());
        return 1;
    }
    auto [samples, written, calls, failed_calls] = watch(agent, seconds);
    expect(agent.running(), "the agent runs after " + std::to_string(seconds) + " s");
    expect(failed_calls == 0,
           std::to_string(calls) + " calls of a plugin, " + std::to_string(failed_calls) + " failed");
    expect_flat(samples);

    // The servers come back.
    servers.open_the_gate();
    expect(wait_for([&] { return agent.session_state("half-open") == "ready"; }),
           "the half-open server is ready when its gate opens");
    written += agent.status().dump();
    expect(agent.stop() == 0, "the agent ends as asked");
    written += agent.log();
    for (const std::string& secret :
         {std::string{"soak-url-secret"}, std::string{"soak-jwt-secret"}, std::string{"soak-hmac-secret"},
          std::string{"soak-storage-secret"}, servers.early(), servers.late()})
        expect(written.find(secret) == std::string::npos,
               "no secret in log or status: " + secret.substr(0, 8) + "...");
    const auto lines = std::count(written.begin(), written.end(), '\n');
    expect(lines < 100 + seconds,
           "the log has " + std::to_string(lines) + " lines, not one for each attempt");
    std::printf("%s\n", failures == 0 ? "all held" : "NOT all held");
    return failures == 0 ? 0 : 1;
}

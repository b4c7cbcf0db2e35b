// The terminal plugin in a real daemon that speaks the dashboard protocol to a lean server on loopback,
// against a raw PTY reader, a raw pipe reader, websocketd and a bare posix_spawn.
#include "bench.hpp"
#include "support/loopback.hpp"
#include "support/support.hpp"
#include "ws_peer.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>

using namespace agenthost;
using namespace agenthost::bench;
using json = nlohmann::json;

extern char** environ;

namespace {

double thread_cpu_s()
{
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Reads `fd` until its end as the simplest program does.
std::uint64_t read_all(int fd)
{
    static char buffer[64 << 10];
    std::uint64_t total = 0;
    for (;;) {
        const auto n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return total;
        total += static_cast<std::uint64_t>(n);
    }
}

pid_t spawn(const std::vector<std::string>& words, int in, int out)
{
    std::vector<char*> argv;
    for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    if (in >= 0) ::posix_spawn_file_actions_adddup2(&actions, in, 0);
    if (out >= 0) ::posix_spawn_file_actions_adddup2(&actions, out, 1);
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error{words[0] + ": " + std::strerror(error)};
    return pid;
}

void add(Report& report, const std::string& subject, std::uint64_t bytes, double wall, double cpu)
{
    const double gb = static_cast<double>(bytes) / 1e9;
    report.add(subject, "MB/s", gb * 1000 / wall);
    report.add(subject, "CPU s/GB", cpu / gb);
}

void raw(Report& report, const std::string& subject, bool pty, const std::string& spew, std::uint64_t bytes)
{
    int ends[2] = {-1, -1};
    if (pty) {
        ends[0] = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        ::grantpt(ends[0]);
        ::unlockpt(ends[0]);
        ends[1] = ::ioctl(ends[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    } else if (::pipe2(ends, O_CLOEXEC) != 0)
        throw std::runtime_error{"pipe"};
    const double wall = now_s(), cpu = thread_cpu_s();
    const pid_t pid = spawn({spew, std::to_string(bytes)}, pty ? ends[1] : -1, ends[1]);
    ::close(ends[1]);
    const auto got = read_all(ends[0]);
    add(report, subject, got, now_s() - wall, thread_cpu_s() - cpu);
    ::close(ends[0]);
    ::waitpid(pid, nullptr, 0);
}

void websocketd(Report& report, const std::string& spew, std::uint64_t bytes)
{
    const int port = test::free_port();
    test::Process server{{.argv = {"websocketd", "--port", std::to_string(port), "--address", "127.0.0.1",
                                   "--loglevel", "fatal", "--binary=true", spew, std::to_string(bytes)},
                          .env = {},
                          .cwd = {},
                          .input = {},
                          .out = {},
                          .err = {},
                          .keep_fds = {}}};
    std::optional<WsPeer> peer;
    test::wait_for([&] {
        try {
            peer.emplace(WsPeer::connect(port, "/"));
            return true;
        } catch (const std::exception&) {
            return false;
        }
    });
    if (!peer) throw std::runtime_error{"websocketd does not answer: " + server.err()};
    const double wall = now_s(), cpu = cpu_s(server.pid());
    std::uint64_t got = 0;
    for (std::string_view message; got < bytes && peer->next(message);) got += message.size();
    add(report, "pipe: websocketd", got, now_s() - wall, cpu_s(server.pid()) - cpu);
    if (got != bytes) throw std::runtime_error{"websocketd sent " + std::to_string(got) + " bytes"};
    server.signal(SIGTERM);
    server.wait();
}

// The daemon, connected to us.
class Agent {
public:
    explicit Agent(const std::string& binary)
    {
        auto listening = test::listen_on_loopback();
        listener_ = std::move(listening.fd);
        test::write_file(dir_ / "token", "bench");
        test::write_file(dir_ / "agenthost.yaml",
                         "agent: {id: bench, state_dir: " + (dir_ / "state").string() +
                             "}\nlog: {level: warning, format: text}\ncontrol: {socket: " +
                             (dir_ / "control.sock").string() +
                             "}\nservers: [{name: desk, protocol: dashboard, url: 'ws://127.0.0.1:" +
                             std::to_string(listening.port) +
                             "/ws/agent', credential: {file: " + (dir_ / "token").string() +
                             "}, limits: {messages_per_second: 0}}]\nplugins: {terminal: {enabled: true, "
                             "required: true, config: {allow: ['*']" +
                             (::geteuid() == 0 ? ", run_as: root" : "") + "}}}\n");
        process_ = std::make_unique<test::Process>(test::Process::Options{
            .argv = {binary + "/bin/agenthost", "run", "-c", (dir_ / "agenthost.yaml").string()},
            .env = {},
            .cwd = {},
            .input = {},
            .out = {},
            .err = {},
            .keep_fds = {}});
        pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, 30'000) <= 0)
            throw std::runtime_error{"the daemon does not connect: " + process_->err()};
        peer_.emplace(WsPeer::accept(listener_.get()));
        for (std::string_view message; peer_->next(message);)
            if (message.find("agent:connect") != message.npos) break;
        send("connection:ack", {{"connectionId", "c"}, {"agentId", "bench"}});
    }

    struct Ran {
        std::uint64_t bytes = 0; // of output frames' JSON
        bool dropped = false;
    };
    // Runs it to its final status; `on_output` sees each output frame.
    template <class F> Ran run(json payload, F on_output)
    {
        const std::string id = "c" + std::to_string(++last_);
        payload["commandId"] = id;
        payload["agentId"] = "bench";
        payload["priority"] = "normal";
        send("command:request", payload);
        Ran ran;
        std::string_view message;
        while (peer_->next(message)) {
            const std::string_view start = message.substr(0, 200);
            if (start.find("\"terminal:output\"") != start.npos) {
                ran.bytes += message.size();
                ran.dropped = ran.dropped || message.find("\"dropped\"") != message.npos;
                on_output(message);
            } else if (start.find("\"command:status\"") != start.npos) {
                const json status = json::parse(message).at("payload");
                if (status.at("commandId") != id || status.at("status") == "queued" ||
                    status.at("status") == "running")
                    continue;
                if (status.at("status") != "completed") throw std::runtime_error{std::string{message}};
                return ran;
            } else if (start.find("\"error\"") != start.npos)
                throw std::runtime_error{std::string{message}};
        }
        throw std::runtime_error{"the daemon left: " + process_->err()};
    }
    [[nodiscard]] pid_t pid() const { return process_->pid(); }

private:
    void send(const char* type, const json& payload)
    {
        peer_->send(json{
            {"version", "1.0.0"},
            {"type", type},
            {"timestamp", std::time(nullptr) * 1000},
            {"payload",
             payload}}.dump());
    }
    test::TempDir dir_;
    base::Fd listener_;
    std::unique_ptr<test::Process> process_;
    std::optional<WsPeer> peer_;
    int last_ = 0;
};

void ours(Report& report, const std::string& subject, Agent& agent, bool pty, const std::string& spew,
          std::uint64_t bytes)
{
    json payload{{"argv", {spew, std::to_string(bytes)}}};
    if (pty) payload["pty"] = {{"cols", 80}, {"rows", 24}};
    const double wall = now_s(), cpu = cpu_s(agent.pid());
    const auto ran = agent.run(payload, [](std::string_view) {});
    add(report, subject, pty ? bytes + bytes / 81 : bytes, now_s() - wall,
        cpu_s(agent.pid()) - cpu); // a terminal adds \r to each line, and the raw reader counts it
    if (ran.dropped) report.note(subject + ": OUTPUT WAS DROPPED");
    if (ran.bytes < bytes) report.note(subject + ": only " + std::to_string(ran.bytes) + " bytes came");
}

// Lines that say when they were written.
std::vector<double> latencies_ms(Agent& agent, int count, const std::string& pause)
{
    std::vector<double> all;
    agent.run(
        {{"command", "i=0; while [ $i -lt " + std::to_string(count) + " ]; do date +%s%N; sleep " + pause +
                         "; i=$((i+1)); done"}},
        [&](std::string_view frame) {
            timespec now{};
            ::clock_gettime(CLOCK_REALTIME, &now);
            const double ns = static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
            auto at = frame.find("\"data\":\"");
            for (at += 8; at + 19 <= frame.size() && std::isdigit(static_cast<unsigned char>(frame[at])) != 0;
                 at += 21)
                all.push_back((ns - std::strtod(std::string{frame.substr(at, 19)}.c_str(), nullptr)) / 1e6);
        });
    return all;
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    const std::string binary = std::filesystem::absolute(argv[1]).string(),
                      spew = binary + "/bench/peers/spew";
    const char* mb = std::getenv("BENCH_TERMINAL_MB");
    const std::uint64_t bytes = (mb ? std::strtoull(mb, nullptr, 10) : 500) * 1'000'000;
    const char* some = std::getenv("BENCH_TERMINAL_ONLY");
    const auto wanted = [&](const char* part) { return !some || std::strstr(some, part) != nullptr; };
    Report report{"terminal"};
    try {
        Agent agent{binary};
        for (int round = 0; round < rounds(); ++round) {
            if (wanted("pty")) {
                raw(report, "PTY: raw reader", true, spew, bytes);
                ours(report, "PTY: agenthost", agent, true, spew, bytes);
            }
            if (wanted("pipe")) {
                raw(report, "pipe: raw reader", false, spew, bytes);
                websocketd(report, spew, bytes);
                ours(report, "pipe: agenthost", agent, false, spew, bytes);
            }
            if (wanted("latency")) {
                auto steady = latencies_ms(agent, 100, "0.01"), first = latencies_ms(agent, 15, "0.1");
                report.add("latency: lines every 10 ms", "p50 ms", percentile(steady, 50));
                report.add("latency: after silence", "p50 ms", percentile(first, 50));
            }
            if (!wanted("true")) continue;
            constexpr int commands = 1'000;
            double start = now_s();
            for (int i = 0; i < commands; ++i) ::waitpid(spawn({"true"}, -1, -1), nullptr, 0);
            const double bare = (now_s() - start) * 1000 / commands;
            start = now_s();
            for (int i = 0; i < commands; ++i) agent.run({{"argv", {"true"}}}, [](std::string_view) {});
            const double through = (now_s() - start) * 1000 / commands;
            report.add("true: posix_spawn", "ms each", bare);
            report.add("true: agenthost", "ms each", through);
            report.add("true: agenthost", "ms above", through - bare);
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "terminal: %s\n", e.what());
        return 1;
    }
    report.ratio("PTY output against a raw reader", "PTY: agenthost", "PTY: raw reader", "MB/s", 0.75, 0.85,
                 true);
    report.ratio("pipe output against websocketd", "pipe: agenthost", "pipe: websocketd", "MB/s", 0.6, 0.8,
                 true);
    report.ratio("CPU of pipe output against websocketd", "pipe: agenthost", "pipe: websocketd", "CPU s/GB",
                 1.0, 0.7, false);
    report.ratio("CPU of PTY output against a raw reader", "PTY: agenthost", "PTY: raw reader", "CPU s/GB", 0,
                 0, false);
    report.note(std::to_string(bytes / 1'000'000) +
                " MB of 80-character lines. agenthost: the whole daemon, dashboard protocol, JSON in "
                "WebSocket frames, to a "
                "server in this process; websocketd: raw bytes in WebSocket frames. Targets besides: latency "
                "p50 below 60 ms, `true` at most 3 ms above "
                "posix_spawn (through session, journal and queue).");
    report.print(binary + "/results");
    return 0;
}

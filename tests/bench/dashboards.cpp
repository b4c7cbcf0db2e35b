// Dashboards: how long output of a command takes from its agent's socket to each of 200 dashboards, how long
// an agent's coming takes, what it costs the hub. The agent is a socket of this program that speaks the
// agent's leg; a chunk carries the time it was sent. BENCH_DASHBOARDS (200), BENCH_SECONDS (5).
#include "base/fd.hpp"
#include "bench.hpp"
#include "support/daemon.hpp"
#include "unit/hub/node_jwt.hpp"

#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <optional>
#include <thread>

using namespace agenthost;
using namespace agenthost::bench;
using namespace std::chrono_literals;

namespace {

const std::string secret = "jwt-secret-of-this-bench-0123456789abcdef";

std::size_t number(const char* name, std::size_t otherwise)
{
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : static_cast<std::size_t>(std::atoll(text));
}

std::string token(const std::string& sub, const std::string& role)
{
    return hub_test::node_sign(
        "HS256", secret, {{"sub", sub}, {"role", role}, {"exp", std::time(nullptr) + 3600}, {"jti", sub}});
}

// A client of the hub over one socket.
class Client {
public:
    Client(int port, const std::string& target) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(port));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) std::abort();
        const int on = 1;
        ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        write("GET " + target +
              " HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        std::size_t end = 0;
        while ((end = in_.find("\r\n\r\n")) == in_.npos) {
            if (!read(0)) {
                std::fprintf(stderr, "refused: %s\n", in_.c_str());
                std::exit(1);
            }
        }
        if (in_.find(" 101 ") == in_.npos) std::fprintf(stderr, "%s\n", in_.c_str());
        in_.erase(0, end + 4);
    }
    [[nodiscard]] int fd() const { return fd_.get(); }
    // Masked with zeros.
    void send(const std::string& text)
    {
        std::string out = "\x81";
        if (text.size() < 126) {
            out += static_cast<char>(0x80 | text.size());
        } else {
            out += static_cast<char>(0x80 | 126);
            out += static_cast<char>(text.size() >> 8);
            out += static_cast<char>(text.size());
        }
        write(out.append(4, '\0') + text);
    }
    // What is there now, message by message. False: the hub closed.
    bool take(int flags, const std::function<void(std::string_view)>& each)
    {
        if (!read(flags)) return false;
        for (;;) {
            if (in_.size() < 2) return true;
            std::size_t size = static_cast<unsigned char>(in_[1]), head = 2;
            if (size >= 126) {
                const std::size_t more = size == 126 ? 2 : 8;
                if (in_.size() < 2 + more) return true;
                size = 0;
                for (std::size_t i = 0; i < more; ++i)
                    size = size * 256 + static_cast<unsigned char>(in_[2 + i]);
                head += more;
            }
            if (in_.size() < head + size) return true;
            if ((in_[0] & 15) == 1) each(std::string_view{in_}.substr(head, size));
            in_.erase(0, head + size);
        }
    }

private:
    bool read(int flags)
    {
        char block[65536];
        const auto n = ::recv(fd_.get(), block, sizeof block, flags);
        if (n > 0) in_.append(block, static_cast<std::size_t>(n));
        return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
    }
    void write(std::string_view text)
    {
        while (!text.empty()) {
            const auto n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (n <= 0) std::abort();
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    base::Fd fd_;
    std::string in_;
};

// Seconds, or 0.
double stamp_in(std::string_view frame, std::string_view mark)
{
    const auto at = frame.find(mark);
    return at == frame.npos ? 0
                            : std::strtod(std::string{frame.substr(at + mark.size(), 24)}.c_str(), nullptr);
}

std::string envelope(const std::string& type, const nlohmann::json& payload)
{
    return nlohmann::json{{"version", "1.0.0"}, {"type", type}, {"timestamp", 1}, {"payload", payload}}
        .dump();
}

std::string agent_target(const std::string& id) { return "/ws/agent?token=" + token(id, "agent"); }

// Says which agent this is.
void send_connect(Client& agent, const std::string& id, const nlohmann::json& capabilities)
{
    agent.send(envelope("agent:connect", {{"agentId", id}, {"name", id}, {"capabilities", capabilities}}));
}

// An agent whose connect was acknowledged.
std::unique_ptr<Client> connected_agent(int port, const std::string& id)
{
    auto agent = std::make_unique<Client>(port, agent_target(id));
    send_connect(*agent, id, nlohmann::json::array({"terminal"}));
    bool acked = false;
    while (!acked &&
           agent->take(0, [&](std::string_view f) { acked = f.find("connection:ack") != f.npos; })) {}
    return agent;
}

// The hub's daemon.
class Hub {
public:
    Hub()
    {
        test::write_file(dir_ / "jwt", secret, 0600);
        daemon_.emplace(test::Daemon::Options{
            .yaml = "listeners: [{name: hub, bind: '127.0.0.1:0', per_address: 5000}]\nplugins: "
                    "{hub: {enabled: true, required: true, config: {jwt_secret: {file: '" +
                    (dir_ / "jwt").string() + "'}}}}",
            .id = "bench",
            .log_level = "warning"});
        if (!daemon_->wait_ready()) std::exit((std::fprintf(stderr, "%s", daemon_->log().c_str()), 1));
        const std::string address = daemon_->address("hub");
        port_ = std::atoi(address.substr(address.rfind(':') + 1).c_str());
    }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] pid_t pid() const { return daemon_->pid(); }

private:
    test::TempDir dir_;
    std::optional<test::Daemon> daemon_;
    int port_ = 0;
};

// All dashboards of a round. One thread reads them until each has seen the command's end.
class Dashboards {
public:
    Dashboards(int port, std::size_t count)
    {
        const std::string jwt = token("ops", "admin");
        for (std::size_t i = 0; i < count; ++i) {
            all_.push_back(std::make_unique<Client>(port, "/ws/dashboard?token=" + jwt));
            epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
            ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, all_.back()->fd(), &event);
        }
        reader_ = std::thread{[this] { read_all(); }};
    }
    void join() { reader_.join(); }
    void request_command(const std::string& agent_id)
    {
        all_[0]->send(envelope("command:request", {{"agentId", agent_id}, {"command", "x"}}));
    }
    // The moment from which the delay of the late agent's status counts.
    void late_agent_joins() { joined_ = now_s(); }

    // After join().
    std::vector<double> output_ms, status_ms;
    std::size_t frames = 0;

private:
    void read_all()
    {
        std::vector<epoll_event> events(256);
        while (over_ < all_.size()) {
            const int n = ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), 1000);
            for (int i = 0; i < n; ++i)
                all_[events[static_cast<std::size_t>(i)].data.u64]->take(
                    MSG_DONTWAIT, [this](std::string_view f) { note(f); });
        }
    }
    void note(std::string_view f)
    {
        const double now = now_s();
        if (f.find("terminal:output") != f.npos) {
            ++frames;
            if (const double sent = stamp_in(f, "@"); sent > 0) output_ms.push_back((now - sent) * 1e3);
        } else if (f.find("agent:status") != f.npos && f.find("\"d2\"") != f.npos) {
            status_ms.push_back((now - joined_) * 1e3);
        } else if (f.find("completed") != f.npos) {
            ++over_;
        }
    }

    const base::Fd poll_{::epoll_create1(EPOLL_CLOEXEC)};
    std::vector<std::unique_ptr<Client>> all_;
    std::atomic<double> joined_{0};
    std::size_t over_ = 0;
    std::thread reader_;
};

// The id under which the hub handed the command to the agent.
std::string received_command(Client& agent)
{
    std::string id;
    while (id.empty()) {
        agent.take(0, [&](std::string_view f) {
            const auto frame = nlohmann::json::parse(f);
            if (frame["type"] == "command:request") id = frame["payload"]["commandId"];
        });
    }
    return id;
}

// Sends output of the command, a chunk of `size` bytes every `every`, and its end. Halfway a second agent
// joins, which is returned: when it leaves, the dashboards hear of it.
std::unique_ptr<Client> send_output(Client& agent, const std::string& id, const std::string& late_target,
                                    int port, Dashboards& dashboards, std::size_t size,
                                    std::chrono::milliseconds every)
{
    const auto seconds = static_cast<double>(number("BENCH_SECONDS", 5));
    const std::string filling(size, 'x');
    std::uint64_t sequence = 0;
    std::unique_ptr<Client> late;
    for (const double begin = now_s(); now_s() - begin < seconds;) {
        char stamp[32];
        std::snprintf(stamp, sizeof stamp, "@%.9f ", now_s());
        agent.send(envelope(
            "terminal:output",
            {{"commandId", id}, {"data", stamp + filling}, {"stream", "stdout"}, {"sequence", ++sequence}}));
        if (!late && now_s() - begin > seconds / 2) {
            late = std::make_unique<Client>(port, late_target);
            dashboards.late_agent_joins();
            send_connect(*late, "d2", nlohmann::json::array());
        }
        // The rhythm that is measured.
        std::this_thread::sleep_for(every);
    }
    agent.send(envelope("command:status", {{"commandId", id}, {"status", "completed"}, {"exitCode", 0}}));
    return late;
}

// One round. `size`: bytes of a chunk, `every`: between chunks.
void round(Report& report, const std::string& subject, std::size_t size, std::chrono::milliseconds every)
{
    const Hub hub;
    const auto worker = connected_agent(hub.port(), "d1");
    Dashboards dashboards{hub.port(), number("BENCH_DASHBOARDS", 200)};
    // Signed before the measurement, by a program that takes its time.
    const std::string late_target = agent_target("d2");
    dashboards.request_command("d1");
    const std::string id = received_command(*worker);
    const double cpu = cpu_s(hub.pid()), begin = now_s();
    const auto late = send_output(*worker, id, late_target, hub.port(), dashboards, size, every);
    dashboards.join();
    const double used = cpu_s(hub.pid()) - cpu, wall = now_s() - begin;
    report.add(subject, "output p50 ms", percentile(dashboards.output_ms, 50));
    report.add(subject, "output p99 ms", percentile(dashboards.output_ms, 99));
    report.add(subject, "status p99 ms", percentile(dashboards.status_ms, 99));
    report.add(subject, "frames/s", static_cast<double>(dashboards.frames) / wall);
    report.add(subject, "CPU %", used / wall * 100);
    report.add(subject, "RSS MiB", static_cast<double>(rss_kib(hub.pid())) / 1024);
}

} // namespace

int main()
{
    Report report{"dashboards"};
    for (int i = 0; i < std::min(rounds(), 3); ++i) {
        // A build's log.
        round(report, "lines", 80, 100ms);
        // 200 KB/s, 40 MB/s to all.
        round(report, "full chunks", 10'000, 50ms);
    }
    report.note(
        "from the agent's socket to each of 200 dashboards: must 100 ms p99; agent:status must 100 ms");
    report.print((test::binary_dir() / "results").string());
    bool good = true;
    for (const char* subject : {"lines", "full chunks"})
        good = good && report.value(subject, "output p99 ms") <= 100 &&
               report.value(subject, "status p99 ms") <= 100;
    return good ? 0 : 1;
}

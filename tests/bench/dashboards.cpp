// Dashboards: how long output of a command takes from its agent's socket to each of 200 dashboards, how long an agent's coming takes,
// what it costs the hub. The agent is a socket of this program that speaks the agent's leg; a chunk carries the time it was sent.
// BENCH_DASHBOARDS (200), BENCH_SECONDS (5).
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
    void send(const std::string& text) // masked with zeros
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

double stamp_in(std::string_view frame, std::string_view mark) // seconds, or 0
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

// An agent that has said who it is and was answered.
std::unique_ptr<Client> agent(int port, const std::string& id, const std::string& jwt, double& said)
{
    auto made = std::make_unique<Client>(port, "/ws/agent?token=" + jwt);
    said = now_s();
    made->send(envelope("agent:connect", {{"agentId", id}, {"name", id}, {"capabilities", {"terminal"}}}));
    bool acked = false;
    while (!acked && made->take(0, [&](std::string_view f) { acked = f.find("connection:ack") != f.npos; })) {
    }
    return made;
}

// One round. `size`: bytes of a chunk, `every`: between chunks.
void round(Report& report, const std::string& subject, std::size_t size, std::chrono::milliseconds every)
{
    const std::size_t count = number("BENCH_DASHBOARDS", 200), seconds = number("BENCH_SECONDS", 5);
    test::TempDir dir;
    test::write_file(dir / "jwt", secret, 0600);
    test::Daemon daemon{{.yaml = "listeners: [{name: hub, bind: '127.0.0.1:0', per_address: 5000}]\nplugins: "
                                 "{hub: {enabled: true, "
                                 "required: true, config: {jwt_secret: {file: '" +
                                 (dir / "jwt").string() + "'}}}}",
                         .id = "bench",
                         .wrapper = {},
                         .env = {},
                         .log_level = "warning",
                         .dir = {}}};
    if (!daemon.wait_ready()) std::exit((std::fprintf(stderr, "%s", daemon.log().c_str()), 1));
    const std::string address = daemon.address("hub");
    const int port = std::atoi(address.substr(address.rfind(':') + 1).c_str());
    const std::string desk = token("ops", "admin"), first = token("d1", "agent"),
                      second = token("d2", "agent");
    double said = 0;
    const auto worker = agent(port, "d1", first, said);

    std::vector<std::unique_ptr<Client>> all;
    const base::Fd poll{::epoll_create1(EPOLL_CLOEXEC)};
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<Client>(port, "/ws/dashboard?token=" + desk));
        epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
        ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, all.back()->fd(), &event);
    }
    std::vector<double> output, status;
    std::atomic<double> joined{0};
    std::atomic<std::size_t> over{0}, chunks{0};
    std::thread readers{[&] {
        std::vector<epoll_event> events(256);
        while (over < count) {
            const int n = ::epoll_wait(poll.get(), events.data(), static_cast<int>(events.size()), 1000);
            for (int i = 0; i < n; ++i) {
                all[events[static_cast<std::size_t>(i)].data.u64]->take(
                    MSG_DONTWAIT, [&](std::string_view f) {
                        const double now = now_s();
                        if (f.find("terminal:output") != f.npos) {
                            ++chunks;
                            if (const double sent = stamp_in(f, "@"); sent > 0)
                                output.push_back((now - sent) * 1e3);
                        } else if (f.find("agent:status") != f.npos && f.find("\"d2\"") != f.npos) {
                            status.push_back((now - joined) * 1e3);
                        } else if (f.find("completed") != f.npos) {
                            ++over;
                        }
                    });
            }
        }
    }};
    all[0]->send(envelope("command:request", {{"agentId", "d1"}, {"command", "x"}}));
    std::string id;
    while (id.empty()) {
        worker->take(0, [&](std::string_view f) {
            const auto frame = nlohmann::json::parse(f);
            if (frame["type"] == "command:request") id = frame["payload"]["commandId"];
        });
    }
    const double cpu = cpu_s(daemon.pid()), begin = now_s();
    std::string filling(size, 'x');
    std::uint64_t sequence = 0;
    std::unique_ptr<Client> late;
    while (now_s() - begin < static_cast<double>(seconds)) {
        char stamp[32];
        std::snprintf(stamp, sizeof stamp, "@%.9f ", now_s());
        worker->send(envelope(
            "terminal:output",
            {{"commandId", id}, {"data", stamp + filling}, {"stream", "stdout"}, {"sequence", ++sequence}}));
        if (!late && now_s() - begin > static_cast<double>(seconds) / 2) {
            late = std::make_unique<Client>(port, "/ws/agent?token=" + second);
            joined = now_s();
            late->send(
                envelope("agent:connect",
                         {{"agentId", "d2"}, {"name", "d2"}, {"capabilities", nlohmann::json::array()}}));
        }
        std::this_thread::sleep_for(every); // the rhythm that is measured
    }
    worker->send(envelope("command:status", {{"commandId", id}, {"status", "completed"}, {"exitCode", 0}}));
    readers.join();
    const double used = cpu_s(daemon.pid()) - cpu, wall = now_s() - begin;
    report.add(subject, "output p50 ms", percentile(output, 50));
    report.add(subject, "output p99 ms", percentile(output, 99));
    report.add(subject, "status p99 ms", percentile(status, 99));
    report.add(subject, "frames/s", static_cast<double>(chunks) / wall);
    report.add(subject, "CPU %", used / wall * 100);
    report.add(subject, "RSS MiB", static_cast<double>(rss_kib(daemon.pid())) / 1024);
}

} // namespace

int main()
{
    Report report{"dashboards"};
    for (int i = 0; i < std::min(rounds(), 3); ++i) {
        round(report, "lines", 80, 100ms);          // a build's log
        round(report, "full chunks", 10'000, 50ms); // 200 KB/s, 40 MB/s to all
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

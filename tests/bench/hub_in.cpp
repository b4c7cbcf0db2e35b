// What a frame costs that an agent sends to the hub: 1,000 storage agents, each a WebSocket of its own, send
// 200-byte results in bursts and wait for the pong of the ping that ends each burst. Reports frames/s and the
// CPU time of the daemon for one frame, beside a plain Beast server that only drops what it reads and the
// limit, a loop of epoll and recv. BENCH_AGENTS (1000), BENCH_FRAMES (1000000 in bursts of 64), BENCH_ROUNDS
// (5).
#include "bench.hpp"
#include "fleet.hpp"
#include "support/daemon.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace agenthost;
using namespace agenthost::bench;

namespace {

constexpr std::size_t frame_bytes = 200;
constexpr std::size_t agents_per_address = 150; // below the listener's bound of 200
constexpr std::array<unsigned char, 4> mask_key{0x5A, 0xC3, 0x17, 0x88};

std::size_t number(const char* name, std::size_t otherwise)
{
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : static_cast<std::size_t>(std::atoll(text));
}

void append_frame(std::string& out, int opcode, std::string_view payload)
{
    out += static_cast<char>(0x80 | opcode);
    if (payload.size() < 126) {
        out += static_cast<char>(0x80 | payload.size());
    } else {
        out += static_cast<char>(0x80 | 126);
        out += static_cast<char>(payload.size() >> 8);
        out += static_cast<char>(payload.size() & 0xff);
    }
    for (const unsigned char byte : mask_key) out += static_cast<char>(byte);
    for (std::size_t i = 0; i < payload.size(); ++i)
        out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ mask_key[i % 4]);
}

// A result that nobody waits for, so that the hub decodes it, looks it up and is done.
std::string result_frame()
{
    std::string text =
        R"({"action":"response","request_id":"r0001-00000001","status":"success","data":{"file":"document.pdf","note":")";
    text.append(frame_bytes - text.size() - 3, 'x').append("\"}}");
    return text;
}

// Many agents in one thread over epoll.
class Senders {
public:
    Senders(int port, std::size_t agents, bool authenticate) : epoll_{::epoll_create1(EPOLL_CLOEXEC)}
    {
        for (std::size_t i = 0; i < agents; ++i) {
            sockets_.push_back(connect(port, i));
            upgrade(sockets_.back().get());
            if (authenticate) greet(sockets_.back().get(), i);
            epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
            ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, sockets_.back().get(), &event);
        }
    }

    // Every agent sends `bursts` bursts of `burst` frames, the next one when the last one's pong has come.
    // Returns the seconds it took.
    double run(std::size_t bursts, std::size_t burst)
    {
        std::string bytes;
        for (std::size_t i = 0; i < burst; ++i) append_frame(bytes, 1, result_frame());
        append_frame(bytes, 9, "");
        std::vector<std::size_t> left(sockets_.size(), bursts);
        const double begin = now_s();
        for (const auto& socket : sockets_) send_all(socket.get(), bytes);
        std::size_t running = sockets_.size();
        std::array<epoll_event, 256> events{};
        while (running != 0) {
            const int n = ::epoll_wait(epoll_.get(), events.data(), events.size(), 30'000);
            if (n <= 0) throw std::runtime_error{"no pong within 30 s"};
            for (int i = 0; i < n; ++i) {
                const std::size_t agent = events[static_cast<std::size_t>(i)].data.u64;
                if (!take_pong(sockets_[agent].get())) continue;
                if (--left[agent] == 0)
                    --running;
                else
                    send_all(sockets_[agent].get(), bytes);
            }
        }
        return now_s() - begin;
    }

private:
    static base::Fd connect(int port, std::size_t agent)
    {
        base::Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(0x7f000201 + static_cast<std::uint32_t>(agent / agents_per_address));
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error{std::string{"connect: "} + std::strerror(errno)};
        return socket;
    }

    static void upgrade(int socket)
    {
        send_all(
            socket,
            "GET /ws/storage HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        std::string head;
        while (!head.ends_with("\r\n\r\n")) {
            char c = 0;
            if (::recv(socket, &c, 1, 0) != 1) throw std::runtime_error{"closed during the upgrade"};
            head += c;
        }
        if (!head.starts_with("HTTP/1.1 101")) throw std::runtime_error{"refused: " + head};
    }

    static void greet(int socket, std::size_t agent)
    {
        const std::string id = "a" + std::to_string(agent);
        std::string bytes;
        append_frame(bytes, 1,
                     R"({"action":"auth","token":"secret-of-)" + id + R"(","agent_id":")" + id + "\"}");
        send_all(socket, bytes);
        char answer[256];
        const auto n = ::recv(socket, answer, sizeof answer, 0);
        if (n <= 0 ||
            std::string_view{answer, static_cast<std::size_t>(n)}.find("\"ok\"") == std::string_view::npos)
            throw std::runtime_error{"not admitted"};
    }

    static void send_all(int socket, std::string_view bytes)
    {
        while (!bytes.empty()) {
            const auto n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) throw std::runtime_error{std::string{"send: "} + std::strerror(errno)};
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    // False: it was a ping of the hub's, which is not answered: the run is shorter than its timeout.
    static bool take_pong(int socket)
    {
        char data[64];
        const auto n = ::recv(socket, data, sizeof data, 0);
        if (n <= 0) throw std::runtime_error{"the server closed a connection"};
        for (std::ptrdiff_t i = 0; i + 1 < n; i += 2 + (data[i + 1] & 0x7F))
            if ((data[i] & 0x0F) == 10) return true;
        return false;
    }

    base::Fd epoll_;
    std::vector<base::Fd> sockets_;
};

struct Load {
    const char* name;
    std::size_t burst, bursts;
};

void measure(Report& report, const std::string& subject, Senders& senders, pid_t pid, std::size_t agents,
             const std::vector<Load>& loads)
{
    for (const Load& load : loads) {
        senders.run(1, load.burst); // warm
        const double before = cpu_s(pid);
        const double seconds = senders.run(load.bursts, load.burst);
        const auto frames = static_cast<double>(agents * load.bursts * load.burst);
        report.add(subject + load.name, "k frames/s", frames / seconds / 1e3);
        report.add(subject + load.name, "CPU us/frame", (cpu_s(pid) - before) / frames * 1e6);
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2) return 2;
    const std::string binary = argv[1];
    const std::size_t agents = number("BENCH_AGENTS", 1'000), frames = number("BENCH_FRAMES", 1'000'000);
    const std::vector<Load> loads{{", bursts of 64", 64, std::max<std::size_t>(frames / agents / 64, 1)},
                                  {", one at a time", 1, std::max<std::size_t>(frames / agents / 20, 1)}};
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    Report report{"hub-in"};
    for (int round = 0; round < rounds(); ++round) {
        {
            test::TempDir dir;
            test::write_file(dir / "admin", "bench-admin\n");
            test::write_file(dir / "agents.yaml", fleet_credentials(agents, "secret-of-"));
            test::Daemon daemon{
                {.yaml = "listeners: [{name: hub, bind: '127.0.0.1:0'}]\n"
                         "plugins: {hub: {enabled: true, required: true, config: {admin_token: {file: '" +
                         (dir / "admin").string() + "'}, credentials: '" + (dir / "agents.yaml").string() +
                         "'}}}",
                 .id = "bench",
                 .wrapper = {},
                 .env = {},
                 .log_level = "warning",
                 .plugin_path = {},
                 .dir = {}}};
            if (!daemon.wait_ready()) {
                std::fprintf(stderr, "%s", daemon.log().c_str());
                return 1;
            }
            const std::string address = daemon.address("hub");
            Senders senders{std::atoi(address.substr(address.rfind(':') + 1).c_str()), agents, true};
            measure(report, "hub", senders, daemon.pid(), agents, loads);
        }
        for (const auto& [name, program] :
             {std::pair{"plain Beast", "beast_sink"}, std::pair{"limit", "raw_sink"}}) {
            test::Process peer{{.argv = {binary + "/bench/peers/" + program},
                                .env = {},
                                .cwd = {},
                                .input = {},
                                .out = {},
                                .err = {},
                                .keep_fds = {}}};
            test::wait_for([&] { return peer.out().find('\n') != std::string::npos; });
            Senders senders{std::atoi(peer.out().c_str()), agents, false};
            measure(report, name, senders, peer.pid(), agents, loads);
        }
    }
    for (const Load& load : loads)
        report.ratio(std::string{"CPU of a frame, plain Beast over ours"} + load.name,
                     std::string{"plain Beast"} + load.name, std::string{"hub"} + load.name, "CPU us/frame",
                     0, 0, true);
    report.note(
        "Each frame is 200 bytes of JSON. The hub decodes it and looks up its request; plain Beast drops "
        "it unread; the limit only receives the bytes and answers the ping of each burst.");
    report.print((test::binary_dir() / "results").string());
}

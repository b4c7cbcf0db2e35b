#include "fleet.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <queue>
#include <random>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::bench {

namespace {

using Clock = std::chrono::steady_clock;

struct FreeCtx {
    void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
};
using Ctx = std::unique_ptr<SSL_CTX, FreeCtx>;

Ctx client_context()
{
    Ctx ctx{SSL_CTX_new(TLS_client_method())};
    if (!ctx) throw std::runtime_error{"no TLS"};
    SSL_CTX_set_mode(ctx.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_NONE, nullptr); // the bench's own certificate
    return ctx;
}

sockaddr_in loopback(std::uint32_t host, int port)
{
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(host);
    a.sin_port = htons(static_cast<std::uint16_t>(port));
    return a;
}

constexpr std::uint32_t hub_address = 0x7f000001, first_source = 0x7f000201;

// A client's frame; the mask is zero, so that the payload stands as it is.
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
    out.append(4, '\0');
    out += payload;
}

std::string_view string_of(std::string_view json, std::string_view key)
{
    const std::size_t at = json.find(key);
    if (at == std::string_view::npos) return {};
    const std::size_t from = at + key.size();
    return json.substr(from, json.find('"', from) - from);
}

} // namespace

struct Fleet::Agent {
    enum class State : std::uint8_t { waiting, connecting, handshake, upgrading, greeting, ready };
    State state = State::waiting;
    int fd = -1;
    SSL* ssl = nullptr;
    std::uint32_t number = 0;
    std::uint16_t failures = 0;
    std::string in, out;
};

struct Fleet::Loop {
    explicit Loop(Fleet& f) : fleet{f}, agents(f.options_.agents)
    {
        if (f.options_.tls) ctx = client_context();
        for (std::size_t i = 0; i < agents.size(); ++i) agents[i].number = static_cast<std::uint32_t>(i);
    }
    ~Loop()
    {
        for (Agent& a : agents) close(a);
    }

    void close(Agent& a)
    {
        if (a.ssl != nullptr) SSL_free(a.ssl);
        a.ssl = nullptr;
        if (a.fd >= 0) ::close(a.fd);
        a.fd = -1;
        a.in = {};
        a.out = {};
    }

    // By the protocol's backoff from now.
    void end(Agent& a, const std::string& why = {})
    {
        if (a.state == Agent::State::ready) {
            --fleet.ready_;
            ++fleet.lost_;
        } else {
            if (a.state != Agent::State::waiting) --under_way;
            if (!why.empty()) {
                ++fleet.turned_away_;
                const std::scoped_lock lock{fleet.mutex_};
                fleet.last_refusal_ = why;
            }
        }
        close(a);
        a.state = Agent::State::waiting;
        const Options& o = fleet.options_;
        double delay = o.backoff_s;
        for (int i = 0; i < a.failures && delay < o.backoff_max_s; ++i) delay *= 2;
        delay = std::min(delay, o.backoff_max_s) *
                (1 + o.jitter * (2 * std::uniform_real_distribution<>{}(random)-1));
        ++a.failures;
        storm = true;
        timers.emplace(Clock::now() +
                           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{delay}),
                       a.number);
    }

    void watch(Agent& a, bool add)
    {
        epoll_event e{};
        const bool write = a.state == Agent::State::connecting || !a.out.empty();
        e.events = EPOLLIN | (write ? EPOLLOUT : 0U);
        e.data.u32 = a.number;
        ::epoll_ctl(epoll.get(), add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, a.fd, &e);
    }

    void start(Agent& a)
    {
        a.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (a.fd < 0) throw std::runtime_error{"socket: " + std::string{std::strerror(errno)}};
        const int on = 1;
        ::setsockopt(a.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(a.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        const auto source =
            loopback(first_source + a.number / static_cast<std::uint32_t>(fleet.options_.per_address), 0);
        ::bind(a.fd, reinterpret_cast<const sockaddr*>(&source), sizeof source);
        const auto hub = loopback(hub_address, fleet.port_);
        a.state = Agent::State::connecting;
        ++under_way;
        if (::connect(a.fd, reinterpret_cast<const sockaddr*>(&hub), sizeof hub) != 0 &&
            errno != EINPROGRESS) {
            ++fleet.refused_;
            return end(a);
        }
        watch(a, true);
    }

    void opened(Agent& a)
    {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(a.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            ++fleet.refused_;
            return end(a);
        }
        if (ctx) {
            a.ssl = SSL_new(ctx.get());
            SSL_set_fd(a.ssl, a.fd);
            SSL_set_connect_state(a.ssl);
            a.state = Agent::State::handshake;
            return handshake(a);
        }
        upgrade(a);
    }

    void handshake(Agent& a)
    {
        ERR_clear_error();
        const int r = SSL_do_handshake(a.ssl);
        if (r == 1) return upgrade(a);
        const int e = SSL_get_error(a.ssl, r);
        if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) return watch(a, false);
        end(a, "closed during the TLS handshake");
    }

    void upgrade(Agent& a)
    {
        a.state = Agent::State::upgrading;
        a.out = "GET /ws/storage HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        flush(a);
    }

    void flush(Agent& a)
    {
        while (!a.out.empty()) {
            ERR_clear_error();
            const auto n = a.ssl != nullptr ? SSL_write(a.ssl, a.out.data(), static_cast<int>(a.out.size()))
                                            : ::send(a.fd, a.out.data(), a.out.size(), MSG_NOSIGNAL);
            if (n <= 0) break;
            a.out.erase(0, static_cast<std::size_t>(n));
        }
        if (a.out.empty()) a.out = {};
        watch(a, false);
    }

    void readable(Agent& a)
    {
        char data[16384];
        for (;;) {
            ERR_clear_error();
            const auto n =
                a.ssl != nullptr ? SSL_read(a.ssl, data, sizeof data) : ::recv(a.fd, data, sizeof data, 0);
            if (n > 0) {
                a.in.append(data, static_cast<std::size_t>(n));
                if (!consume(a)) return;
                if (static_cast<std::size_t>(n) < sizeof data && a.ssl == nullptr) return;
                continue;
            }
            const bool wait = a.ssl != nullptr
                                  ? SSL_get_error(a.ssl, static_cast<int>(n)) == SSL_ERROR_WANT_READ
                                  : n < 0 && errno == EAGAIN;
            if (wait) return;
            return end(a, a.state == Agent::State::ready
                              ? ""
                              : (a.state == Agent::State::upgrading ? "closed instead of an upgrade: "
                                                                    : "closed instead of a welcome: ") +
                                    std::string{n == 0 ? "end of file" : std::strerror(errno)});
        }
    }

    // false: the agent has ended.
    bool consume(Agent& a)
    {
        std::size_t used = 0;
        if (a.state == Agent::State::upgrading) {
            const std::size_t stop = a.in.find("\r\n\r\n");
            if (stop == std::string::npos) return true;
            if (!a.in.starts_with("HTTP/1.1 101")) return end(a, a.in.substr(0, a.in.find('\r'))), false;
            used = stop + 4;
            a.state = Agent::State::greeting;
            const std::string id = "a" + std::to_string(a.number);
            append_frame(a.out, 1,
                         R"({"action":"auth","token":")" + fleet.options_.token_prefix + id +
                             R"(","agent_id":")" + id + "\"}");
        }
        for (;;) {
            const std::size_t left = a.in.size() - used;
            if (left < 2) break;
            const auto* p = reinterpret_cast<const unsigned char*>(a.in.data()) + used;
            std::size_t size = p[1] & 0x7f, head = 2;
            if (size == 126) {
                if (left < 4) break;
                size = std::size_t{p[2]} << 8 | p[3];
                head = 4;
            } else if (size == 127) {
                return end(a, "a frame that is too large"), false;
            }
            if (left < head + size) break;
            const std::string_view payload{a.in.data() + used + head, size};
            if (!frame(a, p[0] & 0xf, payload)) return false;
            used += head + size;
        }
        a.in.erase(0, used);
        if (a.in.empty()) a.in = {};
        if (!a.out.empty()) flush(a);
        return true;
    }

    bool frame(Agent& a, int opcode, std::string_view payload)
    {
        if (opcode == 9) {
            append_frame(a.out, 10, payload);
        } else if (opcode == 8) {
            return end(a, a.state == Agent::State::ready
                              ? ""
                              : "closed instead of a welcome: " +
                                    std::string{payload.substr(std::min<std::size_t>(2, payload.size()))}),
                   false;
        } else if (opcode == 1 && a.state == Agent::State::greeting) {
            if (payload.find("\"ok\"") == std::string_view::npos)
                return end(a, "not admitted: " + std::string{payload}), false;
            a.state = Agent::State::ready;
            a.failures = 0;
            --under_way;
            ++fleet.ready_;
        } else if (opcode == 1) {
            const std::string_view id = string_of(payload, R"("request_id":")");
            append_frame(a.out, 1,
                         R"({"action":"response","request_id":")" + std::string{id} +
                             R"(","status":"success","data":{"files":12}})");
            ++fleet.answered_;
        }
        return true;
    }

    void serve(const epoll_event& e)
    {
        Agent& a = agents[e.data.u32];
        if (a.fd < 0) return;
        switch (a.state) {
        case Agent::State::waiting: return;
        case Agent::State::connecting: return opened(a);
        case Agent::State::handshake: return handshake(a);
        default: break;
        }
        if ((e.events & EPOLLOUT) != 0) flush(a);
        if ((e.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) readable(a);
    }

    void run()
    {
        std::size_t next = 0;
        std::vector<epoll_event> events(512);
        while (!fleet.stopping_) {
            for (; next < agents.size() && (under_way < fleet.options_.at_once); ++next) start(agents[next]);
            const auto now = Clock::now();
            while (!timers.empty() && timers.top().first <= now) {
                Agent& a = agents[timers.top().second];
                timers.pop();
                start(a);
            }
            const int n = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), 5);
            for (int i = 0; i < n; ++i) serve(events[static_cast<std::size_t>(i)]);
        }
    }

    Fleet& fleet;
    Ctx ctx;
    base::Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    std::vector<Agent> agents;
    std::size_t under_way = 0;
    bool storm = false;
    std::mt19937 random{4711};
    using Due = std::pair<Clock::time_point, std::uint32_t>;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> timers;
};

Fleet::Fleet(Options options) : options_{std::move(options)}, port_{options_.port}, thread_{[this] { run(); }}
{}

Fleet::~Fleet()
{
    stopping_ = true;
    thread_.join();
}

void Fleet::run()
{
    Loop loop{*this};
    loop.run();
}

std::string Fleet::last_refusal() const
{
    const std::scoped_lock lock{mutex_};
    return last_refusal_;
}

struct RestClient::Tls {
    Ctx ctx = client_context();
    SSL* ssl = nullptr;
    ~Tls() { SSL_free(ssl); }
};

RestClient::RestClient(int port, bool tls, std::string token)
    : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, token_{std::move(token)}
{
    const auto hub = loopback(hub_address, port);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&hub), sizeof hub) != 0)
        throw std::runtime_error{"connect: " + std::string{std::strerror(errno)}};
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!tls) return;
    tls_ = std::make_unique<Tls>();
    tls_->ssl = SSL_new(tls_->ctx.get());
    SSL_set_fd(tls_->ssl, socket_.get());
    if (SSL_connect(tls_->ssl) != 1) throw std::runtime_error{"the TLS handshake failed"};
}

RestClient::~RestClient() = default;

void RestClient::send_all(std::string_view text)
{
    while (!text.empty()) {
        const auto n = tls_ ? SSL_write(tls_->ssl, text.data(), static_cast<int>(text.size()))
                            : ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (n <= 0) throw std::runtime_error{"the hub closed the connection"};
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::size_t RestClient::receive(char* data, std::size_t size)
{
    const auto n =
        tls_ ? SSL_read(tls_->ssl, data, static_cast<int>(size)) : ::recv(socket_.get(), data, size, 0);
    if (n <= 0) throw std::runtime_error{"the hub closed the connection"};
    return static_cast<std::size_t>(n);
}

RestClient::Answer RestClient::call(std::string_view method, std::string_view path, std::string_view body)
{
    std::string request{method};
    request.append(" ").append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ");
    request.append(token_).append("\r\nContent-Length: ").append(std::to_string(body.size()));
    send_all(request.append("\r\n\r\n").append(body));
    const auto more = [this] {
        char data[16384];
        buffer_.append(data, receive(data, sizeof data));
    };
    std::size_t stop;
    while ((stop = buffer_.find("\r\n\r\n")) == std::string::npos) more();
    Answer answer;
    answer.status = std::atoi(buffer_.c_str() + 9);
    std::size_t length = 0;
    const std::string head = buffer_.substr(0, stop);
    for (const char* name : {"Content-Length: ", "content-length: "}) {
        if (const auto at = head.find(name); at != std::string::npos)
            length = static_cast<std::size_t>(std::atoll(head.c_str() + at + 16));
    }
    while (buffer_.size() < stop + 4 + length) more();
    answer.body = buffer_.substr(stop + 4, length);
    buffer_.erase(0, stop + 4 + length);
    return answer;
}

std::string fleet_credentials(std::size_t agents, const std::string& token_prefix)
{
    std::string yaml = "agents:\n";
    for (std::size_t i = 0; i < agents; ++i) {
        const std::string id = "a" + std::to_string(i);
        yaml += "  - {id: " + id + ", secret: \"" + token_prefix + id + "\"}\n";
    }
    return yaml;
}

} // namespace agenthost::bench

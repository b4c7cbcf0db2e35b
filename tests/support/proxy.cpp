#include "proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace agenthost::test {

namespace {

sockaddr_in loopback(int port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

bool send_all(int fd, const char* data, std::size_t size)
{
    while (size > 0) {
        const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL);
        if (n <= 0) return false;
        data += n;
        size -= static_cast<std::size_t>(n);
    }
    return true;
}

void reset_on_close(int fd)
{
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

} // namespace

Acceptor::Acceptor() : listen_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
{
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(listen_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listen_, 128) != 0)
        throw std::runtime_error{std::string{"listening on loopback: "} + std::strerror(errno)};
    ::getsockname(listen_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
}

Acceptor::~Acceptor() { ::close(listen_); }

void Acceptor::run()
{
    thread_ = std::thread{[this] {
        for (;;) {
            const int fd = ::accept4(listen_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) return;
            const std::lock_guard lock{mutex_};
            if (stopping_) {
                ::close(fd);
                return;
            }
            open_.push_back(fd);
            threads_.emplace_back([this, fd, number = ++connections_] {
                serve(fd, number);
                const std::lock_guard done{mutex_};
                open_.remove(fd);
                ::close(fd);
            });
        }
    }};
}

void Acceptor::stop()
{
    stopping_ = true;
    ::shutdown(listen_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    {
        const std::lock_guard lock{mutex_};
        for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
}

Proxy::Proxy(int upstream_port, std::vector<Fault> faults, Fault rest)
    : upstream_{upstream_port}, faults_{std::move(faults)}, rest_{rest}
{
    run();
}

// One connection through the proxy, from the client's to the upstream's end.
class Proxy::Relay {
public:
    Relay(const Proxy& proxy, const Fault& fault, int client)
        : proxy_{proxy}, fault_{fault}, client_{client}, server_{
                                                             ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {}
    ~Relay() { ::close(server_); }
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    void run()
    {
        const sockaddr_in address = loopback(proxy_.upstream_);
        if (::connect(server_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
        while (!proxy_.stopping()) {
            const bool held = fault_.gate && !*fault_.gate;
            pollfd fds[] = {{server_, POLLIN, 0}, {client_open_ && !held ? client_ : -1, POLLIN, 0}};
            if (::poll(fds, 2, held ? 5 : 100) <= 0) continue;
            if (fds[1].revents && !pass_request()) return;
            if (fds[0].revents && !pass_answer()) return;
        }
    }

private:
    // Both return false when the connection is over.
    bool pass_request()
    {
        const ssize_t n = ::recv(client_, buffer_.data(), buffer_.size(), 0);
        if (n < 0) return false;
        if (n == 0) {
            client_open_ = false;
            ::shutdown(server_, SHUT_WR);
        }
        asked_ += static_cast<std::uint64_t>(n);
        if (fault_.cut_request && asked_ >= *fault_.cut_request) {
            reset_on_close(client_);
            return false;
        }
        if (!send_all(server_, buffer_.data(), static_cast<std::size_t>(n))) client_open_ = false;
        return true;
    }
    bool pass_answer()
    {
        using enum Fault::Kind;
        if (fault_.kind != none && fault_.kind != garbage && fault_.after == 0) return strike();
        std::size_t max = fault_.trickle > 0 ? fault_.trickle : buffer_.size();
        if (fault_.kind != none)
            max = static_cast<std::size_t>(
                std::min<std::uint64_t>(max, std::max<std::uint64_t>(fault_.after - answered_, 1)));
        const ssize_t n = ::recv(server_, buffer_.data(), max, 0);
        if (n <= 0) return false;
        if (fault_.kind == garbage && fault_.after == 0) return strike();
        answered_ += static_cast<std::uint64_t>(n);
        if (!send_all(client_, buffer_.data(), static_cast<std::size_t>(n))) return false;
        if (fault_.trickle > 0) std::this_thread::sleep_for(fault_.trickle_every);
        return fault_.kind == none || answered_ < fault_.after || strike();
    }
    // Does what the fault says; the connection is over after it.
    bool strike()
    {
        if (fault_.kind == Fault::Kind::reset) reset_on_close(client_);
        if (fault_.kind == Fault::Kind::stall) wait_until_the_client_gives_up();
        if (fault_.kind == Fault::Kind::garbage) {
            for (std::size_t i = 0; i < 512; ++i) buffer_[i] = static_cast<char>(i * 37 + 11);
            send_all(client_, buffer_.data(), 512);
        }
        return false;
    }
    void wait_until_the_client_gives_up() const
    {
        while (!proxy_.stopping()) {
            pollfd fds{client_, POLLIN, 0};
            char byte = 0;
            if (::poll(&fds, 1, 20) > 0 && ::recv(client_, &byte, 1, 0) <= 0) return;
        }
    }

    const Proxy& proxy_;
    const Fault fault_;
    const int client_, server_;
    std::vector<char> buffer_ = std::vector<char>(65536);
    std::uint64_t answered_ = 0, asked_ = 0;
    bool client_open_ = true;
};

void Proxy::serve(int client, int number)
{
    const auto n = static_cast<std::size_t>(number);
    Relay{*this, n <= faults_.size() ? faults_[n - 1] : rest_, client}.run();
}

std::string HttpRequest::target() const
{
    const auto first = head.find(' ');
    return head.substr(first + 1, head.find(' ', first + 1) - first - 1);
}

std::string HttpRequest::header(const std::string& name) const
{
    std::string lower = head;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto at = lower.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

HttpServer::HttpServer(Handler handler, bool read_body) : handler_{std::move(handler)}, read_body_{read_body}
{
    run();
}

std::vector<HttpRequest> HttpServer::requests() const
{
    const std::lock_guard lock{mutex_};
    return requests_;
}

void HttpServer::serve(int fd, int number)
{
    std::string text;
    std::vector<char> buffer(65536);
    const auto more = [&] {
        const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
        return n > 0;
    };
    while (text.find("\r\n\r\n") == std::string::npos)
        if (!more()) return;
    HttpRequest request;
    const auto end = text.find("\r\n\r\n") + 4;
    request.head = text.substr(0, end);
    request.number = number;
    const std::string length = request.header("content-length");
    const std::size_t want = read_body_ && !length.empty() ? std::stoull(length) : 0;
    while (text.size() < end + want)
        if (!more()) break;
    request.body = text.substr(end, want);
    {
        const std::lock_guard lock{mutex_};
        requests_.push_back(request);
    }
    const std::string answer = handler_(request);
    if (answer.empty()) {
        reset_on_close(fd);
        return;
    }
    send_all(fd, answer.data(), answer.size());
    ::shutdown(fd, SHUT_WR);
    while (more() && text.size() < (1u << 30))
        text.clear(); // let the client finish, so that no reset overtakes the answer
}

std::string http_answer(const std::string& status, const std::string& body, const std::string& headers)
{
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
           "\r\n" + body;
}

std::string http_chunked(const std::string& body, std::size_t piece, const std::string& headers)
{
    std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + headers + "\r\n";
    for (std::size_t at = 0; at < body.size(); at += piece) {
        const auto part = body.substr(at, piece);
        char size[32];
        std::snprintf(size, sizeof size, "%zx\r\n", part.size());
        ((text += size) += part) += "\r\n";
    }
    return text += "0\r\n\r\n";
}

} // namespace agenthost::test

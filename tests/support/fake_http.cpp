#include "fake_http.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace agenthost::test {

namespace {

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

} // namespace

bool FakeHttp::Peer::send(std::string_view bytes)
{
    while (!bytes.empty() && !closed_) {
        const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return !closed_;
}

bool FakeHttp::Peer::reply(int status, std::string_view body, std::string_view more_headers)
{
    std::string text = "HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Type: application/json\r\n";
    text += more_headers;
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    return send(text += body);
}

bool FakeHttp::Peer::begin_chunked() { return send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"); }

bool FakeHttp::Peer::chunk(std::string_view bytes)
{
    char head[24];
    std::snprintf(head, sizeof head, "%zx\r\n", bytes.size());
    return send(std::string{head}.append(bytes).append("\r\n"));
}

std::string FakeHttp::Peer::receive()
{
    if (!rest_.empty()) return std::exchange(rest_, {});
    std::string bytes(64 * 1024, '\0');
    const auto n = ::recv(fd_, bytes.data(), bytes.size(), 0);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
}

bool FakeHttp::Peer::readable(std::chrono::milliseconds time) const
{
    pollfd wait{fd_, POLLIN, 0};
    return !rest_.empty() || ::poll(&wait, 1, static_cast<int>(time.count())) > 0;
}

void FakeHttp::Peer::wait_closed()
{
    while (!receive().empty()) {}
}

void FakeHttp::Peer::close()
{
    if (!std::exchange(closed_, true)) ::shutdown(fd_, SHUT_RDWR);
}

FakeHttp::FakeHttp(std::filesystem::path socket, Script script)
    : path_{std::move(socket)}, script_{std::move(script)}, listening_{::socket(
                                                                AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path_.string();
    if (name.size() >= sizeof address.sun_path) throw std::runtime_error{"the socket's path is too long"};
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    ::unlink(name.c_str());
    if (::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listening_.get(), 64) != 0)
        throw std::runtime_error{"cannot listen on " + name};
    acceptor_ = std::thread{[this] { accept_all(); }};
}

FakeHttp::~FakeHttp()
{
    stopping_ = true;
    ::shutdown(listening_.get(), SHUT_RDWR);
    acceptor_.join();
    listening_.reset();
    {
        const std::lock_guard lock{mutex_};
        for (auto& one : connections_) ::shutdown(one.socket.get(), SHUT_RDWR);
    }
    for (auto& one : connections_) one.thread.join();
    ::unlink(path_.c_str());
}

std::vector<std::string> FakeHttp::requests() const
{
    const std::lock_guard lock{mutex_};
    return requests_;
}

void FakeHttp::accept_all()
{
    while (!stopping_) {
        base::Fd fd{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (!fd) continue;
        ++accepted_;
        const std::lock_guard lock{mutex_};
        auto& connection = connections_.emplace_back();
        connection.socket = std::move(fd);
        connection.thread = std::thread{[this, number = connection.socket.get()] { serve(number); }};
    }
}

void FakeHttp::serve(int fd)
{
    Peer peer{fd};
    Request request;
    while (!stopping_ && read_request(peer, request)) {
        {
            const std::lock_guard lock{mutex_};
            requests_.push_back(request.method + ' ' + request.target);
        }
        script_(peer, request);
        if (peer.closed()) break;
    }
    ::shutdown(fd, SHUT_RDWR);
}

bool FakeHttp::read_more(Peer& peer)
{
    std::string bytes(64 * 1024, '\0');
    const auto n = ::recv(peer.fd_, bytes.data(), bytes.size(), 0);
    if (n <= 0) return false;
    peer.rest_.append(bytes, 0, static_cast<std::size_t>(n));
    return true;
}

bool FakeHttp::read_request(Peer& peer, Request& request)
{
    std::size_t end;
    while ((end = peer.rest_.find("\r\n\r\n")) == std::string::npos)
        if (!read_more(peer)) return false;
    std::string head = peer.rest_.substr(0, end + 2);
    peer.rest_.erase(0, end + 4);
    request = {};
    const auto line = head.substr(0, head.find("\r\n"));
    const auto first = line.find(' '), last = line.rfind(' ');
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
        const auto stop = head.find("\r\n", at), colon = head.find(": ", at);
        request.headers[lower(head.substr(at, colon - at))] = head.substr(colon + 2, stop - colon - 2);
        at = stop + 2;
    }
    if (const auto length = request.headers.find("content-length"); length != request.headers.end()) {
        const auto size = std::stoul(length->second);
        while (peer.rest_.size() < size)
            if (!read_more(peer)) return false;
        request.body = peer.rest_.substr(0, size);
        peer.rest_.erase(0, size);
    }
    while (request.headers.contains("transfer-encoding")) {
        std::size_t lf;
        while ((lf = peer.rest_.find("\r\n")) == std::string::npos)
            if (!read_more(peer)) return false;
        const auto size = std::strtoul(peer.rest_.c_str(), nullptr, 16);
        peer.rest_.erase(0, lf + 2);
        while (peer.rest_.size() < size + 2)
            if (!read_more(peer)) return false;
        request.body += peer.rest_.substr(0, size);
        peer.rest_.erase(0, size + 2);
        if (size == 0) break;
    }
    return true;
}

} // namespace agenthost::test

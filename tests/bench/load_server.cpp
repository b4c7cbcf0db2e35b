#include "load_server.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "bench.hpp"
#include "support/loopback.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cstring>
#include <stdexcept>

namespace agenthost::bench {

namespace {

void frame_header(std::string& out, unsigned char opcode, std::size_t size)
{
    out.push_back(static_cast<char>(0x80 | opcode));
    if (size < 126)
        out.push_back(static_cast<char>(size));
    else {
        out.push_back(126);
        out.push_back(static_cast<char>(size >> 8));
        out.push_back(static_cast<char>(size & 255));
    }
}

} // namespace

LoadServer::LoadServer(const std::string& certificate, const std::string& key)
{
    auto listening = test::listen_on_loopback();
    listener_ = std::move(listening.fd);
    port_ = listening.port;
    if (certificate.empty()) return;
    context_ = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1)
        throw std::runtime_error{"cannot load the bench certificate"};
}

LoadServer::~LoadServer()
{
    drop();
    if (context_) SSL_CTX_free(context_);
}

void LoadServer::drop()
{
    if (ssl_) SSL_free(ssl_);
    ssl_ = nullptr;
    socket_.reset();
    used_ = 0;
}

void LoadServer::accept_raw()
{
    drop();
    timeval timeout{30, 0};
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    socket_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket_) throw std::runtime_error{"nobody connected within 30 s"};
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    buffer_.resize(256 << 10);
}

void LoadServer::accept_websocket(bool storage_auth)
{
    accept_raw();
    if (context_) {
        ssl_ = SSL_new(context_);
        SSL_set_fd(ssl_, socket_.get());
        if (SSL_accept(ssl_) != 1) throw std::runtime_error{"TLS handshake failed"};
    }
    std::string head;
    char c[1024];
    while (head.find("\r\n\r\n") == head.npos) head.append(c, receive(c, sizeof c));
    std::string lower = head;
    for (char& ch : lower) ch = static_cast<char>(std::tolower(ch));
    const auto at = lower.find("sec-websocket-key:");
    if (at == lower.npos) throw std::runtime_error{"not a WebSocket upgrade"};
    auto start = head.find_first_not_of(' ', at + 18);
    const std::string text =
        head.substr(start, head.find('\r', start) - start) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    send_all("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
             "Upgrade\r\nSec-WebSocket-Accept: " +
             base::base64({reinterpret_cast<const char*>(digest), sizeof digest}) + "\r\n\r\n");
    if (!storage_auth) return;
    std::uint64_t bad = 0;
    while (consume({}, 0, bad) == 0) used_ += receive(buffer_.data() + used_, buffer_.size() - used_);
    const std::string_view welcome = R"({"status":"ok"})";
    std::string frame;
    frame_header(frame, 1, welcome.size());
    send_all(frame.append(welcome));
}

std::size_t LoadServer::receive(char* data, std::size_t size)
{
    const auto n = ssl_ ? SSL_read(ssl_, data, static_cast<int>(size))
                        : static_cast<int>(::recv(socket_.get(), data, size, 0));
    if (n <= 0) throw std::runtime_error{"the peer closed or was silent for 30 s"};
    return static_cast<std::size_t>(n);
}

void LoadServer::send_all(std::string_view text)
{
    while (!text.empty()) {
        const auto n = ssl_ ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
                            : static_cast<int>(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL));
        if (n <= 0) throw std::runtime_error{"the peer does not take what is sent"};
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::uint64_t LoadServer::consume(std::string_view expect, std::uint64_t seen, std::uint64_t& bad)
{
    std::uint64_t frames = 0;
    std::size_t at = 0;
    while (used_ - at >= 6) {
        const auto* p = reinterpret_cast<unsigned char*>(buffer_.data() + at);
        const unsigned opcode = p[0] & 15;
        std::size_t size = p[1] & 127, head = 6;
        if (size == 126) {
            if (used_ - at < 8) break;
            size = static_cast<std::size_t>(p[2]) << 8 | p[3];
            head = 8;
        } else if (size == 127)
            throw std::runtime_error{"a frame above 64 KiB"};
        if (used_ - at < head + size) break;
        const bool look = opcode != 1 || (!expect.empty() && (seen + frames) % 64 == 0);
        if (look) {
            const unsigned char* mask = p + head - 4;
            std::string text(size, '\0');
            for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(p[head + i] ^ mask[i & 3]);
            if (opcode == 9) {
                std::string pong;
                frame_header(pong, 10, size);
                send_all(pong + text);
            } else if (opcode == 8) {
                throw std::runtime_error{"the peer said goodbye"};
            } else if (opcode == 1 && text.find(expect) == text.npos) {
                if (bad++ == 0) std::fprintf(stderr, "unexpected answer: %s\n", text.c_str());
            }
        }
        if (opcode == 1) ++frames;
        at += head + size;
    }
    std::memmove(buffer_.data(), buffer_.data() + at, used_ - at);
    used_ -= at;
    return frames;
}

LoadServer::Run LoadServer::exchange(std::uint64_t count, unsigned window,
                                     const std::function<void(std::uint64_t, std::string&)>& frame,
                                     std::string_view expect)
{
    Run run;
    std::string out, text;
    std::uint64_t sent = 0, got = 0;
    if (window == 1) run.latencies_us.reserve(count);
    const double start = now_s();
    while (got < count) {
        out.clear();
        while (sent < count && sent - got < window) {
            text.clear();
            frame(sent++, text);
            frame_header(out, 1, text.size());
            out += text;
        }
        const double before = window == 1 ? now_s() : 0;
        if (!out.empty()) send_all(out);
        const auto had = got;
        while (got == had) {
            used_ += receive(buffer_.data() + used_, buffer_.size() - used_);
            got += consume(expect, got, run.bad);
        }
        if (window == 1) run.latencies_us.push_back((now_s() - before) * 1e6);
    }
    run.seconds = now_s() - start;
    return run;
}

LoadServer::Run LoadServer::ping_pong_raw(std::uint64_t count, std::size_t bytes)
{
    Run run;
    const std::string text(bytes, 'x');
    const double start = now_s();
    for (std::uint64_t i = 0; i < count; ++i) {
        const double before = now_s();
        send_all(text);
        for (std::size_t got = 0; got < bytes;) got += receive(buffer_.data(), bytes - got);
        run.latencies_us.push_back((now_s() - before) * 1e6);
    }
    run.seconds = now_s() - start;
    return run;
}

} // namespace agenthost::bench

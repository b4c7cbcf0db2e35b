#include "ws_peer.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace agenthost::bench {

namespace {

void send_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        const auto n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (n <= 0) throw std::runtime_error{"the peer closed"};
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

void unmask(char* data, std::size_t size, const unsigned char* key)
{
    std::uint64_t wide = 0;
    for (unsigned i = 0; i < 8; ++i) wide |= std::uint64_t{key[i & 3]} << (8 * i);
    std::size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        std::uint64_t word;
        std::memcpy(&word, data + i, 8);
        word ^= wide;
        std::memcpy(data + i, &word, 8);
    }
    for (; i < size; ++i) data[i] = static_cast<char>(static_cast<unsigned char>(data[i]) ^ key[i & 3]);
}

} // namespace

std::string WsPeer::head()
{
    std::string_view all;
    std::size_t end = std::string::npos;
    while (end == std::string::npos) {
        if (!fill()) throw std::runtime_error{"the peer closed in the handshake"};
        all = std::string_view{buffer_}.substr(from_, to_ - from_);
        end = all.find("\r\n\r\n");
    }
    std::string text{all.substr(0, end + 4)};
    from_ += end + 4;
    return text;
}

WsPeer WsPeer::accept(int listener)
{
    base::Fd fd{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
    if (!fd) throw std::runtime_error{"nobody connected"};
    const int on = 1;
    ::setsockopt(fd.get(), SOL_TCP, TCP_NODELAY, &on, sizeof on);
    WsPeer peer{std::move(fd)};
    const std::string head = peer.head();
    std::string lower = head;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto at = head.find_first_not_of(' ', lower.find("sec-websocket-key:") + 18);
    const std::string text =
        head.substr(at, head.find('\r', at) - at) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    send_all(peer.fd_.get(), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                             "Upgrade\r\nSec-WebSocket-Accept: " +
                                 base::base64({reinterpret_cast<const char*>(digest), sizeof digest}) +
                                 "\r\n\r\n");
    return peer;
}

WsPeer WsPeer::connect(int port, const std::string& target)
{
    base::Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error{"cannot connect"};
    WsPeer peer{std::move(fd)};
    send_all(peer.fd_.get(),
             "GET " + target +
                 " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: "
                 "http://localhost\r\n\r\n");
    if (peer.head().find(" 101 ") == std::string::npos) throw std::runtime_error{"the upgrade was refused"};
    return peer;
}

bool WsPeer::fill()
{
    if (from_ > 0 && (from_ == to_ || to_ == buffer_.size())) {
        std::memmove(buffer_.data(), buffer_.data() + from_, to_ - from_);
        to_ -= from_;
        from_ = 0;
    }
    if (to_ == buffer_.size()) throw std::runtime_error{"a message longer than 1 MiB"};
    const auto n = ::recv(fd_.get(), buffer_.data() + to_, buffer_.size() - to_, 0);
    if (n <= 0) return false;
    to_ += static_cast<std::size_t>(n);
    return true;
}

bool WsPeer::next(std::string_view& message)
{
    for (;;) {
        const auto* p = reinterpret_cast<const unsigned char*>(buffer_.data() + from_);
        const std::size_t have = to_ - from_;
        std::size_t head = 2;
        std::uint64_t size = have >= 2 ? p[1] & 127u : 0;
        const bool masked = have >= 2 && (p[1] & 128u) != 0;
        if (size == 126) head = 4;
        if (size == 127) head = 10;
        if (have >= head && head == 4) size = std::uint64_t{p[2]} << 8 | p[3];
        if (have >= head && head == 10) {
            size = 0;
            for (int i = 2; i < 10; ++i) size = size << 8 | p[i];
        }
        const std::size_t all = head + (masked ? 4 : 0);
        if (have < all || have < all + size) {
            if (!fill()) return false;
            continue;
        }
        char* data = buffer_.data() + from_ + all;
        if (masked) unmask(data, size, p + head);
        const unsigned opcode = p[0] & 15u;
        from_ += all + size;
        if (opcode == 8) return false;
        if (opcode == 9) { // only from clients of ours, and short
            std::string pong{"\x8a"};
            pong += static_cast<char>(size);
            send_all(fd_.get(), pong.append(data, size));
        }
        if (opcode > 2) continue;
        message = {data, size};
        return true;
    }
}

void WsPeer::send(std::string_view text)
{
    std::string frame{"\x81"};
    if (text.size() < 126)
        frame += static_cast<char>(text.size());
    else {
        frame += static_cast<char>(126);
        frame += static_cast<char>(text.size() >> 8);
        frame += static_cast<char>(text.size() & 255);
    }
    send_all(fd_.get(), frame.append(text));
}

} // namespace agenthost::bench

// The limit of the hub-in bench: epoll, recv of 64 KiB and a pong for each burst, without parsing a frame.
// One thread. Finds the ping at the end of a burst, because the bench sends nothing after it until the pong
// has come. Prints its port. raw_sink
#include <array>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace {

constexpr std::string_view accepted =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

// An empty masked ping with the bench's mask.
constexpr std::array<unsigned char, 6> ping{0x89, 0x80, 0x5A, 0xC3, 0x17, 0x88};

void serve(int socket, std::vector<char>& buffer)
{
    const auto n = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (n <= 0) return;
    const std::string_view bytes{buffer.data(), static_cast<std::size_t>(n)};
    if (bytes.starts_with("GET ")) {
        (void)::send(socket, accepted.data(), accepted.size(), MSG_NOSIGNAL);
    } else if (bytes.size() >= ping.size() &&
               std::memcmp(bytes.end() - ping.size(), ping.data(), ping.size()) == 0) {
        constexpr std::array<char, 2> pong{'\x8A', 0};
        (void)::send(socket, pong.data(), pong.size(), MSG_NOSIGNAL);
    }
}

} // namespace

int main()
{
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 1024) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return 1;
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    std::vector<char> buffer(64 * 1024);
    std::array<epoll_event, 256> events{};
    while (true) {
        const int n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < n; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd != listener) {
                serve(fd, buffer);
                continue;
            }
            const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            const int on = 1;
            ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            event = {.events = EPOLLIN, .data = {.fd = socket}};
            ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
        }
    }
}

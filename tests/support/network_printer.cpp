#include "network_printer.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace agenthost::test {

namespace {
constexpr int look_again = 10; // ms: habits change while a connection waits

bool peer_is_gone(int fd)
{
    pollfd peer{fd, POLLRDHUP, 0};
    return ::poll(&peer, 1, 0) > 0;
}
} // namespace

NetworkPrinter::NetworkPrinter(Habits habits) : habits_{std::move(habits)}
{
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (habits_.receive_buffer > 0)
        ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &habits_.receive_buffer,
                     sizeof habits_.receive_buffer);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(listener_, 1) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
        throw std::runtime_error{"no port for a fake printer"};
    port_ = ntohs(at.sin_port);
    thread_ = std::thread{[this] { serve(); }};
}

NetworkPrinter::~NetworkPrinter()
{
    stopping_ = true;
    thread_.join();
    ::close(listener_);
}

void NetworkPrinter::set(Habits habits)
{
    const std::lock_guard lock{mutex_};
    habits_ = std::move(habits);
}

void NetworkPrinter::go_on()
{
    const std::lock_guard lock{mutex_};
    habits_.reads_until = pause_at_ = SIZE_MAX;
}

void NetworkPrinter::pause_after(std::size_t bytes)
{
    const std::lock_guard lock{mutex_};
    pause_at_ = read_ + bytes;
}

bool NetworkPrinter::paused() const
{
    const std::lock_guard lock{mutex_};
    return read_ >= pause_at_;
}

std::string NetworkPrinter::received() const
{
    const std::lock_guard lock{mutex_};
    return received_;
}

void NetworkPrinter::close_connection() { close_ = true; }

bool NetworkPrinter::readable(int fd)
{
    pollfd one{fd, POLLIN, 0};
    return ::poll(&one, 1, look_again) > 0;
}

// One connection at a time: others wait in the backlog.
void NetworkPrinter::serve()
{
    while (!stopping_) {
        if (!readable(listener_)) continue;
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) continue;
        ++connections_;
        open_ = 1;
        if (!stored_.empty()) (void)!::send(fd, stored_.data(), stored_.size(), MSG_NOSIGNAL);
        stored_.clear();
        serve(fd);
        ::close(fd);
        open_ = 0;
    }
}

void NetworkPrinter::serve(int fd)
{
    std::size_t total = 0;
    close_ = false;
    while (!stopping_ && !close_) {
        std::size_t room = 4096;
        {
            const std::lock_guard lock{mutex_};
            if (habits_.resets > 0 && total >= habits_.resets_after) {
                --habits_.resets;
                const linger reset{1, 0};
                ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
                return;
            }
            if (habits_.resets > 0) room = std::min(room, habits_.resets_after - total);
            room = std::min(room, habits_.reads_until > total ? habits_.reads_until - total : 0);
            room = std::min(room, pause_at_ > read_ ? pause_at_ - read_ : 0);
        }
        if (room == 0) {
            pollfd nothing{-1, 0, 0};
            ::poll(&nothing, 1, look_again);
            continue;
        }
        if (!readable(fd)) continue;
        std::array<char, 4096> buffer{};
        const ssize_t size = ::recv(fd, buffer.data(), room, 0);
        if (size < 0) return;
        if (size == 0) {
            if (std::lock_guard lock{mutex_}; habits_.closes_after_fin) return;
            while (!stopping_ && !close_) ::usleep(look_again * 1000);
            return;
        }
        total += static_cast<std::size_t>(size);
        std::size_t pace = 0;
        {
            const std::lock_guard lock{mutex_};
            read_ += static_cast<std::size_t>(size);
            pace = habits_.bytes_per_second;
        }
        if (pace > 0) ::usleep(static_cast<useconds_t>(static_cast<std::size_t>(size) * 1'000'000 / pace));
        took(fd, buffer.data(), static_cast<std::size_t>(size));
    }
}

void NetworkPrinter::took(int fd, const char* data, std::size_t size)
{
    const std::lock_guard lock{mutex_};
    constexpr std::size_t query = 3, request = 11;
    for (const char byte : std::string_view{data, size}) {
        received_ += byte;
        std::string answer;
        const auto tail = [&](std::size_t count) {
            return received_.size() < count ? std::string{} : received_.substr(received_.size() - count);
        };
        if (const std::string last = tail(query);
            last.size() == query && last[0] == 0x10 && last[1] == 0x04 && last[2] >= 1 && last[2] <= 4) {
            received_.resize(received_.size() - query);
            if (habits_.answers_status) answer = habits_.paper_out && last[2] == 4 ? "\x72" : "\x12";
        } else if (last == "\x1dr\x01") { // GS r 1 waits in the buffer, as all but DLE EOT does
            received_.resize(received_.size() - query);
            if (habits_.answers_status) answer = std::string(1, habits_.paper_out ? '\x0c' : '\0');
        } else if (const std::string last2 = tail(request);
                   last2.starts_with(std::string{"\x1d(H\x06\x00\x30\x30", 7}) && habits_.confirms) {
            answer = "\x37\x22" + last2.substr(7) + std::string(1, '\0');
            if (peer_is_gone(fd)) stored_ += std::exchange(answer, {});
        }
        if (!answer.empty()) (void)!::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
}

} // namespace agenthost::test

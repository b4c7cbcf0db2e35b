#include "farewell.hpp"

#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::host::listener {
namespace {

// Of 4 KiB, before the loop serves other connections.
constexpr int max_reads = 4;
constexpr std::chrono::milliseconds tick_every{100};

} // namespace

void Farewells::take(int fd)
{
    ::shutdown(fd, SHUT_WR);
    if (!timer_ || held_.size() >= max_sockets) {
        ::close(fd);
        return;
    }
    const auto held = held_.emplace_back(std::make_shared<Held>(io_, fd));
    drain(held);
    if (ticking_ || held_.empty()) return;
    ticking_ = true;
    tick();
}

void Farewells::end()
{
    timer_.reset();
    net::error_code ignored;
    for (const auto& held : held_) held->socket.close(ignored); // the pending wait keeps it alive
    held_.clear();
}

void Farewells::wait(const HeldPtr& held)
{
    held->socket.async_wait(net::Core::Descriptor::wait_read,
                            [self = shared_from_this(), held](net::error_code ec) {
                                if (!ec && held->socket.is_open()) self->drain(held);
                            });
}

void Farewells::drain(const HeldPtr& held)
{
    char waste[4096];
    for (int i = 0; i < max_reads; ++i) {
        // The limit: from now on the peer blocks until it reads our answer or its time is up.
        if (held->bytes >= max_bytes) return;
        const ssize_t n = ::recv(held->socket.native_handle(), waste, sizeof waste, MSG_DONTWAIT);
        if (n > 0) {
            held->bytes += static_cast<std::size_t>(n);
            continue;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) return drop(held);
        break;
    }
    wait(held);
}

void Farewells::drop(const HeldPtr& held)
{
    net::error_code ignored;
    held->socket.close(ignored);
    held_.remove(held);
}

void Farewells::tick()
{
    timer_->expires_after(tick_every);
    timer_->async_wait([self = shared_from_this()](net::error_code ec) {
        self->ticking_ = false;
        if (ec || !self->timer_) return;
        const auto now = Clock::now();
        while (!self->held_.empty() && self->held_.front()->until <= now)
            self->drop(HeldPtr{self->held_.front()});
        if (self->held_.empty()) return;
        self->ticking_ = true;
        self->tick();
    });
}

} // namespace agenthost::host::listener

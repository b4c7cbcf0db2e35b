// Lets refused peers read the reason: keeps their sockets open briefly, so that data they still send does not
// turn the refusal into a reset. Bounded in sockets, bytes and time; beyond a bound the socket is closed at
// once. On the first I/O thread; owned by the Server. Private to host/listener.
#pragma once

#include "host/net/core.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <list>
#include <memory>
#include <optional>

namespace agenthost::host::listener {

class Farewells : public std::enable_shared_from_this<Farewells> {
public:
    static constexpr std::size_t max_sockets = 64;
    // Of one peer: the head of a request and the start of its body.
    static constexpr std::size_t max_bytes = 64 * 1024;
    static constexpr std::chrono::milliseconds timeout{1000};

    explicit Farewells(boost::asio::io_context& io) : io_{io}, timer_{std::in_place, io} {}

    // Takes ownership; the answer has been sent.
    void take(int fd);
    // Closes all sockets, permanently. Call it on the loop's thread, or after the loop has ended.
    void end();
    [[nodiscard]] std::size_t size() const { return held_.size(); }

private:
    using Clock = std::chrono::steady_clock;
    struct Held {
        Held(boost::asio::io_context& io, int fd) : socket{io.get_executor(), fd} {}
        net::Core::Descriptor socket;
        std::size_t bytes = 0;
        Clock::time_point until = Clock::now() + timeout;
    };
    using HeldPtr = std::shared_ptr<Held>;

    void wait(const HeldPtr&);
    void drain(const HeldPtr&);
    void drop(const HeldPtr&);
    void tick();

    boost::asio::io_context& io_;
    // Absent after end().
    std::optional<boost::asio::steady_timer> timer_;
    // The oldest first.
    std::list<HeldPtr> held_;
    bool ticking_ = false;
};

} // namespace agenthost::host::listener

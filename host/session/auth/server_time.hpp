// Keeps the server's clock for protocols that sign with a time: measures it by the Date of each response to
// the upgrade, and requests one where that response has none.
//
// Main I/O thread. Owned by OutboundSession.
#pragma once

#include "host/session/auth/clock_skew.hpp"
#include "host/session/http_call.hpp"
#include "host/session/off_thread.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace agenthost::host {

class ServerTime {
public:
    // `needed`: the protocol signs. Otherwise nothing is measured, and now() is this machine's clock.
    ServerTime(boost::asio::any_io_executor main, bool needed) : main_{std::move(main)}, needed_{needed} {}

    // UTC ms.
    [[nodiscard]] std::int64_t now() const;
    // The Date header of a response that has just arrived; empty: it had none.
    void measure(const std::string& date);
    // A new connection: how to request a Date from the server's origin.
    void begin(HttpCall origin) { origin_ = std::move(origin); }
    // The response to the upgrade had this Date; true: the time must be requested before anything is signed.
    [[nodiscard]] bool must_ask(const std::string& date) const;
    // Servers on node's `ws` send no Date in the 101; the response to a plain GET of the same origin has one.
    // Calls `done` in any case, unless forget() comes first.
    void ask(std::function<void()> done);
    void forget() { asking_.forget(); }

    // The server refused our timestamp; returns what is known about the two clocks and what is tried next.
    [[nodiscard]] std::string refused();
    [[nodiscard]] std::string problem() const { return clock_.problem(); }
    [[nodiscard]] std::optional<std::int64_t> ahead() const { return clock_.ahead(); }

private:
    void measure(const std::string& date, std::int64_t utc_ms, std::int64_t running);

    boost::asio::any_io_executor main_;
    bool needed_;
    ServerClock clock_;
    HttpCall origin_;
    OffThread asking_;
    // running_ms() of the last ask().
    std::optional<std::int64_t> asked_at_;
};

} // namespace agenthost::host

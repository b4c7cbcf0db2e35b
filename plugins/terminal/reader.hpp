// Sends a command's output to one request: the one that runs the command, or one that attached. This is the
// only place that batches and cuts output: chunks of at most 10 KB, in the rhythm of Flush, cut between
// characters. Loop thread.
#pragma once

#include "loop.hpp"
#include "output.hpp"
#include "rules.hpp"

#include <agenthost/request.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace agenthost::terminal {

using Outputs = std::array<std::unique_ptr<Output>, 2>; // stdout (or the PTY), stderr; null: nothing yet

class Reader {
public:
    static constexpr std::uint64_t max_lag = 100 << 10;
    static constexpr std::uint64_t unending = ~std::uint64_t{0};

    Reader(Request request, std::array<std::uint64_t, 2> from, std::uint64_t max)
        : request{std::move(request)}, next_{from}, max_{max}
    {}

    // Sends what may be sent now. `all`: the command has ended, hold nothing back.
    void pump(const Outputs&, Clock::time_point now, bool all);
    // When pump() must run next without new output; false: nothing pending.
    [[nodiscard]] bool due(Clock::time_point& when, Clock::time_point now) const;
    [[nodiscard]] bool served(const Outputs& outputs) const { return lag(outputs) == 0; }
    [[nodiscard]] std::uint64_t lag(const Outputs&) const;
    void drop_to(const Outputs&, std::uint64_t lag); // drops the oldest output

    Request request;
    bool blocked = false; // the host accepts no more; writable() clears this
    bool stalled = false; // blocked for too long: output is dropped, and the command does not wait
    bool over = false;    // answered
    std::array<std::uint64_t, 2> until{unending, unending}; // replay without following: where it ends
    [[nodiscard]] bool follows() const { return until[0] == unending; }
    Loop::Timer flush = 0, stall = 0;
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
    [[nodiscard]] const std::array<std::uint64_t, 2>& next() const { return next_; }

private:
    void pump(std::size_t channel, const Output&, bool ripe, bool all);
    void skip(std::size_t channel, std::uint64_t to);
    [[nodiscard]] std::uint64_t end(std::size_t channel, const Output& output) const
    {
        return std::min(output.end(), until[channel]);
    }

    std::array<std::uint64_t, 2> next_;
    std::uint64_t max_, sent_ = 0, dropped_ = 0;
    Flush rhythm_;
    bool sent_now_ = false, waiting_ = false;
    std::string scratch_;
};

} // namespace agenthost::terminal

// Tracks which results the peer has received. A journalled result is delivered once a ping sent after its
// frame is answered by a pong.
//
// At most one such ping is outstanding, so a burst of results costs one ping per round trip. Liveness pings
// count too. Bound: one row per sent frame without a pong; the session stops sending at `max_rows`.
#pragma once

#include <charconv>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace agenthost::wire {

class Delivery {
public:
    static constexpr std::size_t max_rows = 65'536;

    // Starts a new connection; rows without a pong are sent again. Its pings continue the numbers, so that no
    // pong for an earlier connection's ping can prove a row of this one.
    void begin()
    {
        rows_.clear();
        large_.clear();
        ponged_ = last_;
    }

    // The frame with this row was written to the socket.
    void sent(std::uint64_t row) { rows_.push_back({row, last_ + 1}); }

    // The largest frame that may not have arrived, and its row (0: not in the journal). A close with 1009
    // refers to it.
    struct Largest {
        std::size_t bytes = 0;
        std::uint64_t row = 0;
    };
    // Called for every frame, in addition to sent(), even without a row. Frames below `noteworthy` are
    // ignored.
    static constexpr std::size_t noteworthy = 1024;
    void sent_bytes(std::size_t bytes, std::uint64_t row)
    {
        if (bytes < noteworthy) return;
        while (!large_.empty() && large_.back().frame.bytes <= bytes) large_.pop_back();
        if (large_.size() < max_large) large_.push_back({{bytes, row}, last_ + 1});
    }
    [[nodiscard]] Largest largest() const { return large_.empty() ? Largest{} : large_.front().frame; }
    // Returns the payload of a ping that is sent now.
    std::string ping() { return std::to_string(++last_); }
    // Handles a pong: calls `delivered(row)` for every row it proves. An unknown payload proves nothing.
    template <typename F> void pong(std::string_view payload, F&& delivered)
    {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(payload.data(), payload.data() + payload.size(), number);
        if (error != std::errc{} || end != payload.data() + payload.size() || number > last_ ||
            number <= ponged_)
            return;
        ponged_ = number;
        while (!large_.empty() && large_.front().proof <= number) large_.pop_front();
        while (!rows_.empty() && rows_.front().proof <= number) {
            const std::uint64_t row = rows_.front().row;
            rows_.pop_front();
            delivered(row);
        }
    }

    [[nodiscard]] bool waiting() const { return !rows_.empty(); }
    [[nodiscard]] bool full() const { return rows_.size() >= max_rows; }
    // True if there are rows that no outstanding ping will prove.
    [[nodiscard]] bool wants_ping() const
    {
        return !rows_.empty() && rows_.back().proof > last_ && ponged_ == last_;
    }

private:
    struct Row {
        std::uint64_t row, proof; // proof: number of the first ping sent after the row
    };
    struct Large {
        Largest frame;
        std::uint64_t proof;
    };
    static constexpr std::size_t max_large = 256;
    std::deque<Row> rows_;
    std::deque<Large> large_;             // in the order they were sent, each larger than all after it
    std::uint64_t last_ = 0, ponged_ = 0; // pings sent; the latest answered ping
};

} // namespace agenthost::wire

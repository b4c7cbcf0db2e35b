// Which results has the peer got? A journalled result counts as delivered when a ping sent after its frame has been ponged.
//
// One ping at a time is out for this purpose, so a burst of results costs one ping per round trip. The liveness pings count too.
// Bound: the rows of frames that the send queue admitted and the peer has not ponged; the shell stops sending at `most`.
#pragma once

#include <charconv>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace agenthost::wire {

class Delivery {
public:
    static constexpr std::size_t most = 65'536;

    void begin()
    {
        rows_.clear(), last_ = ponged_ = 0;
    } // a new connection: what was not ponged is sent again

    // The frame with this row has gone to the socket.
    void sent(std::uint64_t row) { rows_.push_back({row, last_ + 1}); }
    // A ping goes out now; its payload.
    std::string ping() { return std::to_string(++last_); }
    // A pong came. Calls `delivered(row)` for every row it proves. A payload that is none of ours proves nothing.
    template <typename F> void pong(std::string_view payload, F&& delivered)
    {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(payload.data(), payload.data() + payload.size(), number);
        if (error != std::errc{} || end != payload.data() + payload.size() || number > last_ ||
            number <= ponged_)
            return;
        ponged_ = number;
        while (!rows_.empty() && rows_.front().proof <= number) {
            const std::uint64_t row = rows_.front().row;
            rows_.pop_front();
            delivered(row);
        }
    }

    [[nodiscard]] bool waiting() const { return !rows_.empty(); }
    [[nodiscard]] bool full() const { return rows_.size() >= most; }
    // Rows wait that no ping on its way will prove.
    [[nodiscard]] bool wants_ping() const
    {
        return !rows_.empty() && rows_.back().proof > last_ && ponged_ == last_;
    }

private:
    struct Row {
        std::uint64_t row, proof; // proof: the first ping sent after it
    };
    std::deque<Row> rows_;
    std::uint64_t last_ = 0, ponged_ = 0; // pings sent; the latest that was ponged
};

} // namespace agenthost::wire

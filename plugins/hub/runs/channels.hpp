// Orders the output of one run across sessions of its agent: each stream's expected offset, and pieces that
// are held while older ones are fetched. Pure; one per run; not thread-safe. Bounded by the caller's limit on
// held bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class RunChannels {
public:
    struct Piece {
        // Bytes lost before it.
        std::uint64_t missing = 0;
        // A view into the argument of take().
        std::string_view bytes;
    };
    struct Held {
        std::uint32_t channel;
        std::uint64_t offset;
        std::string bytes;
    };

    // Channel 1 is stdout or the terminal, 2 stderr. nullopt: all of it was received before.
    std::optional<Piece> take(std::uint32_t channel, std::uint64_t offset, std::string_view bytes);
    [[nodiscard]] std::uint64_t next(std::uint32_t channel) const { return channels_.at(channel - 1).next; }
    // Bytes of both streams up to here, lost ones included.
    [[nodiscard]] std::uint64_t received() const { return channels_[0].next + channels_[1].next; }
    // The agent counts from 0 in its new session: the next piece of each stream follows the last one,
    // whatever its offset is.
    void rebase();

    // Keeps a piece for later. A piece beyond `max` bytes and all after it are dropped, and overflowed() is
    // true.
    void hold(std::uint32_t channel, std::uint64_t offset, std::string_view bytes, std::size_t max);
    std::vector<Held> release();
    // Whether a piece was dropped since the last call.
    bool overflowed();

private:
    struct Channel {
        std::uint64_t next = 0; // the expected offset
        std::int64_t shift = 0; // added to the agent's offsets
        bool rebase = false;
    };
    std::array<Channel, 2> channels_;
    std::vector<Held> held_;
    std::size_t held_bytes_ = 0;
    bool overflow_ = false;
};

} // namespace agenthost::hub

// Stores the nonces of signed frames for as long as the frames could be replayed. Pure: the caller passes the
// time and keeps the records across restarts. Not thread-safe.
//
// Bounded: a full window refuses new frames and never drops a valid nonce. A nonce is stored as a 128-bit
// hash: a collision refuses a frame but never accepts a replay.
#pragma once

#include "wire/codec.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>

namespace agenthost::wire {

class ReplayWindow {
public:
    // Max difference between a frame's timestamp and the clock (the signed protocol's document: 5 minutes).
    static constexpr milliseconds reach{5 * 60 * 1000};

    struct Record {
        std::uint64_t high = 0, low = 0; // the hash of agent and nonce; the same on every machine
        std::int64_t until = 0;          // UTC ms: from then on the timestamp alone refuses the frame

        // For an append-only file. An incomplete last record is detected by its size.
        static constexpr std::size_t size = 24;
        [[nodiscard]] std::array<char, size> bytes() const;
        static Record of(std::string_view bytes); // of at least `size` bytes
        bool operator==(const Record&) const = default;
    };

    explicit ReplayWindow(std::size_t capacity = 65'536) : capacity_{capacity} {}

    // Fresh: the nonce is stored, and `record`, if given, is set to what must be kept across a restart. `ts`:
    // the frame's timestamp, already checked to be within `reach` of `now`.
    NonceBook::Verdict admit(std::string_view agent_id, std::string_view nonce, std::int64_t ts,
                             std::int64_t now, Record* record = nullptr);

    // The records that are still valid: write them to a new file when the old one has grown to a multiple of
    // them.
    [[nodiscard]] std::vector<Record> snapshot(std::int64_t now);
    // False: the window is full and the record is lost (do not use less capacity than the file was written
    // with).
    bool restore(const Record&, std::int64_t now);

    [[nodiscard]] std::size_t size() const { return until_.size(); }

private:
    struct Key {
        std::uint64_t high, low;
        bool operator==(const Key&) const = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const noexcept { return static_cast<std::size_t>(key.low); }
    };
    struct Expiry {
        std::int64_t until;
        Key key;
        bool operator<(const Expiry& other) const { return until > other.until; } // the earliest on top
    };
    void forget(std::int64_t now);
    void remember(const Record&);

    std::size_t capacity_;
    std::unordered_map<Key, std::int64_t, Hash> until_;
    std::priority_queue<Expiry> expiries_;
    // If the clock is set back after nonces expired, frames as old as those are treated as seen.
    std::int64_t forgotten_ = INT64_MIN;
};

// Adapts the window to codecs. `keep` is called with every nonce before it is admitted; false (disk full)
// refuses it.
class ReplayBook final : public NonceBook {
public:
    ReplayBook(ReplayWindow& window, std::function<std::int64_t()> utc_ms,
               std::function<bool(const ReplayWindow::Record&)> keep = {})
        : window_{window}, utc_ms_{std::move(utc_ms)}, keep_{std::move(keep)}
    {}
    Verdict admit(std::string_view agent_id, std::string_view nonce, std::int64_t ts) override;

private:
    ReplayWindow& window_;
    std::function<std::int64_t()> utc_ms_;
    std::function<bool(const ReplayWindow::Record&)> keep_;
};

} // namespace agenthost::wire

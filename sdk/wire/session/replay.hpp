// Remembers the nonces of signed frames for as long as the frames could be played again. Pure: time is handed in; a shell keeps
// the records across restarts. Not thread-safe.
//
// Bounded: a full window refuses and never forgets a nonce that still counts. A nonce is kept as 128 bits of a hash: two that
// collide cost a refused frame, never an accepted replay.
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
    // How far a frame's timestamp may be from the clock, either way (the signed protocol's document: 5 minutes).
    static constexpr milliseconds reach{5 * 60 * 1000};

    struct Record {
        std::uint64_t high = 0, low = 0; // of the hash over agent and nonce; the same on every machine
        std::int64_t until = 0;          // UTC ms: the frame is refused by its timestamp from then on

        // For a file that is only appended to. A torn last record is recognised by its size.
        static constexpr std::size_t size = 24;
        [[nodiscard]] std::array<char, size> bytes() const;
        static Record of(std::string_view bytes); // of at least `size` bytes
        bool operator==(const Record&) const = default;
    };

    explicit ReplayWindow(std::size_t capacity = 65'536) : capacity_{capacity} {}

    // Fresh: it is remembered from now on and `record`, when given, is what a restart must know. `ts`: the frame's, already
    // found to be within `reach` of `now`.
    NonceBook::Verdict admit(std::string_view agent_id, std::string_view nonce, std::int64_t ts,
                             std::int64_t now, Record* record = nullptr);

    // What is still of use: write it to a new file when the old one has grown to a multiple of it.
    [[nodiscard]] std::vector<Record> snapshot(std::int64_t now);
    // False: the window is full, the record is lost (do not serve with less capacity than was written with).
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
    // The clock may be set back after nonces were forgotten: frames as old as those are taken for seen.
    std::int64_t forgotten_ = INT64_MIN;
};

// The window as codecs want it. `keep` is called with every nonce before it is admitted; false (the disk is full) refuses it.
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

// Who may still write how much: the quota, and the space that must stay free on the disk. Pure accounting: told what the disk
// says, asks nothing. A claim is made before the first byte is fetched and settled when the file is in place or given up.
#pragma once

#include <cstdint>
#include <string>

namespace agenthost::storage {

class Ledger {
public:
    struct Limits {
        std::uint64_t quota = 0; // 0: none
        std::uint64_t reserve_free = 0;
    };
    // What one transfer may write. `pending` is the part the file system does not know of yet, so that its free space still
    // shows it.
    struct Claim {
        std::uint64_t size = 0, replaces = 0, pending = 0;
    };

    explicit Ledger(Limits limits, std::uint64_t used = 0) : limits_{limits}, used_{used} {}

    // Raises `claim` to `size` bytes in all, given `free` bytes on the disk. Empty, or what is short (the claim stays as it was).
    std::string raise(Claim& claim, std::uint64_t size, std::uint64_t free);
    void allocated(Claim& claim, std::uint64_t bytes); // so much more of it is on the disk now
    void give_up(Claim& claim);
    void settle(Claim& claim,
                std::uint64_t size); // the file is in place with this size, what it replaces is gone
    void removed(std::uint64_t size);

    void set_limits(Limits limits) { limits_ = limits; }
    [[nodiscard]] std::uint64_t used() const { return used_; }
    [[nodiscard]] const Limits& limits() const { return limits_; }

private:
    Limits limits_;
    std::uint64_t used_;         // bytes of the files in place
    std::uint64_t claimed_ = 0;  // of all claims
    std::uint64_t replaced_ = 0; // what those claims will free
    std::uint64_t pending_ = 0;
};

} // namespace agenthost::storage

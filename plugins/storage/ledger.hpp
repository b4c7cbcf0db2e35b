// Accounts for the quota and the space that must stay free on the disk. Pure: the caller passes the disk's
// free space. A claim is made before the first byte is fetched and settled when the file is in place or
// abandoned.
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
    // The space one transfer may write. `pending` is the part not yet allocated on the file system, whose
    // free space still includes it.
    struct Claim {
        std::uint64_t size = 0, replaces = 0, pending = 0;
    };

    explicit Ledger(Limits limits, std::uint64_t used = 0) : limits_{limits}, used_{used} {}

    // Raises `claim` to a total of `size` bytes, given `free` bytes on the disk. Empty, or what is short
    // (then the claim is unchanged).
    std::string raise(Claim& claim, std::uint64_t size, std::uint64_t free);
    void allocated(Claim& claim, std::uint64_t bytes); // this many more bytes are now allocated on the disk
    void give_up(Claim& claim);
    // The file is in place with this size, the replaced file is gone.
    void settle(Claim& claim, std::uint64_t size);
    void removed(std::uint64_t size);

    void set_limits(Limits limits) { limits_ = limits; }
    [[nodiscard]] std::uint64_t used() const { return used_; }
    [[nodiscard]] const Limits& limits() const { return limits_; }

private:
    Limits limits_;
    std::uint64_t used_;         // bytes of the files in place
    std::uint64_t claimed_ = 0;  // of all claims
    std::uint64_t replaced_ = 0; // bytes that those claims will free
    std::uint64_t pending_ = 0;
};

} // namespace agenthost::storage

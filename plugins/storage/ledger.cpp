#include "ledger.hpp"

#include <algorithm>

namespace agenthost::storage {

namespace {

bool fits(std::uint64_t have, std::uint64_t a, std::uint64_t b) { return a <= have && b <= have - a; }

} // namespace

std::string Ledger::raise(Claim& claim, std::uint64_t size, std::uint64_t free)
{
    if (size <= claim.size) return {};
    const std::uint64_t more = size - claim.size;
    const bool first = claim.size == 0;
    const std::uint64_t replaced = replaced_ + (first ? claim.replaces : 0);
    // A replacement counts only by its increase in size, because only the new file remains.
    if (limits_.quota > 0) {
        const std::uint64_t after = used_ + claimed_ - std::min(used_ + claimed_, replaced);
        if (!fits(limits_.quota, after, more))
            return std::to_string(more) + " bytes do not fit into the quota of " +
                   std::to_string(limits_.quota) + ", of which " + std::to_string(after) +
                   " are taken; delete files or raise quota";
    }
    // The disk briefly holds both files.
    if (!fits(free, pending_ + limits_.reserve_free, more))
        return std::to_string(more) + " bytes do not fit: " + std::to_string(free) +
               " are free on the disk, " + std::to_string(pending_) + " promised to running transfers and " +
               std::to_string(limits_.reserve_free) + " kept free by reserve_free";
    claim.size = size;
    claim.pending += more;
    claimed_ += more;
    pending_ += more;
    replaced_ = replaced;
    return {};
}

void Ledger::allocated(Claim& claim, std::uint64_t bytes)
{
    bytes = std::min(bytes, claim.pending);
    claim.pending -= bytes;
    pending_ -= bytes;
}

void Ledger::give_up(Claim& claim)
{
    if (claim.size == 0) return;
    claimed_ -= claim.size;
    pending_ -= claim.pending;
    replaced_ -= claim.replaces;
    claim.size = claim.pending = 0;
}

void Ledger::settle(Claim& claim, std::uint64_t size)
{
    give_up(claim);
    removed(claim.replaces);
    used_ += size;
}

void Ledger::removed(std::uint64_t size) { used_ -= std::min(used_, size); }

} // namespace agenthost::storage

#include "quota.hpp"

namespace agenthost::storage {

Quota::Claim::~Claim()
{
    const std::lock_guard lock{quota_.mutex_};
    quota_.ledger_.give_up(claim_);
}

std::string Quota::Claim::raise(std::uint64_t size)
{
    const std::lock_guard lock{quota_.mutex_};
    return quota_.ledger_.raise(claim_, size, quota_.store_.free_bytes());
}

void Quota::Claim::allocated(std::uint64_t bytes)
{
    const std::lock_guard lock{quota_.mutex_};
    quota_.ledger_.allocated(claim_, bytes);
}

void Quota::Claim::settle(std::uint64_t size)
{
    const std::lock_guard lock{quota_.mutex_};
    quota_.ledger_.settle(claim_, size);
}

void Quota::removed(std::uint64_t size)
{
    const std::lock_guard lock{mutex_};
    ledger_.removed(size);
}

} // namespace agenthost::storage

#include "tls_renewal.hpp"

#include <sys/stat.h>

namespace agenthost::netclient {

namespace {

std::int64_t now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

struct Cleared {
    std::atomic<bool>& flag;
    ~Cleared() { flag = false; }
};

} // namespace

std::vector<RenewedTls::Stamp> RenewedTls::stamps() const
{
    std::vector<Stamp> out;
    for (const auto& file : files_) {
        struct stat info {};
        Stamp& stamp = out.emplace_back();
        if (::stat(file.c_str(), &info) != 0) continue; // absent: all zero
        stamp = {info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size),
                 std::int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec};
    }
    return out;
}

TlsContextPtr RenewedTls::last() const
{
    const std::lock_guard lock{mutex_};
    return context_;
}

std::string RenewedTls::problem() const
{
    const std::lock_guard lock{mutex_};
    return problem_;
}

bool RenewedTls::claim_check()
{
    constexpr std::int64_t interval = std::chrono::nanoseconds{check_interval}.count();
    const std::int64_t now = now_ns();
    std::int64_t due = next_check_;
    if (now < due || checking_.exchange(true)) return false;
    if (next_check_.compare_exchange_strong(due, now + interval)) return true;
    checking_ = false;
    return false;
}

void RenewedTls::renew(Current& out)
{
    // The stamps are taken first: what changes while the files are read is seen by the next check.
    std::vector<Stamp> now = stamps();
    const bool changed = now != seen_ || !last();
    if (!changed && problem().empty()) return;
    TlsResult made = make_(); // unchanged files too: the reason may have been the process (EMFILE)
    seen_ = std::move(now);
    if (changed) out.problem = made.problem;
    out.renewed = made.context != nullptr;
    const std::lock_guard lock{mutex_};
    problem_ = std::move(made.problem);
    if (made.context) context_ = std::move(made.context);
}

RenewedTls::Current RenewedTls::current()
{
    Current out;
    const std::lock_guard lock{making_};
    if (claim_check()) {
        const Cleared after{checking_};
        renew(out);
    } else if (!last()) {
        renew(out);
    }
    out.context = last();
    return out;
}

RenewedTls::Current RenewedTls::check()
{
    Current out;
    const std::lock_guard lock{making_};
    const Cleared after{checking_};
    renew(out);
    out.context = last();
    return out;
}

} // namespace agenthost::netclient

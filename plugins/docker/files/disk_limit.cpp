#include "disk_limit.hpp"

#include "error.hpp"
#include "tree_walk.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <unordered_set>

namespace agenthost::docker::files {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::uint64_t claim_step = 1 << 20;
constexpr auto recount_before_refusal = 10s;
constexpr std::uint64_t disk_block = 512; // the unit of st_blocks

// Short text for people: "1.5GiB" rather than all digits.
std::string shown_size(std::uint64_t bytes)
{
    static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::uint64_t whole = bytes, rest = 0;
    std::size_t unit = 0;
    for (; whole >= 1024 && unit + 1 < std::size(units); ++unit) {
        rest = whole % 1024;
        whole /= 1024;
    }
    std::string text = std::to_string(whole);
    if (const auto tenth = rest * 10 / 1024; tenth > 0) text += "." + std::to_string(tenth);
    return text + units[unit];
}

// Of a folder with a project quota, statvfs reports what the quota leaves. The folder above has the disk's
// numbers, unless the folder is the root of its file system.
bool statvfs_of_disk(int folder, struct statvfs& result)
{
    struct stat inner {
    }, outer{};
    const base::Fd above{::openat(folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const bool same_disk = above && ::fstat(folder, &inner) == 0 && ::fstat(above.get(), &outer) == 0 &&
                           inner.st_dev == outer.st_dev;
    return ::fstatvfs(same_disk ? above.get() : folder, &result) == 0;
}

} // namespace

Usage measure_usage(int folder, const UsageBudget& budget, Control& control)
{
    Usage usage;
    std::unordered_set<std::uint64_t> seen;
    const auto end = Clock::now() + budget.max_time;
    TreeWalk walk{base::Fd{::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)}};
    while (const auto* at = walk.next()) {
        if (at->step == TreeWalk::Step::leave) continue;
        control.entry();
        if (at->step == TreeWalk::Step::unreadable) {
            usage.complete = false;
            continue;
        }
        if (at->step == TreeWalk::Step::enter) {
            ++usage.folders;
        } else {
            ++usage.files;
            if (at->info.st_nlink > 1 && seen.size() < budget.max_links &&
                !seen.insert(at->info.st_ino ^ (static_cast<std::uint64_t>(at->info.st_dev) << 48)).second)
                continue;
        }
        usage.bytes += static_cast<std::uint64_t>(at->info.st_blocks) * disk_block;
        const auto entries = usage.files + usage.folders;
        if (entries >= budget.max_entries || (entries % 1024 == 0 && Clock::now() > end)) {
            usage.complete = false;
            break;
        }
    }
    if (walk.lost() > 0) usage.complete = false;
    return usage;
}

void DiskLimit::set_max(std::uint64_t bytes)
{
    const std::lock_guard lock{mutex_};
    options_.max_bytes = bytes;
}

void DiskLimit::use_quota(const ProjectQuota& quota)
{
    {
        const std::lock_guard lock{mutex_};
        quota_ = quota;
    }
    refresh_exact();
}

void DiskLimit::refresh_exact()
{
    std::optional<ProjectQuota> quota;
    {
        const std::lock_guard lock{mutex_};
        quota = quota_;
    }
    if (!quota) return;
    const auto numbers = quota->numbers();
    const std::lock_guard lock{mutex_};
    counted_ = numbers.has_value();
    if (numbers)
        used_ = numbers->used;
    else
        quota_.reset();
}

DiskLimit::State DiskLimit::state() const
{
    const std::lock_guard lock{mutex_};
    return {.max = options_.max_bytes, .used = used_, .exact = quota_.has_value(), .counted = counted_};
}

bool DiskLimit::recount_due() const
{
    const std::lock_guard lock{mutex_};
    if (counting_) return false;
    if (quota_ || !counted_) return true;
    if (outdated()) return true;
    const auto age = Clock::now() - counted_at_;
    if (options_.max_bytes > 0 && written_since_ > options_.max_bytes / 10 && age > counting_took_ * 20)
        return true;
    return age > std::max<Clock::duration>(options_.fresh, counting_took_ * 20);
}

void DiskLimit::recount(Control& control)
{
    refresh_exact();
    {
        const std::lock_guard lock{mutex_};
        if (quota_ || counting_) return;
        counting_ = true;
    }
    const auto began = Clock::now();
    Usage usage;
    std::uint64_t written_before = 0;
    {
        const std::lock_guard lock{mutex_};
        written_before = written_since_;
        outdated_ = false; // what is written from now on may be missed
    }
    try {
        usage = measure_usage(folder_, options_.budget, control);
    } catch (...) {
        const std::lock_guard lock{mutex_};
        counting_ = false;
        throw;
    }
    const std::lock_guard lock{mutex_};
    counting_ = false;
    used_ = usage.complete || !counted_ ? usage.bytes : std::max(used_, usage.bytes);
    counted_ = true;
    counted_at_ = Clock::now();
    counting_took_ = counted_at_ - began;
    written_since_ -= std::min(written_since_, written_before);
}

void DiskLimit::outdate()
{
    const std::lock_guard lock{mutex_};
    outdated_ = true;
}

// A server that crashes and starts again all the time must not be walked all the time.
bool DiskLimit::outdated() const { return outdated_ && Clock::now() - counted_at_ > counting_took_ * 20; }

void DiskLimit::freed(std::uint64_t bytes)
{
    const std::lock_guard lock{mutex_};
    used_ -= std::min(used_, bytes);
    before_claims_ -= std::min(before_claims_, bytes);
}

bool DiskLimit::has_space_for(std::uint64_t bytes) const
{
    if (options_.max_bytes == 0) return true;
    // The kernel's number has what was written of the reservations already, and not what they still need.
    const std::uint64_t taken = quota_ ? std::max(used_, before_claims_ + reserved_) : used_ + reserved_;
    return taken <= options_.max_bytes && bytes <= options_.max_bytes - taken;
}

bool DiskLimit::worth_recounting() const
{
    const std::lock_guard lock{mutex_};
    return !quota_ && !counting_ &&
           (!counted_ || outdated() || Clock::now() - counted_at_ > recount_before_refusal);
}

void DiskLimit::check_free_space(std::uint64_t bytes) const
{
    struct statvfs info {};
    if (!statvfs_of_disk(folder_, info)) return;
    const std::uint64_t free = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
    if (free >= options_.keep_free && bytes <= free - options_.keep_free) return;
    fail("DISK_FULL", "the disk of the server's folder has " + shown_size(free) + " free, and " +
                          shown_size(bytes) + " are needed besides the " + shown_size(options_.keep_free) +
                          " that stay free for the machine. Free space on that disk.");
}

void DiskLimit::reserve(std::uint64_t bytes)
{
    check_free_space(bytes);
    if (worth_recounting() && state().max > 0) {
        bool fits = false;
        {
            const std::lock_guard lock{mutex_};
            fits = counted_ && !outdated() && has_space_for(bytes);
        }
        Control unwatched;
        if (!fits) recount(unwatched);
    }
    refresh_exact();
    const std::lock_guard lock{mutex_};
    if (reserved_ == 0) before_claims_ = used_;
    if (!has_space_for(bytes)) {
        fail("DISK_FULL", "the server uses " + shown_size(used_) + " of its disk limit of " +
                              shown_size(options_.max_bytes) + ", and " + shown_size(bytes) +
                              " more are needed. Delete files, or raise the server's disk limit.");
    }
    reserved_ += bytes;
}

void DiskLimit::release(std::uint64_t bytes)
{
    const std::lock_guard lock{mutex_};
    reserved_ -= std::min(reserved_, bytes);
}

void DiskLimit::Claim::raise(std::uint64_t bytes)
{
    if (bytes <= claimed_) return;
    const std::uint64_t needed = bytes - claimed_;
    const std::uint64_t generous = claimed_ == 0 ? needed : std::max(needed, claim_step);
    if (generous > needed) {
        try {
            limit_.reserve(generous);
            claimed_ += generous;
            return;
        } catch (const Error&) {
            // The last megabyte: exactly what is needed may still fit.
        }
    }
    limit_.reserve(needed);
    claimed_ += needed;
}

void DiskLimit::Claim::settle(std::uint64_t written)
{
    {
        const std::lock_guard lock{limit_.mutex_};
        limit_.used_ += written;
        limit_.before_claims_ += written;
        limit_.written_since_ += written;
    }
    limit_.release(claimed_);
    claimed_ = 0;
}

} // namespace agenthost::docker::files

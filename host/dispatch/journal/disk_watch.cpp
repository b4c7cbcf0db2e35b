#include "disk_watch.hpp"

#include <cerrno>
#include <exception>
#include <filesystem>
#include <utility>

namespace agenthost::host {

namespace {

using SteadyClock = std::chrono::steady_clock;

} // namespace

std::filesystem::path DiskWatch::reserve_file(const Journal::Options& options)
{
    return options.file.parent_path() / "journal.reserve";
}

DiskWatch::DiskWatch(const Journal::Options& options, std::function<void()> probe)
    : file_{options.file.string()}, folder_{options.file.parent_path().string()},
      opened_{base::file_id(file_)}, reserve_bytes_{options.reserve}, space_{options.space},
      report_{options.report}, probe_{std::move(probe)}, reserve_{reserve_file(options), options.reserve}
{
    // A daemon that is ready has its reserve: if it is killed a moment later and the disk fills up, it can
    // still start.
    if (const auto space = space_(file_); space && !space->read_only && space->bytes >= reserve_bytes_)
        reserve_.hold(SteadyClock::now());
}

void DiskWatch::set(std::optional<base::DiskTrouble> now)
{
    const bool changed = now.has_value() != current_.has_value() || (now && now->text != current_->text);
    current_ = std::move(now);
    if (!changed) return;
    {
        const std::lock_guard lock{mutex_};
        shared_ = current_;
    }
    if (report_)
        report_("journal",
                current_ ? current_->text + " Commands with effects are refused until then." : std::string{});
}

void DiskWatch::look()
{
    const auto now = SteadyClock::now();
    if (now - looked_ < interval / 2) return;
    looked_ = now;
    measure();
    const auto space = space_(file_);
    if (auto gone = file_gone())
        set(std::move(gone));
    else if (current_)
        look_for_the_end();
    else if (space && space->read_only)
        set(base::disk_trouble(EROFS, file_, remedy));
    else if (space && space->bytes < reserve_bytes_)
        set(base::disk_trouble(ENOSPC, file_, remedy));
    else if (space)
        reserve_.hold(now);
    check_inodes(space);
}

std::optional<base::DiskTrouble> DiskWatch::file_gone() const
{
    return opened_ ? base::file_gone(file_, *opened_) : std::nullopt;
}

void DiskWatch::check_inodes(const std::optional<base::DiskSpace>& space)
{
    const bool gone = space && space->inodes && *space->inodes == 0;
    if (std::exchange(inodes_gone_, gone) == gone || !report_) return;
    report_("state_dir", gone ? folder_ +
                                    ": the file system has no free inodes: no file can be made. "
                                    "Delete unneeded files there, or " +
                                    remedy + "."
                              : std::string{});
}

// The problem has ended when there is space for the reserve and as much again, and a real write works. With
// less, look() would find the same problem again. A write to a deleted file works, too, and proves nothing.
void DiskWatch::look_for_the_end()
{
    if (file_gone()) return;
    const auto space = space_(file_);
    if (!space || space->read_only) return;
    if (space->bytes < (reserve_.held() ? 1 : 2) * reserve_bytes_) return;
    try {
        probe_();
    } catch (const std::exception&) {
        return;
    }
    reserve_.hold(SteadyClock::now());
    set(std::nullopt);
}

void DiskWatch::failed(base::DiskTrouble problem) { set(std::move(problem)); }

std::optional<base::DiskTrouble> DiskWatch::trouble() const
{
    const std::lock_guard lock{mutex_};
    return shared_;
}

void DiskWatch::measure()
{
    std::uint64_t sum = 0;
    for (const char* suffix : {"", "-wal"}) {
        std::error_code error;
        const auto size = std::filesystem::file_size(file_ + suffix, error);
        if (!error) sum += size;
    }
    bytes_.store(sum, std::memory_order_relaxed);
}

} // namespace agenthost::host

#include "probe.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace agenthost::telemetry {

namespace {

constexpr std::chrono::seconds last_wait{1}; // for the thread to end

std::uint64_t times(std::uint64_t blocks, std::uint64_t size)
{
    return size != 0 && blocks > UINT64_MAX / size ? UINT64_MAX : blocks * size;
}

} // namespace

struct Probe::Shared {
    Ask ask;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Usage> wanted, done; // a round, taken by the thread as a whole, and its results so far
    std::string at;                  // the mount point the thread is querying; empty: none
    bool round = false, stop = false, ended = false;

    void run()
    {
        std::unique_lock lock{mutex};
        while (!stop) {
            if (!round) {
                changed.wait(lock);
                continue;
            }
            const auto mounts = wanted;
            for (const Usage& mount : mounts) {
                if (stop) break;
                at = mount.point;
                Usage usage = mount;
                lock.unlock();
                const bool good = ask(usage);
                lock.lock();
                at.clear();
                if (good) done.push_back(std::move(usage));
            }
            round = false;
            changed.notify_all();
        }
        ended = true;
        changed.notify_all();
    }
};

bool Probe::statvfs_of(Usage& usage)
{
    struct statvfs info {};
    if (::statvfs(usage.point.c_str(), &info) != 0 || info.f_blocks == 0) return false;
    usage.total = times(info.f_blocks, info.f_frsize);
    usage.used = times(info.f_blocks - std::min(info.f_bfree, info.f_blocks), info.f_frsize);
    usage.available = times(info.f_bavail, info.f_frsize);
    usage.files = info.f_files;
    usage.files_free = info.f_ffree;
    return true;
}

Probe::Probe(Ask ask) : shared_{std::make_shared<Shared>()} { shared_->ask = std::move(ask); }

Probe::~Probe()
{
    std::unique_lock lock{shared_->mutex};
    shared_->stop = true;
    shared_->changed.notify_all();
    if (!shared_->round && shared_->wanted.empty()) return; // never started
    shared_->changed.wait_for(lock, last_wait, [this] { return shared_->ended; });
}

std::vector<Usage> Probe::query(const std::vector<Mount>& mounts, std::chrono::milliseconds timeout)
{
    Shared& s = *shared_;
    std::unique_lock lock{s.mutex};
    if (mounts.empty()) return {};
    if (!s.round) {
        const bool first = s.wanted.empty();
        s.wanted.clear();
        for (const Mount& mount : mounts)
            s.wanted.push_back({.point = mount.point,
                                .type = mount.type,
                                .source = mount.source,
                                .read_only = mount.read_only});
        s.done.clear();
        s.round = true;
        if (first) {
            sigset_t all, before; // signals are the host's main thread's
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_BLOCK, &all, &before);
            std::thread{[shared = shared_] { shared->run(); }}.detach();
            ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        }
        s.changed.notify_all();
    }
    s.changed.wait_for(lock, timeout, [&] { return !s.round; });
    auto out = s.done;
    if (s.round && !s.at.empty()) {
        const auto stuck = std::ranges::find(s.wanted, s.at, &Usage::point);
        if (stuck != s.wanted.end()) {
            out.push_back(*stuck);
            out.back().stuck = true;
        }
    }
    return out;
}

std::optional<std::string> Probe::stuck() const
{
    const std::scoped_lock lock{shared_->mutex};
    if (!shared_->round || shared_->at.empty()) return std::nullopt;
    return shared_->at;
}

} // namespace agenthost::telemetry

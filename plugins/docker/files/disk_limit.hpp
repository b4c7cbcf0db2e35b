// The disk limit of one server: checked before and while the agent writes.
//
// Where a project quota is in force, the kernel's numbers are used and the kernel stops every writer.
// Elsewhere the agent counts: a walk over the folder gives the bytes on disk (hard links once), and its own
// writes and deletions are added until the next walk. The game does not report its writes, so the count is
// only as fresh as the last walk:
//   - recount_due() is true when no walk was done, when the last one is older than `fresh` (and than 20 times its own
//     duration, so that walking costs at most 5 % of a thread), or when the agent wrote a tenth of the limit since,
//     or when it is outdated().
//   - a claim that would be refused walks first when the count is older than 10 s, every claim when it is outdated.
// Where the kernel no longer answers, because its quotas were switched off, the agent counts again.
// A walk that ends early (its budget, a cancel) keeps the higher of the old and the new count.
//
// Thread-safe. claim, recount and usage may block on the disk: not on an I/O thread. state() and
// recount_due() only lock a mutex.
#pragma once

#include "control.hpp"
#include "project_quota.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

namespace agenthost::docker::files {

struct UsageBudget {
    std::uint64_t max_entries = 5'000'000;
    std::chrono::milliseconds max_time{60'000};
    // How many inodes with several names are remembered, so that each is counted once. Others are counted
    // once per name.
    std::size_t max_links = 1'000'000;
};
struct Usage {
    std::uint64_t bytes = 0; // blocks on disk, as du counts
    std::uint64_t files = 0, folders = 0;
    bool complete = true; // false: the budget ended, or folders were unreadable or moved away meanwhile
};
// Blocking, long. Throws CANCELLED.
Usage measure_usage(int folder, const UsageBudget&, Control&);

class DiskLimit {
public:
    struct Options {
        std::uint64_t max_bytes = 0;        // 0: no limit
        std::uint64_t keep_free = 64 << 20; // of the file system, for the machine itself
        std::chrono::milliseconds fresh{300'000};
        UsageBudget budget{};
    };
    struct State {
        std::uint64_t max = 0, used = 0;
        bool exact = false;   // the kernel's numbers
        bool counted = false; // a walk was done, or exact
    };

    // `folder` must outlive it.
    DiskLimit(int folder, Options options) : folder_{folder}, options_{options} {}

    void set_max(std::uint64_t bytes);
    // From now on, the kernel counts and enforces the limit.
    void use_quota(const ProjectQuota&);

    [[nodiscard]] State state() const;
    [[nodiscard]] bool recount_due() const;
    void recount(Control&);
    // Somebody else has probably written much since the last walk: an installer, for example.
    void outdate();
    // Content that the agent removed, or overwrote.
    void freed(std::uint64_t bytes);

    // Space for one write. Released by the destructor unless settled.
    class Claim {
    public:
        explicit Claim(DiskLimit& limit) : limit_{limit} {}
        Claim(const Claim&) = delete;
        Claim& operator=(const Claim&) = delete;
        ~Claim() { limit_.release(claimed_); }
        // Claims `bytes` in all, before they are written. Throws DISK_FULL. Asks for more than needed now and
        // then, so that small writes are cheap.
        void raise(std::uint64_t bytes);
        // What was written stays.
        void settle(std::uint64_t written);

    private:
        DiskLimit& limit_;
        std::uint64_t claimed_ = 0;
    };

private:
    void reserve(std::uint64_t bytes);
    void release(std::uint64_t bytes);
    bool has_space_for(std::uint64_t bytes) const; // with the lock
    void refresh_exact(); // asks the kernel, without the lock: it may wait for the disk
    bool worth_recounting() const;
    bool outdated() const; // with the lock
    void check_free_space(std::uint64_t bytes) const;

    const int folder_;
    mutable std::mutex mutex_;
    Options options_;
    std::optional<ProjectQuota> quota_;
    std::uint64_t used_ = 0, reserved_ = 0, written_since_ = 0;
    std::uint64_t before_claims_ = 0; // used, without what the claims of now write
    bool counted_ = false, counting_ = false, outdated_ = false;
    std::chrono::steady_clock::time_point counted_at_{};
    std::chrono::steady_clock::duration counting_took_{};
};

} // namespace agenthost::docker::files

// Watches the disk under the journal: knows why writes fail, holds the reserve, and notices without a command
// when a problem begins and when it ends, or that the file was deleted or replaced.
//
// The journal's thread; trouble() and bytes(): any thread. Owned by Journal.
#pragma once

#include "disk_reserve.hpp"
#include "journal.hpp"

#include "base/disk_trouble.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace agenthost::host {

class DiskWatch {
public:
    static constexpr std::chrono::seconds interval{1};
    // For base::disk_trouble().
    static constexpr const char* remedy = "move agent.state_dir to another disk";

    [[nodiscard]] static std::filesystem::path reserve_file(const Journal::Options&);

    // `probe`: a real write; throws what the disk refuses.
    DiskWatch(const Journal::Options&, std::function<void()> probe);

    // Checks the disk unless it was checked just now.
    void look();
    // The problem may be over with the next command.
    void look_for_the_end();
    // A commit was refused.
    void failed(base::DiskTrouble);
    // True: there is space again for what is running already.
    bool release_reserve() { return reserve_.release(); }
    [[nodiscard]] const std::optional<base::DiskTrouble>& current() const { return current_; }

    [[nodiscard]] std::optional<base::DiskTrouble> trouble() const;
    // Of the file and its write-ahead log.
    [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

private:
    void set(std::optional<base::DiskTrouble>);
    [[nodiscard]] std::optional<base::DiskTrouble> file_gone() const;
    void check_inodes(const std::optional<base::DiskSpace>&);
    void measure();

    std::string file_, folder_;
    std::optional<base::FileId> opened_; // nullopt: the file was not there at the start
    std::uint64_t reserve_bytes_;
    std::function<std::optional<base::DiskSpace>(const std::string&)> space_;
    std::function<void(std::string_view, std::string)> report_;
    std::function<void()> probe_;
    DiskReserve reserve_;
    std::optional<base::DiskTrouble> current_;
    bool inodes_gone_ = false;
    std::chrono::steady_clock::time_point looked_;
    mutable std::mutex mutex_;
    // What other threads see of `current_`.
    std::optional<base::DiskTrouble> shared_;
    std::atomic<std::uint64_t> bytes_{0};
};

} // namespace agenthost::host

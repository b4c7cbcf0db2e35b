// How a long operation is watched and ended from outside: a cancellation flag and a progress callback.
//
// An operation calls the members on its own thread; only the base::Cancel may be touched by others. The
// callback is called at most four times a second, on the operation's thread, and must not block or throw.
#pragma once

#include "base/cancel.hpp"

#include <chrono>
#include <cstdint>
#include <functional>

namespace agenthost::docker::files {

struct Progress {
    std::uint64_t entries = 0; // files, folders and links that are done
    std::uint64_t bytes = 0;   // of content that is done
};

class Control {
public:
    using Report = std::function<void(const Progress&)>;

    Control() = default;
    // `cancel` must outlive the operation; null: it cannot be cancelled.
    explicit Control(const base::Cancel* cancel, Report report = nullptr)
        : cancel_{cancel}, report_{std::move(report)}
    {}

    // Each throws CANCELLED once the flag is set.
    void check();
    void entry();
    void bytes(std::uint64_t);

    [[nodiscard]] const Progress& progress() const { return progress_; }

private:
    void tell();

    const base::Cancel* cancel_ = nullptr;
    Report report_;
    Progress progress_;
    std::chrono::steady_clock::time_point told_{};
};

} // namespace agenthost::docker::files

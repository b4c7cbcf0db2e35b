// Reserves disk space in a file. Released when the disk is full, it lets results of running work be stored
// and old rows be deleted. Blocking; one thread at a time. Owned by DiskWatch.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

namespace agenthost::host {

class DiskReserve {
public:
    DiskReserve(std::filesystem::path file, std::uint64_t bytes) : file_{std::move(file)}, bytes_{bytes} {}

    using Time = std::chrono::steady_clock::time_point;
    // A quota may refuse for days, and each attempt writes.
    static constexpr std::chrono::minutes retry_after{1};

    // Allocates the reserve; returns whether it is held. After a failure it tries again only once
    // `retry_after` has passed.
    bool hold(Time now);
    // True: some space was released.
    bool release();
    [[nodiscard]] bool held() const { return held_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    std::filesystem::path file_;
    std::uint64_t bytes_;
    bool held_ = false;
    Time retry_{};
};

} // namespace agenthost::host

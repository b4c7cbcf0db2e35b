// A file that holds disk space back, to be given up when the disk is full: running work can then still be put down, and old rows
// deleted. Blocking; one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>

namespace agenthost::host {

class DiskReserve {
public:
    DiskReserve(std::filesystem::path file, std::uint64_t bytes) : file_{std::move(file)}, bytes_{bytes} {}

    bool hold();    // true: the space is ours (it may have been already)
    bool release(); // true: there was space to give back
    [[nodiscard]] bool held() const { return held_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    std::filesystem::path file_;
    std::uint64_t bytes_;
    bool held_ = false;
};

} // namespace agenthost::host

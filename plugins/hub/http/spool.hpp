// Files in transit, without a name on disk, so that nothing is left behind however the process ends. Together
// they are bounded by `spool_bytes` and by the space that must stay free on the file system.
//
// Space is reserved slightly ahead of the arriving bytes, so that a slow body holds little, whatever length
// it announced. No single agent or token can take all of it (shares.hpp). open() blocks (it creates a file);
// everything else is cheap. Thread-safe.
#pragma once

#include "plugins/hub/core/shares.hpp"

#include "base/disk_trouble.hpp"
#include "base/fd.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace agenthost::hub {

class Spool;

class SpoolFile {
public:
    ~SpoolFile();
    SpoolFile(const SpoolFile&) = delete;
    SpoolFile& operator=(const SpoolFile&) = delete;

    [[nodiscard]] int fd() const { return fd_.get(); }
    // Reserves space for the arrived bytes and slightly more, at most the announced length. false: no space.
    bool grow(std::uint64_t arrived);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] const std::string& sha256() const { return sha256_; } // hex; of the whole content
    // Marks the content complete and releases the excess reservation.
    void complete(std::uint64_t size, std::string sha256);

private:
    friend class Spool;
    SpoolFile(std::shared_ptr<Spool> spool, base::Fd fd, std::uint64_t max_size, std::string agent,
              std::string caller)
        : spool_{std::move(spool)}, fd_{std::move(fd)}, max_size_{max_size}, agent_{std::move(agent)},
          caller_{std::move(caller)}
    {}

    std::shared_ptr<Spool> spool_;
    base::Fd fd_;
    const std::uint64_t max_size_;
    const std::string agent_, caller_; // whose share it is
    std::uint64_t reserved_ = 0, size_ = 0;
    std::string sha256_;
};

class Spool : public std::enable_shared_from_this<Spool> {
public:
    // System calls whose failures tests must simulate: each sets errno.
    struct Disk {
        std::function<base::Fd(const std::string& folder)> create; // a file without a name
        std::function<bool(int fd, std::uint64_t at)> write;       // one byte of it
        std::function<std::optional<base::DiskSpace>(const std::string&)> space = base::disk_space;
    };
    static Disk real_disk();

    // Throws std::runtime_error with path, cause and remedy if the folder cannot be used.
    static std::shared_ptr<Spool> make(std::string folder, std::uint64_t bytes, std::uint64_t reserve_free,
                                       Disk disk = real_disk());

    // Opens a file for at most `bytes`, charged to the agent and the caller. nullptr and `problem` (code and
    // reason) if there is no space now, or the disk refuses.
    std::shared_ptr<SpoolFile> open(std::uint64_t bytes, std::string agent, std::string caller,
                                    base::DiskTrouble& problem);
    // Finds out why the daemon could not write to the file after `landed` bytes, by writing one more. Blocks.
    [[nodiscard]] base::DiskTrouble why_not_written(const SpoolFile&, std::uint64_t landed) const;
    [[nodiscard]] std::uint64_t reserved() const;
    // Why no file can be opened now, whatever its size; nullopt: nothing. Queries the file system.
    [[nodiscard]] std::optional<base::DiskTrouble> problem() const;

private:
    friend class SpoolFile;
    Spool(std::string folder, std::uint64_t bytes, std::uint64_t reserve_free, Disk disk)
        : folder_{std::move(folder)},
          reserve_free_{reserve_free}, disk_{std::move(disk)}, agents_{bytes}, callers_{bytes}
    {}
    bool take(const SpoolFile&, std::uint64_t);
    void give_back(const SpoolFile&, std::uint64_t);
    [[nodiscard]] std::uint64_t free_space(std::string_view agent, std::string_view caller) const;

    const std::string folder_;
    const std::uint64_t reserve_free_;
    const Disk disk_;
    mutable std::mutex mutex_;
    Shares agents_, callers_; // of the same bytes
};

} // namespace agenthost::hub

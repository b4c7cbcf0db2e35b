// Files in transit: without a name on disk, so that whatever ends the process leaves nothing behind; bounded together by
// `spool_bytes` and by what must stay free on the file system.
//
// Room is taken as bytes arrive, a little ahead of them, so that a body which trickles holds little, whatever length it announced. Neither one
// agent nor one token takes all of it (shares.hpp). open() blocks (it creates a file); everything else is cheap. Thread-safe.
#pragma once

#include "plugins/hub/core/shares.hpp"

#include "base/disk_trouble.hpp"
#include "base/fd.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace agenthost::hub {

class Spool;

class SpoolFile {
public:
    ~SpoolFile();
    SpoolFile(const SpoolFile&) = delete;
    SpoolFile& operator=(const SpoolFile&) = delete;

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] std::uint64_t room() const { return room_; } // what is reserved
    // Room for what has arrived and a little more, at most the announced length. false: there is none.
    bool grow(std::uint64_t arrived);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] const std::string& sha256() const { return sha256_; } // hex; of the whole content
    // The content is complete: gives back what was reserved beyond it.
    void complete(std::uint64_t size, std::string sha256);

private:
    friend class Spool;
    SpoolFile(std::shared_ptr<Spool> spool, base::Fd fd, std::uint64_t most, std::string agent,
              std::string caller)
        : spool_{std::move(spool)}, fd_{std::move(fd)}, most_{most}, agent_{std::move(agent)},
          caller_{std::move(caller)}
    {}

    std::shared_ptr<Spool> spool_;
    base::Fd fd_;
    const std::uint64_t most_;
    const std::string agent_, caller_; // whose share it is
    std::uint64_t room_ = 0, size_ = 0;
    std::string sha256_;
};

class Spool : public std::enable_shared_from_this<Spool> {
public:
    // The system calls that fail in ways a test cannot arrange: each sets errno.
    struct Disk {
        std::function<base::Fd(const std::string& folder)> create; // a file without a name
        std::function<bool(int fd, std::uint64_t at)> write;       // one byte of it
    };
    static Disk real_disk();

    // Throws std::runtime_error with path, cause and remedy when the folder cannot be used.
    static std::shared_ptr<Spool> make(std::string folder, std::uint64_t bytes, std::uint64_t reserve_free,
                                       Disk disk = real_disk());

    // For at most `bytes`, of and for these two. nullptr and `problem` (code and reason) when there is no room for them now, or the disk
    // refuses.
    std::shared_ptr<SpoolFile> open(std::uint64_t bytes, std::string agent, std::string caller,
                                    base::DiskTrouble& problem);
    // Why the daemon could not write to the file after `landed` bytes: tries to write one more. Blocks.
    [[nodiscard]] base::DiskTrouble why_not_written(const SpoolFile&, std::uint64_t landed) const;
    [[nodiscard]] std::uint64_t reserved() const;

private:
    friend class SpoolFile;
    Spool(std::string folder, std::uint64_t bytes, std::uint64_t reserve_free, Disk disk)
        : folder_{std::move(folder)},
          reserve_free_{reserve_free}, disk_{std::move(disk)}, agents_{bytes}, callers_{bytes}
    {}
    bool take(const SpoolFile&, std::uint64_t);
    void give_back(const SpoolFile&, std::uint64_t);
    [[nodiscard]] std::uint64_t room(std::string_view agent, std::string_view caller) const;

    const std::string folder_;
    const std::uint64_t reserve_free_;
    const Disk disk_;
    mutable std::mutex mutex_;
    Shares agents_, callers_; // of the same bytes
};

} // namespace agenthost::hub

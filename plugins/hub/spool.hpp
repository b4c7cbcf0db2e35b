// Files in transit: without a name on disk, so that whatever ends the process leaves nothing behind; bounded together by
// `spool_bytes` and by what must stay free on the file system.
//
// open() blocks (it creates and preallocates a file); everything else is cheap. Thread-safe.
#pragma once

#include "kit/fd.hpp"

#include <cstdint>
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
    [[nodiscard]] std::uint64_t room() const { return room_; } // what was reserved: the most it may hold
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] const std::string& sha256() const { return sha256_; } // hex; of the whole content
    // The content is complete: gives back what was reserved beyond it.
    void complete(std::uint64_t size, std::string sha256);

private:
    friend class Spool;
    SpoolFile(std::shared_ptr<Spool> spool, kit::Fd fd, std::uint64_t room)
        : spool_{std::move(spool)}, fd_{std::move(fd)}, room_{room}
    {}

    std::shared_ptr<Spool> spool_;
    kit::Fd fd_;
    std::uint64_t room_, size_ = 0;
    std::string sha256_;
};

class Spool : public std::enable_shared_from_this<Spool> {
public:
    // Throws std::runtime_error with path, cause and remedy when the folder cannot be used.
    static std::shared_ptr<Spool> make(std::string folder, std::uint64_t bytes, std::uint64_t reserve_free);

    // Room for `bytes`, reserved now. nullptr and `problem` (for people) when there is none.
    std::shared_ptr<SpoolFile> open(std::uint64_t bytes, std::string& problem);
    [[nodiscard]] std::uint64_t reserved() const;

private:
    friend class SpoolFile;
    Spool(std::string folder, std::uint64_t bytes, std::uint64_t reserve_free)
        : folder_{std::move(folder)}, bytes_{bytes}, reserve_free_{reserve_free}
    {}
    void give_back(std::uint64_t);

    const std::string folder_;
    const std::uint64_t bytes_, reserve_free_;
    mutable std::mutex mutex_;
    std::uint64_t reserved_ = 0;
};

} // namespace agenthost::hub

// Reads a part of a file for one answer. Blocking; for complete files of any size see Reader.
#pragma once

#include "root.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace agenthost::docker::files {

constexpr std::size_t max_read_bytes = 512 << 10;

struct Content {
    std::string bytes;
    std::uint64_t offset = 0;
    std::uint64_t size = 0; // of the complete file
    std::int64_t modified_ms = 0;
    mode_t mode = 0;
    [[nodiscard]] bool complete() const { return offset == 0 && bytes.size() == size; }
};

// Up to `length` bytes (at most max_read_bytes) from `offset`; fewer at the end of the file. Throws.
Content read_part(const Root&, const Path&, std::uint64_t offset = 0, std::size_t length = max_read_bytes);

// A complete file of at most `max` bytes. Throws TOO_LARGE, with the size.
std::string read_whole(const Root&, const Path&, std::size_t max);

// Streams a file: for transfers. The file may grow or shrink meanwhile; at most size() bytes are read.
class Reader {
public:
    // Throws.
    Reader(const Root&, const Path&);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    // Bytes into `to`; 0: the end. Throws.
    std::size_t read(char* to, std::size_t size);
    void seek(std::uint64_t offset) { at_ = offset; }

private:
    Path path_;
    base::Fd file_;
    std::uint64_t size_ = 0, at_ = 0;
};

} // namespace agenthost::docker::files

// Writes a file so that its path has the old content or all of the new one, even after a power cut.
//
//     Writer writer{root, Path::parse("config/a.txt"), {.declared_size = 5}};
//     writer.write("hello");
//     writer.commit();
//
// The content goes to a temporary file in the same folder. commit() sets owner and mode, syncs the file,
// renames it over the path inside the folder's descriptor, and syncs the folder. Without commit() nothing is
// left. An existing file keeps its mode unless another is given; other names of it (hard links) keep the old
// content. A link, FIFO, device or folder at the path is refused. The Root must outlive a Writer. Blocking;
// one thread at a time.
#pragma once

#include "root.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker::files {

struct WriteOptions {
    std::uint64_t max_size = std::uint64_t{1} << 40;
    std::optional<std::uint64_t>
        declared_size;          // claimed before the first byte; commit() refuses another size
    std::optional<mode_t> mode; // permission bits; default: the old file's, else 0644
    bool replace = true;        // false: an existing path is refused
    bool make_parents = false;
};

class Writer {
public:
    // Throws.
    Writer(const Root&, Path, WriteOptions);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer();

    // Claims space for `size` bytes in all, before they arrive. Throws DISK_FULL, TOO_LARGE.
    void expect(std::uint64_t size);
    // Throws DISK_FULL, TOO_LARGE.
    void write(std::string_view);
    // Throws. Returns the size.
    std::uint64_t commit();
    // Starts again from an empty file, for a repeated transfer.
    void restart();

    [[nodiscard]] std::uint64_t size() const { return size_; }
    // Device and inode, to recognise the file in a walk.
    [[nodiscard]] struct stat info() const;

private:
    void check_target();

    const Root& root_;
    Path path_;
    WriteOptions options_;
    base::Fd folder_, file_;
    std::string part_;
    DiskLimit::Claim claim_;
    std::uint64_t size_ = 0, replaced_ = 0;
    std::optional<mode_t> old_mode_;
};

// Writes the complete content at once.
std::uint64_t write_file(const Root&, const Path&, std::string_view content, const WriteOptions&);

// Permission bits that may be set: no set-uid, set-gid or sticky bit. Throws INVALID_REQUEST.
mode_t checked_mode(mode_t, const Path&);

} // namespace agenthost::docker::files

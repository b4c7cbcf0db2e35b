// Packs files of a server into an archive inside its folder, and unpacks archives there.
//
// Blocking, long: on a pool thread. Everything is streamed; memory does not grow with the archive (the
// decompressors of xz, 7z and zstd may use the memory that the archive asks for, up to their dictionary).
#pragma once

#include "control.hpp"
#include "root.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker::files {

enum class ArchiveFormat { tar_gz, tar, zip };
// By the name's ending: .tar.gz, .tgz, .tar, .zip.
std::optional<ArchiveFormat> archive_format_of(std::string_view name);

constexpr std::size_t max_pack_patterns = 256;
struct PackOptions {
    ArchiveFormat format = ArchiveFormat::tar_gz;
    // Patterns (base/glob.hpp) of names and of paths below `base` that are left out: "*.log",
    // "world/session.lock".
    std::vector<std::string> exclude;
    bool replace = false;
    std::uint64_t max_entries = 1'000'000;
    std::uint64_t max_bytes = std::uint64_t{1} << 40; // of the files, before compression
};
struct Packed {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;    // of the files
    std::uint64_t size = 0;     // of the archive
    std::uint64_t left_out = 0; // FIFOs, sockets, devices, files that vanished meanwhile or are denied
    std::uint64_t changed = 0;  // files that were written to while they were read (one that became shorter is
                                // padded with zeros in a tar)
    std::vector<std::string> reports; // the first that are denied or changed, for people; at most 20
};
// Packs `sources`, each inside `base`, by their names below `base`, into the new file `target`: the file
// appears when it is complete, or not at all. Links are stored as links, hard links as files. A source on the denylist
// is refused; what is denied inside a folder is left out. Throws.
Packed pack(const Root&, const Path& base, const std::vector<Path>& sources, const Path& target,
            const PackOptions&, Control&);

struct UnpackOptions {
    bool replace = true; // existing files; otherwise an existing name is an error
    std::uint64_t max_entries = 1'000'000;
    std::uint64_t max_bytes = std::uint64_t{64} << 30; // unpacked; holes count
    // Unpacked bytes for each byte of the archive, once more than `ratio_from` bytes are unpacked.
    std::uint64_t max_ratio = 300;
    std::uint64_t ratio_from = 256 << 20;
};
struct Unpacked {
    std::uint64_t entries = 0; // files, folders and links that were created
    std::uint64_t bytes = 0;
    std::uint64_t left_out = 0;       // devices, FIFOs, links that lead outside the server's folder
    std::vector<std::string> reports; // the first of these, for people; at most 20
};
// Unpacks a tar (plain, gzip, bzip2, xz, zstd, lz4), zip or 7z into the folder `target`, which is created.
//
// Everything is unpacked into a temporary folder beside `target` first and moved into place by renames once
// the entire archive is known to be valid. So a broken archive, a bomb, a full disk, an entry that leads
// outside ("../x", "/x", through a link) or is on the denylist, or a cancel leaves nothing behind. Existing folders are merged. A
// part is in place only if a rename in the last step fails; the error then says how much. Modes lose set-uid,
// set-gid and sticky; the owner is the server's. Throws.
Unpacked unpack(const Root&, const Path& archive, const Path& target, const UnpackOptions&, Control&);

} // namespace agenthost::docker::files

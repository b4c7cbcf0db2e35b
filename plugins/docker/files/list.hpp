// Lists a folder page by page, and describes one entry.
//
// Entries are ordered by their names' bytes, so a page starts at its cursor whatever was created or deleted
// meanwhile: no entry that stays is skipped or repeated. Each page reads all names of the folder (20 ms for
// 100,000) and keeps only those of the page. Blocking; never follows the last link.
#pragma once

#include "control.hpp"
#include "root.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::docker::files {

enum class Type { file, folder, link, other };

struct Entry {
    std::string name; // bytes
    Type type = Type::file;
    std::uint64_t size = 0;
    std::int64_t modified_ms = 0; // UTC
    mode_t mode = 0;              // permission bits
    std::string target;           // of a link, bytes
    bool denied = false;          // users see it, but must not touch it
};

struct ListOptions {
    std::string after;        // a cursor: a name as it is shown; empty: from the start
    std::uint64_t offset = 0; // of entries after the cursor to skip; at most max_list_offset
    std::size_t limit = 1000; // at most max_list_entries
};
constexpr std::size_t max_list_entries = 5000;
constexpr std::uint64_t max_list_offset = 100'000;
// Of names and link targets in one page, so that its JSON fits into a message of 1 MiB.
constexpr std::size_t max_list_bytes = 128 << 10;

struct Listing {
    std::vector<Entry> entries;
    std::string next;        // the cursor of the next page, as it is shown; empty: this is the last one
    std::uint64_t total = 0; // names in the folder
};

// Throws. The agent's own temporary files are left out.
Listing list_folder(const Root&, const Path&, const ListOptions&, Control&);
// Throws FILE_NOT_FOUND.
Entry describe(const Root&, const Path&);

} // namespace agenthost::docker::files

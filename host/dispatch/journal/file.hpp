// Opens the journal's file: creates or upgrades its layout, and marks what was running when the last process
// ended as interrupted.
//
// Blocking: start-up only, on the thread that constructs the Journal. The database is owned by JournalStore.
#pragma once

#include "journal.hpp"

#include "base/sqlite.hpp"

#include <filesystem>
#include <stdexcept>

namespace agenthost::host {

// The SQLite user_version of the layout.
constexpr int journal_layout = 2;

// Locked for this process, with the current layout. Throws std::runtime_error: file, cause and remedy.
base::Database open_journal_file(const std::filesystem::path&);

struct NextNumbers {
    std::uint64_t row = 1, sequence = 1;
};
// Rows that were running become interrupted. The numbers for what comes next.
NextNumbers mark_interrupted(base::Database&, std::int64_t now);

// base::SqliteError of a statement at start-up, with the file and what to do.
std::runtime_error damaged_or_full(const std::filesystem::path&, const base::SqliteError&);

} // namespace agenthost::host

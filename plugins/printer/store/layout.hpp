// Opens the queue's database: created or upgraded to the current layout, locked for this process, checked.
// Blocking.
#pragma once

#include "base/sqlite.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>

namespace agenthost::printer::store {

constexpr std::uint64_t max_file_bytes = std::uint64_t{4} << 30;

// The file is not what SQLite wrote.
class Damaged : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Throws Damaged, else std::runtime_error: file, cause and remedy.
base::Database open_database(const std::string& file);

// The file and its write-ahead log become FILE.damaged-N (N from 1 to 9, the last one is replaced); the new
// name.
// Throws std::runtime_error if it cannot be renamed.
std::string move_aside(const std::string& file);

} // namespace agenthost::printer::store

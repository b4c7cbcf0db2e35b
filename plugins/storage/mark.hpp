// Recognises a store again, so that the empty folder of a disk that is not mounted is not taken for a new one.
//
// A store has a random id, kept in a file `store-id` in its folder and in its folder files/ (either may be a mount point). The plugin's
// state directory, which lies elsewhere, remembers which id was used at which storage_path. First use writes all three.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace agenthost::storage {

constexpr const char* mark_file = "store-id";

// Reads the mark in a folder. Empty: there is none.
std::string read_mark(int folder);
// Writes it so that a power cut leaves all of it or nothing. Returns 0 or an errno.
int write_mark(int folder, const std::string& id);

// The file in the state directory: a line "ID PATH" for each storage_path that was used, the latest last, 32 at most.
class KnownStores {
public:
    explicit KnownStores(std::string folder) : folder_{std::move(folder)} {} // empty: nothing is remembered

    [[nodiscard]] std::string find(std::string_view path) const;    // its id; empty: never used
    int remember(std::string_view path, std::string_view id) const; // 0 or an errno
    [[nodiscard]] std::string file() const { return folder_ + "/known-stores"; }

private:
    std::string folder_;
};

} // namespace agenthost::storage

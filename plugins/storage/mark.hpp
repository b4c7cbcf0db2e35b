// Recognises a store, so that the empty mount point of an unmounted disk is not taken for a new store.
//
// A store has a random id in a file `store-id` in its folder and in its folder files/ (either may be a mount
// point). The plugin's state directory, which is elsewhere, records which id was used at which storage_path.
// The first start writes all three.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace agenthost::storage {

constexpr const char* mark_file = "store-id";

// Reads the mark in a folder. Empty: none.
std::string read_mark(int folder);
// Writes it atomically, even in a power cut. Returns 0 or an errno.
int write_mark(int folder, const std::string& id);

// The file in the state directory: a line "ID PATH" for each storage_path that was used, the latest last, at
// most 32.
class KnownStores {
public:
    explicit KnownStores(std::string folder) : folder_{std::move(folder)} {} // empty: nothing is recorded

    [[nodiscard]] std::string find(std::string_view path) const;    // its id; empty: never used
    int remember(std::string_view path, std::string_view id) const; // 0 or an errno
    [[nodiscard]] std::string file() const { return folder_ + "/known-stores"; }

private:
    std::string folder_;
};

} // namespace agenthost::storage

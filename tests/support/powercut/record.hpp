// What the shim writes for each event: this header, `name_size` bytes of name, `data_size` bytes of data.
#pragma once

#include <cstdint>

namespace agenthost::test {

enum class PowercutKind : std::uint32_t {
    create,   // object, a = folder, name
    mkdir,    // object, a = folder, name
    write,    // object, a = offset, data
    truncate, // object, a = size
    extend,   // object, a = the least size from now on
    rename,   // object, a = folder before, b = folder after, name = "before/after"
    unlink,   // object, a = folder, name
    sync,     // object: a file's content, a folder's entries
    mark      // name = the process's own words
};

struct PowercutHeader {
    PowercutKind kind;
    std::uint32_t name_size;
    std::uint64_t object, a, b, data_size;
};

} // namespace agenthost::test

// One of the two 256 KiB buffers of a body: one is with the socket, the other with the disk. Private to host/listener.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace agenthost::host::listener {

constexpr std::size_t half_bytes = 256 * 1024;
constexpr std::uint64_t most_in_memory = 1 << 20; // receive() with fd -1

struct Half {
    std::unique_ptr<char[]> data; // not cleared; pages never written cost nothing
    std::size_t size = 0, capacity = 0;
    void reserve(std::size_t n)
    {
        if (capacity >= n) return;
        data.reset(new char[n]);
        capacity = n;
    }
};

} // namespace agenthost::host::listener

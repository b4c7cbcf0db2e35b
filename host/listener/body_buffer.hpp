// One of the two 256 KiB buffers of a body: one is used by the socket, the other by the disk. Private to
// host/listener.
#pragma once

#include <cstddef>
#include <memory>

namespace agenthost::host::listener {

constexpr std::size_t body_buffer_bytes = 256 * 1024;

struct BodyBuffer {
    // Not cleared: pages that are never written cost nothing.
    std::unique_ptr<char[]> data;
    std::size_t size = 0, capacity = 0;
    void reserve(std::size_t n)
    {
        if (capacity >= n) return;
        data.reset(new char[n]);
        capacity = n;
    }
};

} // namespace agenthost::host::listener

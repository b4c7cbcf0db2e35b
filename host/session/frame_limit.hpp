// Knows how large a frame to this server may be: as configured, or less once the server has closed a
// connection because of a frame's size. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace agenthost::host {

class FrameLimit {
public:
    // `configured`: limits.peer_message_bytes.
    explicit FrameLimit(std::uint64_t configured) : bytes_{static_cast<std::size_t>(configured)} {}

    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    // The server refused a frame of this size. Holds for later connections, too.
    void refused(std::size_t frame_bytes)
    {
        if (frame_bytes > 0) bytes_ = std::min(bytes_, frame_bytes - 1);
    }

private:
    std::size_t bytes_;
};

} // namespace agenthost::host

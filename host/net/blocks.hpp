// Buffers of 64 KiB that a connection borrows only while bytes wait in them: thousands of idle connections share a handful.
// A free list per thread, at most 16 long; a block may be given back on another thread than it came from.
#pragma once

#include <cstddef>
#include <memory>

namespace agenthost::host::net {

constexpr std::size_t block_size =
    64 * 1024; // one recv() empties what a busy peer sends between two wake-ups

class Block {
public:
    Block() = default;
    Block(Block&&) noexcept = default;
    Block& operator=(Block&& other) noexcept;
    ~Block() { release(); }

    void borrow(); // no-op when it has one
    void release() noexcept;
    [[nodiscard]] char* data() const { return memory_.get(); }
    explicit operator bool() const { return memory_ != nullptr; }

private:
    std::unique_ptr<char[]> memory_;
};

} // namespace agenthost::host::net

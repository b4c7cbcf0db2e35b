// 64 KiB buffers that a connection borrows only while they hold bytes, so thousands of idle connections share
// a few. Each thread has a free list of at most 16 blocks; a block may be returned on a different thread than
// it was borrowed on.
#pragma once

#include <cstddef>
#include <memory>

namespace agenthost::host::net {

// One recv() empties what a busy peer sends between two wake-ups.
constexpr std::size_t block_size = 64 * 1024;

class Block {
public:
    Block() = default;
    Block(Block&&) noexcept = default;
    Block& operator=(Block&& other) noexcept;
    ~Block() { release(); }

    // Does nothing if it already has one.
    void borrow();
    void release() noexcept;
    [[nodiscard]] char* data() const { return memory_.get(); }
    explicit operator bool() const { return memory_ != nullptr; }

private:
    std::unique_ptr<char[]> memory_;
};

} // namespace agenthost::host::net

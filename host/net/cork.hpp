// Collects bytes to send in at most four blocks, so that many small writes become one system call. Blocks are
// borrowed only while they hold bytes. No I/O; owned by a Core, on its thread.
#pragma once

#include "host/net/blocks.hpp"
#include "host/net/frame.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <sys/uio.h>

namespace agenthost::host::net {

class Cork {
public:
    static constexpr std::size_t max_blocks = 4;
    static constexpr std::size_t max_bytes = max_blocks * block_size;
    using Pieces = std::array<iovec, max_blocks>;

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t free_space() const
    {
        const std::size_t blocks = (max_blocks - count_) * block_size;
        return count_ == 0 ? blocks : blocks + block_size - last().end;
    }
    // Copies `bytes` from `at` on, masked if there is a key, as far as they fit into the last block, or into
    // a new one if that is full. Returns the number of bytes; 0: all blocks are full, or nothing was left to
    // copy.
    std::size_t append(std::string_view bytes, std::size_t at, const MaskKey* mask)
    {
        if (!open_block()) return 0;
        Piece& piece = last();
        const std::size_t n = std::min(block_size - piece.end, bytes.size() - at);
        if (mask)
            copy_masked(piece.block.data() + piece.end, bytes.data() + at, n, *mask, at);
        else if (n != 0)
            std::memcpy(piece.block.data() + piece.end, bytes.data() + at, n);
        piece.end += static_cast<std::uint32_t>(n);
        size_ += n;
        return n;
    }
    // The bytes of the first block; empty if there are none.
    [[nodiscard]] std::string_view front() const
    {
        const Piece& piece = pieces_[first_];
        return {piece.block.data() + piece.begin, piece.end - piece.begin};
    }
    // All bytes, for sendmsg(); returns the number of pieces.
    std::size_t gather(Pieces& to) const
    {
        for (std::uint32_t i = 0; i < count_; ++i) {
            const Piece& piece = pieces_[(first_ + i) % max_blocks];
            to[i] = {piece.block.data() + piece.begin, piece.end - piece.begin};
        }
        return count_;
    }
    // Removes the first `n` bytes; at most size().
    void drop(std::size_t n)
    {
        size_ -= n;
        while (n != 0) {
            Piece& piece = pieces_[first_];
            const std::size_t here = std::min<std::size_t>(n, piece.end - piece.begin);
            piece.begin += static_cast<std::uint32_t>(here);
            n -= here;
            if (piece.begin != piece.end) return;
            piece.block.release();
            piece.begin = piece.end = 0;
            first_ = (first_ + 1) % max_blocks;
            --count_;
        }
    }

private:
    struct Piece {
        Block block;
        std::uint32_t begin = 0, end = 0;
    };

    [[nodiscard]] const Piece& last() const { return pieces_[(first_ + count_ - 1) % max_blocks]; }
    [[nodiscard]] Piece& last() { return pieces_[(first_ + count_ - 1) % max_blocks]; }
    // Whether the last block has space, after adding one if it does not. False: all are full.
    bool open_block()
    {
        if (count_ != 0 && last().end != block_size) return true;
        if (count_ == max_blocks) return false;
        ++count_;
        last().block.borrow();
        last().begin = last().end = 0;
        return true;
    }

    // A ring: count_ pieces from first_.
    std::array<Piece, max_blocks> pieces_;
    std::uint32_t first_ = 0, count_ = 0;
    std::size_t size_ = 0;
};

} // namespace agenthost::host::net

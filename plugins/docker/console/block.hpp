// The blocks that a file of the ring consists of. A block is written in one call and is valid or not: the
// checksum detects one that a crash or a power cut left incomplete. Pure.
#pragma once

#include "intake.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker::console {

struct Block {
    enum class Kind : std::uint32_t { start = 1, entries = 2 };
    Kind kind = Kind::entries;
    // Position of its first entry, and how many there are.
    std::uint64_t first = 0;
    std::uint32_t entries = 0;
    // Packed items, or a mark.
    std::string_view body;
};

std::string write_block(const Block&);

class BlockReader {
public:
    explicit BlockReader(std::string_view bytes) : bytes_{bytes} {}
    // nullopt: at the end, or at bytes that are not a valid block.
    std::optional<Block> next();
    // Bytes of the blocks so far.
    [[nodiscard]] std::size_t good() const { return at_; }

private:
    std::string_view bytes_;
    std::size_t at_ = 0;
};

// The first block of a file: the mark before its first entry. It does not record unfinished lines; at worst,
// part of a long line is shown as a separate line.
std::string write_start(const Mark&);
std::optional<Mark> read_start(const Block&);

} // namespace agenthost::docker::console

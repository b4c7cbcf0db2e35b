// What a command has written on one channel: the last bytes in a window in memory, what is older in a ring on disk, what is older
// than that gone. Offsets count from the channel's first byte, so a gap shows.
//
// The ring is a file of `ring` bytes; the byte at offset o stands at o % ring. It is made when the window overflows and never
// before: most commands print less. A window that overflows first grows to hold a whole ring, while the budget lasts that all of
// them share: a command that prints by the gigabyte then writes no more to the disk than what is left of it in the end. A disk that fails costs
// the replay of older output, not the command. One thread; bounds: window + ring, and the budget.
#pragma once

#include "base/fd.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::terminal {

// What windows may grow by, all together. Outlives its outputs.
struct WindowBudget {
    std::size_t left = 16 << 20;
};

class Output {
public:
    static constexpr std::size_t window =
        256 << 10; // holds the 100 KB that a slow consumer may lag, and one read
    static constexpr std::size_t read_size =
        64 << 10; // room() never offers less than this at the write end, wrap aside

    // Without a budget the window stays as it is.
    Output(std::string ring_file, std::uint64_t ring, WindowBudget* budget = nullptr)
        : file_{std::move(ring_file)}, ring_{ring}, budget_{budget}
    {}
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    // Where the next bytes go; then wrote(n).
    std::span<char> room();
    void wrote(std::size_t n) { end_ += n; }
    void append(std::string_view);

    [[nodiscard]] std::uint64_t end() const { return end_; }        // bytes so far
    [[nodiscard]] std::uint64_t begin() const;                      // the oldest that can still be read
    [[nodiscard]] std::uint64_t in_memory() const { return kept_; } // from here on reading cannot fail
    // Up to `most` bytes at `offset` (begin() <= offset <= end()). Empty below end(): the disk failed. Valid until
    // the next call; `scratch` holds what is not in one piece.
    std::string_view read(std::uint64_t offset, std::size_t most, std::string& scratch) const;
    // The command is over: the window's memory is given back, to the ring or, when it is little, to a string.
    void settle();
    [[nodiscard]] bool damaged() const { return broken_; } // the disk failed

private:
    void make_room();
    bool grow();
    void free_memory();
    [[nodiscard]] bool whole_ring() const { return size_ > window; } // in memory
    void spill(std::uint64_t until);                                 // to the ring, what leaves memory
    void write_ring(std::uint64_t offset, std::string_view);
    bool read_ring(std::uint64_t offset, char* to, std::size_t n) const;

    std::string file_;
    std::uint64_t ring_;
    WindowBudget* budget_;
    base::Fd fd_;
    std::unique_ptr<char[]> memory_; // the byte at offset o stands at o % size_
    std::size_t size_ = window;
    std::string little_; // settled
    std::uint64_t end_ = 0;
    std::uint64_t kept_ = 0;    // the oldest in memory
    std::uint64_t on_disk_ = 0; // the ring holds [on_disk_, kept_) at most
    bool broken_ = false;
};

// How many of these bytes can go without cutting a UTF-8 sequence that has begun; all of them when they are no UTF-8.
std::size_t whole_utf8(std::string_view);

} // namespace agenthost::terminal

// The output of a command on one channel: the latest bytes in a window in memory, older ones in a ring on
// disk, still older ones are dropped. Offsets count from the channel's first byte, so gaps are detectable.
//
// The ring is a file of `ring` bytes; the byte at offset o is at position o % ring. It is created only when
// the window overflows, because most commands print less. An overflowing window first grows to the size of
// the ring, within a budget shared by all windows: a command that prints gigabytes then writes only its last
// bytes to the disk. A disk error loses the replay of older output, not the command. Single-threaded; bounds:
// window + ring, and the budget.
//
// More than 25 members: window and ring are one sequence of bytes, and each move between them is a function.
#pragma once

#include "base/fd.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::terminal {

// The total by which windows may grow. Outlives its outputs.
struct WindowBudget {
    std::size_t left = 16 << 20;
};

class Output {
public:
    // Holds the 100 KB that a slow consumer may lag behind, and one read.
    static constexpr std::size_t window = 256 << 10;
    static constexpr std::size_t read_size =
        64 << 10; // min size that free_space() returns, except before the wrap

    // Without a budget the window does not grow.
    Output(std::string ring_file, std::uint64_t ring, WindowBudget* budget = nullptr)
        : file_{std::move(ring_file)}, ring_{ring}, budget_{budget}
    {}
    ~Output();
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    // The buffer for the next bytes; call wrote(n) after filling it.
    std::span<char> free_space();
    void wrote(std::size_t n) { end_ += n; }
    void append(std::string_view);

    [[nodiscard]] std::uint64_t end() const { return end_; }        // bytes so far
    [[nodiscard]] std::uint64_t begin() const;                      // the oldest readable byte
    [[nodiscard]] std::uint64_t in_memory() const { return kept_; } // from this offset on reading cannot fail
    // Up to `most` bytes at `offset` (begin() <= offset <= end()). Empty before end(): disk error. Valid
    // until the next call; `scratch` holds data that is not contiguous.
    std::string_view read(std::uint64_t offset, std::size_t max, std::string& scratch) const;
    // The command has ended: frees the window and moves its bytes to the ring or, if they are few, to a
    // string.
    void settle();
    [[nodiscard]] bool damaged() const { return broken_; } // the disk failed

private:
    void make_space();
    bool grow();
    void free_memory();
    [[nodiscard]] bool whole_ring() const { return size_ > window; } // in memory
    void spill(std::uint64_t until);                                 // writes what leaves memory to the ring
    void write_ring(std::uint64_t offset, std::string_view);
    bool read_ring(std::uint64_t offset, char* to, std::size_t n) const;

    std::string file_;
    std::uint64_t ring_;
    WindowBudget* budget_;
    base::Fd fd_;
    std::unique_ptr<char[]> memory_; // the byte at offset o is at o % size_
    std::size_t size_ = window;
    std::string little_; // settled
    std::uint64_t end_ = 0;
    std::uint64_t kept_ = 0;    // the oldest in memory
    std::uint64_t on_disk_ = 0; // the ring holds [on_disk_, kept_) at most
    bool broken_ = false;
};

// How many of these bytes can go without cutting a UTF-8 sequence that has begun; all of them when they are
// no UTF-8.
std::size_t whole_utf8(std::string_view);

} // namespace agenthost::terminal

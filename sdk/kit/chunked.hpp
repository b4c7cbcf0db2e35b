// HTTP/1.1 chunked transfer coding, decoded in place. Sans-io: fed bytes as they come, cut anywhere.
//
// Strict where leniency smuggles: sizes are bare hex of at most 15 digits, lines end in CRLF, extensions and trailers are
// skipped within a bound.
#pragma once

#include <cstddef>
#include <cstdint>

namespace agenthost::kit {

class ChunkedDecoder {
public:
    // Decodes `size` bytes at `data`; the content replaces them from the start. Returns how many bytes of content there are.
    // After done() or failed() no more is consumed.
    std::size_t decode(char* data, std::size_t size);

    [[nodiscard]] bool done() const { return state_ == State::done; }
    [[nodiscard]] bool failed() const { return state_ == State::failed; }

private:
    enum class State {
        size_first,
        size,
        extension,
        size_lf,
        content,
        content_cr,
        content_lf,
        trailer,
        trailer_lf,
        done,
        failed
    };
    void step(char c);
    void count_overhead();

    State state_ = State::size_first;
    std::uint64_t left_ = 0;
    int digits_ = 0;
    std::size_t overhead_ = 0; // bytes of extensions and trailers so far
    bool line_empty_ = true;   // the trailer line so far
};

} // namespace agenthost::kit

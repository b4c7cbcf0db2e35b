// HTTP/1.1 chunked coding, both ways. The decoder is a machine without I/O, fed bytes cut anywhere; it never takes a byte beyond
// the body, so that a pipelined request stays where it is. Strict: bare hex sizes of at most 15 digits, CRLF only, extensions and
// trailers skipped within 4 KiB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::host::listener {

class ChunkedDecoder {
public:
    struct Step {
        std::size_t taken = 0;    // bytes of the input used up
        std::string_view content; // a part of the input
    };
    // The next piece of content, or bytes of framing; taken 0 only when the input is empty, done() or failed().
    Step step(std::string_view input);

    [[nodiscard]] bool done() const { return state_ == State::done; }
    [[nodiscard]] bool failed() const { return state_ == State::failed; }

private:
    enum class State {
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
    void framing(char c);

    State state_ = State::size;
    std::uint64_t left_ = 0;
    int digits_ = 0, overhead_ = 0;
    bool line_empty_ = true;
};

std::string chunk_head(std::size_t size); // "1f\r\n"

} // namespace agenthost::host::listener

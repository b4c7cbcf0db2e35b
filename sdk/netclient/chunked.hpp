// Encodes and decodes the HTTP/1.1 chunked transfer coding. The decoder does no I/O and accepts bytes split
// anywhere; it never consumes a byte beyond the body, so that a pipelined message stays in the input.
//
// Strict where leniency would allow request smuggling: sizes are bare hex of at most 15 digits, lines end in
// CRLF, extensions and trailers are skipped within a bound. In a response, blanks after a size are also
// skipped: old servers pad sizes that they fill in later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::netclient {

class ChunkedDecoder {
public:
    enum class Of : std::uint8_t { request, response };
    explicit ChunkedDecoder(Of of = Of::response) : of_{of} {}

    struct Step {
        std::size_t taken = 0;    // bytes of the input used up
        std::string_view content; // a part of the input
    };
    // The next piece of content, or bytes of framing; taken 0 only when the input is empty, done() or
    // failed().
    Step step(std::string_view input);
    // All of `data`, in place: the content replaces it from the start. Returns how many bytes of content
    // there are.
    std::size_t decode(char* data, std::size_t size);

    [[nodiscard]] bool done() const { return state_ == State::done; }
    [[nodiscard]] bool failed() const { return state_ == State::failed; }

private:
    enum class State : std::uint8_t {
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
    void skip(char c);

    std::uint64_t left_ = 0;
    int digits_ = 0, overhead_ = 0; // overhead: bytes of extensions and trailers so far
    State state_ = State::size;
    Of of_;
    bool line_empty_ = true; // the trailer line so far
};

std::string chunk_head(std::size_t size); // "1f\r\n"

} // namespace agenthost::netclient

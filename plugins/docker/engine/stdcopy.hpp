// Takes apart the stream that an engine sends for a container without a terminal: frames of an 8-byte header
// (stream, three zero bytes, length as 32 bits big-endian) and content. No I/O; bytes may be split anywhere.
// Content is passed on in pieces and never buffered; a length beyond the limit is an error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agenthost::docker::engine {

// error: the engine's own message about the stream.
enum class OutputStream : std::uint8_t { stdin_echo = 0, out = 1, err = 2, error = 3 };

// Docker's frames are at most 1 MB (the largest message of a log driver). Podman writes whole lines.
constexpr std::uint32_t max_stdcopy_frame = 16 * 1024 * 1024;

class StdcopyDecoder {
public:
    explicit StdcopyDecoder(std::uint32_t max_frame = max_stdcopy_frame) : max_frame_{max_frame} {}

    struct Piece {
        std::size_t taken = 0;
        OutputStream stream = OutputStream::out;
        // A part of the input; may be empty while a header is incomplete.
        std::string_view content;
        bool begins = false, ends = false; // of the frame
    };
    // The next piece; taken 0 only when the input is empty or failed(). A frame of length 0 gives one empty
    // piece that begins and ends.
    Piece step(std::string_view input);

    [[nodiscard]] bool failed() const { return failed_; }
    // Whether the stream may end here: between two frames.
    [[nodiscard]] bool between_frames() const { return header_size_ == 0 && !inside_; }

private:
    bool read_header();

    std::uint32_t max_frame_, left_ = 0;
    std::array<unsigned char, 8> header_{};
    std::uint8_t header_size_ = 0;
    OutputStream stream_ = OutputStream::out;
    bool inside_ = false, begins_ = false, failed_ = false;
};

} // namespace agenthost::docker::engine

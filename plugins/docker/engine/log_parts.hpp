// Cuts the answer to GET /containers/ID/logs?timestamps=1 into the messages that the log driver stored: one
// line each, or a part of a line that is longer than 16 KiB. No I/O; bytes may be split anywhere.
//
// Without a terminal a frame of stdcopy is a message. With one the bytes are raw: a message ends with LF, or
// after 16 KiB where the next bytes repeat its stamp. Which of the two it is must be known from the
// container's inspection (Config.Tty), never guessed.
//
// Memory: at most one message of 1 MiB. A longer one is passed on in pieces; all but the first have
// `continues` set and count as the same message for LogResume.
#pragma once

#include "stdcopy.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

struct LogPart {
    std::int64_t stamp_ns = 0; // 0: the engine sent none
    OutputStream stream = OutputStream::out;
    // Without the stamp, LF and CRLF. Any bytes; lives during the call.
    std::string_view text;
    // Whether the line ends here. Podman cuts a line wherever one of its reads ended.
    bool ends_line = true;
    // Whether it continues the message of the call before.
    bool continues = false;
};

class LogParts {
public:
    enum class Format : std::uint8_t { multiplexed, raw };
    explicit LogParts(Format format, bool timestamps = true) : format_{format}, timestamps_{timestamps} {}

    using OnPart = std::function<void(const LogPart&)>;
    // False: broken frames; nothing more is accepted.
    bool push(std::string_view bytes, const OnPart&);
    // The stream has ended. Passes on a last message without a line end. False: inside of a frame.
    bool finish(const OnPart&);

    static constexpr std::size_t max_message = 1024 * 1024;
    // Where log drivers cut a line.
    static constexpr std::size_t driver_part = 16 * 1024;

private:
    void push_raw(std::string_view bytes, const OnPart&);
    bool cut_at_repeated_stamp(const OnPart&);
    void give(std::string_view message, OutputStream, bool ends_line, const OnPart&);
    void collect(const StdcopyDecoder::Piece&, const OnPart&);

    Format format_;
    bool timestamps_;
    StdcopyDecoder frames_;
    std::string pending_;
    bool continues_ = false; // the message's first piece was passed on
    std::int64_t last_stamp_ = 0;
};

} // namespace agenthost::docker::engine

// Parses WebSocket frames without extensions (RFC 6455) from input split at any byte: heads, lengths, masks,
// fragments, control frames, UTF-8 and the message size limit. No I/O; single-threaded.
//
// Returns the same messages and faults as Beast's reader; tests/fuzz/frame_fuzz.cpp compares them.
//
//   const auto found = reader.next(bytes.data(), bytes.size());
//   use(found.kind, found.payload);   // valid until the next call or until `bytes` are gone
//   stream.consume(found.used);
#pragma once

#include "host/net/frame.hpp"
#include "host/net/utf8_pieces.hpp"

#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::host::net {

class FrameReader {
public:
    using Role = boost::beast::role_type;
    enum class Kind : std::uint8_t { more, text, binary, ping, pong, close, fault };
    struct Found {
        Kind kind = Kind::more;
        std::size_t used = 0;
        // Payload of a message or control frame; for a close frame, the reason text.
        std::string_view payload;
    };

    // `role`: the reading end; only clients mask their frames. `max_message`: bytes, 0: no limit.
    FrameReader(Role role, std::uint64_t max_message) : max_message_{max_message}, role_{role} {}

    // Parses up to the end of one message or control frame; unmasks in place. Do not call it after a close
    // frame or a fault.
    Found next(char* bytes, std::size_t size);
    void set_max_message(std::uint64_t bytes) { max_message_ = bytes; }

    // One of Beast's websocket errors; valid after Kind::fault.
    [[nodiscard]] boost::system::error_code fault() const { return fault_; }
    // The bytes received of an incomplete head. Once it is complete they are the beginning of last_head().
    [[nodiscard]] std::string_view begun_head() const { return {head_.data(), head_size_}; }
    [[nodiscard]] std::string_view last_head() const { return {head_.data(), head_.size()}; }
    // Valid after Kind::close; 0: the frame had none.
    [[nodiscard]] std::uint16_t close_code() const { return close_code_; }
    // Frees the memory of a big message unless it is being read.
    void release_memory();

private:
    std::size_t read_head(const char* bytes, std::size_t size);
    void parse_head(const unsigned char* head);
    // Both return Fault{} for a valid head.
    using Fault = boost::beast::websocket::error;
    Fault check_head(unsigned char first, bool masked, unsigned length) const;
    Fault parse_length(const unsigned char* head, unsigned length);
    Found read_control(char* bytes, std::size_t size);
    Found read_data(char* bytes, std::size_t size);
    Found found_control(std::size_t used, std::string_view payload);
    Found fail(boost::system::error_code, std::size_t used);
    // True if the bytes are known to be ASCII.
    bool unmask(char* bytes, std::size_t size);
    [[nodiscard]] bool control() const { return (opcode_ & 0x8) != 0; }

    boost::system::error_code fault_;
    std::uint64_t max_message_;
    std::uint64_t message_size_ = 0;
    // Bytes of the current frame's payload: remaining, processed.
    std::uint64_t left_ = 0, at_ = 0;
    // The received part of an incomplete message or control frame.
    std::string message_, control_;
    Utf8Pieces utf8_;
    std::array<char, 14> head_{};
    MaskKey key_{};
    Role role_;
    std::uint16_t close_code_ = 0;
    std::uint8_t head_size_ = 0, opcode_ = 0;
    bool fin_ = false, in_payload_ = false, in_message_ = false, text_ = false;
    bool message_given_ = false, control_given_ = false;
};

} // namespace agenthost::host::net

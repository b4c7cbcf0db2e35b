#include "frame_reader.hpp"

#include <simdjson.h>

#include <algorithm>
#include <utility>

namespace agenthost::host::net {

using boost::beast::websocket::error;
using boost::system::error_code;

namespace {

constexpr unsigned fin_bit = 0x80, reserved_bits = 0x70, mask_bit = 0x80, length_bits = 0x7F;
constexpr unsigned length_in_2_bytes = 126, length_in_8_bytes = 127, max_control = 125;
constexpr unsigned continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10;

// Size of the complete head, computed from its first two bytes.
std::size_t head_size(const unsigned char* head)
{
    const unsigned length = head[1] & length_bits;
    const std::size_t extended = length == length_in_2_bytes ? 2 : length == length_in_8_bytes ? 8 : 0;
    return 2 + extended + ((head[1] & mask_bit) != 0 ? 4 : 0);
}

const unsigned char* unsigned_bytes(const char* bytes)
{
    return reinterpret_cast<const unsigned char*>(bytes);
}

// RFC 6455, 7.4: codes that a close frame may contain.
bool is_close_code(unsigned code)
{
    if (code >= 3000) return true;
    return code >= 1000 && code <= 1013 && (code < 1004 || code > 1006);
}

} // namespace

FrameReader::Found FrameReader::next(char* bytes, std::size_t size)
{
    if (std::exchange(message_given_, false)) message_.clear();
    if (std::exchange(control_given_, false)) control_.clear();
    std::size_t used = 0;
    for (;;) {
        if (!in_payload_) {
            used += read_head(bytes + used, size - used);
            if (fault_) return {Kind::fault, used, {}};
            if (!in_payload_) return {Kind::more, used, {}};
        }
        Found found =
            control() ? read_control(bytes + used, size - used) : read_data(bytes + used, size - used);
        found.used = used += found.used;
        if (found.kind != Kind::more || in_payload_) return found;
    }
}

std::size_t FrameReader::read_head(const char* bytes, std::size_t size)
{
    if (head_size_ == 0 && size >= 2) {
        const std::size_t whole = head_size(unsigned_bytes(bytes));
        if (size >= whole) {
            parse_head(unsigned_bytes(bytes));
            return whole;
        }
    }
    std::size_t used = 0;
    const auto complete = [&] {
        return head_size_ >= 2 && head_size_ == head_size(unsigned_bytes(head_.data()));
    };
    while (used < size && !complete()) head_[head_size_++] = bytes[used++];
    if (complete()) {
        head_size_ = 0;
        parse_head(unsigned_bytes(head_.data()));
    }
    return used;
}

// Checks in Beast's order, so that a head with several faults gets the same error.
FrameReader::Fault FrameReader::check_head(unsigned char first, bool masked, unsigned length) const
{
    const unsigned opcode = first & 0x0F;
    const bool reserved = (first & reserved_bits) != 0;
    if (opcode == text || opcode == binary) {
        if (in_message_) return error::bad_data_frame;
        if (reserved) return error::bad_reserved_bits;
    } else if (opcode == continuation) {
        if (!in_message_) return error::bad_continuation;
        if (reserved) return error::bad_reserved_bits;
    } else {
        if (opcode != close && opcode != ping && opcode != pong) return error::bad_opcode;
        if ((first & fin_bit) == 0) return error::bad_control_fragment;
        if (length > max_control) return error::bad_control_size;
        if (reserved) return error::bad_reserved_bits;
    }
    if (role_ == Role::server && !masked) return error::bad_unmasked_frame;
    if (role_ == Role::client && masked) return error::bad_masked_frame;
    return {};
}

FrameReader::Fault FrameReader::parse_length(const unsigned char* head, unsigned length)
{
    left_ = length;
    if (length < length_in_2_bytes) return {};
    const bool wide = length == length_in_8_bytes;
    left_ = 0;
    for (std::size_t i = 0; i < (wide ? 8U : 2U); ++i) left_ = left_ << 8 | head[2 + i];
    return left_ < (wide ? 65536U : 126U) ? Fault::bad_size : Fault{};
}

void FrameReader::parse_head(const unsigned char* head)
{
    const bool masked = (head[1] & mask_bit) != 0;
    const unsigned length = head[1] & length_bits;
    Fault fault = check_head(head[0], masked, length);
    if (fault == Fault{}) fault = parse_length(head, length);
    if (fault != Fault{}) {
        fault_ = fault;
        return;
    }
    const unsigned char* const key = head + head_size(head) - key_.size();
    if (masked) std::copy_n(key, key_.size(), key_.begin());
    opcode_ = head[0] & 0x0F;
    at_ = 0;
    in_payload_ = true;
    if (control()) return;
    if (opcode_ != continuation) {
        message_size_ = 0;
        text_ = opcode_ == text;
        utf8_.reset();
    }
    const std::uint64_t bound = max_message_ != 0 ? max_message_ : UINT64_MAX;
    if (message_size_ > bound || left_ > bound - message_size_) {
        fault_ = error::message_too_big;
        return;
    }
    message_size_ += left_;
    fin_ = (head[0] & fin_bit) != 0;
    in_message_ = !fin_;
}

bool FrameReader::unmask(char* bytes, std::size_t size)
{
    const bool ascii = role_ == Role::server && copy_masked(bytes, bytes, size, key_, at_ % key_.size());
    at_ += size;
    left_ -= size;
    if (left_ == 0) in_payload_ = false;
    return ascii;
}

FrameReader::Found FrameReader::fail(error_code why, std::size_t used)
{
    fault_ = why;
    return {Kind::fault, used, {}};
}

FrameReader::Found FrameReader::read_data(char* bytes, std::size_t size)
{
    const std::size_t n = std::min<std::uint64_t>(size, left_);
    const bool ascii = unmask(bytes, n);
    const std::string_view piece{bytes, n};
    const Kind kind = text_ ? Kind::text : Kind::binary;
    const bool ends = fin_ && left_ == 0;
    if (ends && message_.empty()) {
        // The usual case: the complete message in one piece, returned in place.
        const bool good = !text_ || ascii || simdjson::validate_utf8(piece.data(), n);
        return good ? Found{kind, n, piece} : fail(error::bad_frame_payload, n);
    }
    if (text_ && !utf8_.write(piece)) return fail(error::bad_frame_payload, n);
    message_.append(piece);
    if (!ends) return {Kind::more, n, {}};
    if (text_ && !utf8_.complete()) return fail(error::bad_frame_payload, n);
    message_given_ = true;
    return {kind, n, message_};
}

FrameReader::Found FrameReader::read_control(char* bytes, std::size_t size)
{
    const std::size_t n = std::min<std::uint64_t>(size, left_);
    unmask(bytes, n);
    if (left_ == 0 && control_.empty()) return found_control(n, {bytes, n});
    control_.append(bytes, n);
    if (left_ != 0) return {Kind::more, n, {}};
    control_given_ = true;
    return found_control(n, control_);
}

FrameReader::Found FrameReader::found_control(std::size_t used, std::string_view payload)
{
    if (opcode_ == ping) return {Kind::ping, used, payload};
    if (opcode_ == pong) return {Kind::pong, used, payload};
    if (payload.empty()) return {Kind::close, used, {}};
    if (payload.size() == 1) return fail(error::bad_close_size, used);
    const unsigned char* const code = unsigned_bytes(payload.data());
    close_code_ = static_cast<std::uint16_t>(code[0] << 8 | code[1]);
    if (!is_close_code(close_code_)) return fail(error::bad_close_code, used);
    payload.remove_prefix(2);
    if (!simdjson::validate_utf8(payload.data(), payload.size())) return fail(error::bad_close_payload, used);
    return {Kind::close, used, payload};
}

void FrameReader::release_memory()
{
    if (message_.empty() || message_given_) message_ = {};
    message_given_ = false;
    if (control_.empty() || control_given_) control_ = {};
    control_given_ = false;
}

} // namespace agenthost::host::net

#include "parser.hpp"

#include <algorithm>

namespace agenthost::printer::escpos {

namespace {

constexpr bool is_text(std::uint8_t byte) { return byte >= 0x20; }
constexpr bool is_lead(std::uint8_t byte)
{
    return byte == esc_byte || byte == gs_byte || byte == fs_byte || byte == dle_byte;
}
// GS k m <= 6 has no length; a barcode longer than this is a lost NUL
constexpr std::uint16_t max_barcode = 255;
constexpr std::uint16_t max_tabs = 32;

} // namespace

void Parser::feed(Bytes bytes)
{
    while (!bytes.empty()) {
        if (state_ == State::data) {
            bytes = take_data(bytes);
        } else if (state_ == State::neutral && is_text(bytes.front())) {
            bytes = take_text(bytes);
        } else {
            take(bytes.front());
            ++position_;
            bytes = bytes.subspan(1);
        }
    }
}

Bytes Parser::take_text(Bytes bytes)
{
    const auto end = std::ranges::find_if_not(bytes, is_text);
    const auto size = static_cast<std::size_t>(end - bytes.begin());
    if (sink_) sink_->text(bytes.first(size));
    position_ += size;
    return bytes.subspan(size);
}

void Parser::take(std::uint8_t byte)
{
    switch (state_) {
    case State::neutral: return start(byte);
    case State::lead: return take_code(byte);
    case State::sub: command_.op |= byte; return named();
    case State::arguments:
        command_.arguments[command_.argument_count++] = byte;
        if (command_.argument_count >= argument_count(row_, command_.arguments[0])) arguments_complete();
        return;
    case State::ended_by_content:
        if (take_content(byte)) return;
        finish();
        if (is_text(byte)) {
            if (sink_) sink_->text({&byte, 1});
        } else {
            start(byte);
        }
        return;
    case State::block: return take_block_head(byte);
    case State::data: return; // feed() does
    }
}

void Parser::start(std::uint8_t byte)
{
    command_ = {};
    command_.position = position_;
    if (is_lead(byte)) {
        command_.op = Op{byte} << 16;
        state_ = State::lead;
        return;
    }
    command_.op = control(byte);
    named();
}

void Parser::take_code(std::uint8_t byte)
{
    const auto lead = static_cast<std::uint8_t>(command_.op >> 16);
    const bool star = lead == esc_byte && (byte == 0x1d || byte == 0x1e);
    const bool real_time = lead == dle_byte && (byte == 0x04 || byte == 0x05 || byte == 0x14);
    // A lead that another command or, after DLE, anything else follows stands alone: the byte begins anew.
    if ((is_lead(byte) && !star) || (lead == dle_byte && !real_time)) {
        command_.known = false;
        finish();
        if (!is_text(byte)) return start(byte);
        if (sink_) sink_->text({&byte, 1});
        return;
    }
    command_.op |= Op{byte} << 8;
    if (has_sub(lead, byte)) {
        state_ = State::sub;
        return;
    }
    named();
}

void Parser::named()
{
    const Found found = find_row(command_.op);
    row_ = found.row;
    command_.known = found.known;
    state_ = State::arguments;
    if (row_.arguments == 0) arguments_complete();
}

void Parser::arguments_complete()
{
    command_.data_size = data_size(row_, command_);
    content_ = 0;
    last_ = 0;
    state_ = State::data;
    if (sink_) sink_->begin(command_);
    switch (row_.data) {
    case Data::tabs:
    case Data::digits: state_ = State::ended_by_content; return;
    case Data::barcode:
        if (command_.argument_count == 1)
            state_ = State::ended_by_content;
        else
            enter_data(command_.data_size);
        return;
    case Data::characters:
        blocks_ = command_.arg(2) >= command_.arg(1) ? command_.arg(2) - command_.arg(1) + 1U : 0;
        return next_block();
    case Data::images: blocks_ = command_.arg(0); return next_block();
    default: return enter_data(command_.data_size);
    }
}

void Parser::enter_data(std::uint64_t size)
{
    remaining_ = size;
    state_ = State::data;
    if (remaining_ > 0) return;
    if (row_.data == Data::characters || row_.data == Data::images)
        next_block();
    else
        finish();
}

Bytes Parser::take_data(Bytes bytes)
{
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
    if (sink_) sink_->data(bytes.first(size));
    position_ += size;
    remaining_ -= size;
    if (remaining_ == 0) enter_data(0);
    return bytes.subspan(size);
}

bool Parser::take_content(std::uint8_t byte)
{
    switch (row_.data) {
    case Data::tabs: return take_tab(byte);
    case Data::digits: return take_digit(byte);
    default: break;
    }
    if (byte == 0) {
        finish();
        return true;
    }
    if (content_ == max_barcode) return false;
    ++content_;
    pass(byte);
    return true;
}

bool Parser::take_tab(std::uint8_t byte)
{
    if (byte == 0) {
        finish();
        return true;
    }
    if (byte <= last_ || content_ == max_tabs) return false;
    ++content_;
    last_ = byte;
    pass(byte);
    return true;
}

bool Parser::take_digit(std::uint8_t byte)
{
    if (byte == ';') {
        pass(byte);
        if (++content_ == 5) finish();
        return true;
    }
    if (byte < '0' || byte > '9') return false;
    pass(byte);
    return true;
}

void Parser::next_block()
{
    if (blocks_ == 0) return finish();
    --blocks_;
    head_size_ = 0;
    state_ = State::block;
}

void Parser::take_block_head(std::uint8_t byte)
{
    pass(byte);
    head_[head_size_++] = byte;
    if (row_.data == Data::characters) return enter_data(std::uint64_t{byte} * command_.arg(0));
    if (head_size_ < head_.size()) return;
    const std::uint64_t x = head_[0] | head_[1] << 8, y = head_[2] | head_[3] << 8;
    enter_data(x * y * 8);
}

void Parser::pass(std::uint8_t byte)
{
    if (sink_) sink_->data({&byte, 1});
}

void Parser::finish()
{
    state_ = State::neutral;
    if (!command_.known) ++unknown_;
    if (sink_) {
        // A lead byte that stood alone has not begun.
        if (!command_.known && (command_.op & 0xffff) == 0) sink_->begin(command_);
        sink_->end(command_);
    }
}

std::optional<Command> Parser::open_command() const
{
    if (state_ == State::neutral) return std::nullopt;
    return command_;
}

std::uint64_t Parser::missing() const
{
    Parser copy = *this;
    copy.sink_ = nullptr;
    const std::uint8_t nul = 0;
    while (copy.state_ != State::neutral) {
        if (copy.state_ == State::data) {
            copy.position_ += copy.remaining_;
            copy.enter_data(0);
        } else {
            copy.take(nul);
            ++copy.position_;
        }
    }
    return copy.position_ - position_;
}

} // namespace agenthost::printer::escpos

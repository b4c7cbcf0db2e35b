#include "status_parser.hpp"

#include <utility>

namespace agenthost::printer {

namespace {

constexpr std::uint8_t xon = 0x11, xoff = 0x13;
constexpr std::uint8_t block_header = 0x37, power_header = 0x3B, text_header = 0x5F;
constexpr std::uint8_t id_identifier = 0x22, power_off = 0x30;

bool is_realtime(std::uint8_t c) { return (c & 0x93) == 0x12; }
bool is_automatic(std::uint8_t c) { return (c & 0x93) == 0x10; }
bool is_queued(std::uint8_t c) { return (c & 0x90) == 0; }
bool is_header(std::uint8_t c) { return c == block_header || c == power_header || c == text_header; }

// Header, identifier, four characters; the NUL is gone already.
constexpr std::size_t id_block = 6;

// The id at the end of a block. A header among garbage before it must not swallow a proof.
std::optional<ProcessId> confirmed_by(std::span<const std::uint8_t> block)
{
    if (block.size() < id_block) return std::nullopt;
    block = block.last(id_block);
    if (block[0] != block_header || block[1] != id_identifier) return std::nullopt;
    return process_id(std::string{block.begin() + 2, block.end()});
}

template <class List, class Value> void keep(List& list, Value value)
{
    if (list.size() == StatusParser::max_kept) list.pop_front();
    list.push_back(std::move(value));
}

template <class Value> std::vector<Value> take(std::deque<Value>& list)
{
    std::vector<Value> all{std::make_move_iterator(list.begin()), std::make_move_iterator(list.end())};
    list.clear();
    return all;
}

} // namespace

void StatusParser::asked(Question question)
{
    keep(question <= Question::realtime_paper ? realtime_ : queued_, question);
}

void StatusParser::forget_questions()
{
    realtime_.clear();
    queued_.clear();
}

std::vector<ProcessId> StatusParser::take_confirmed() { return take(confirmed_); }
std::vector<std::string> StatusParser::take_texts() { return take(texts_); }

void StatusParser::feed(std::span<const std::uint8_t> bytes)
{
    for (const std::uint8_t c : bytes) byte(c);
}

void StatusParser::byte(std::uint8_t c)
{
    if (c == xon || c == xoff) {
        status_.buffer_full = c == xoff;
        return;
    }
    if (held_.empty()) return begin(c);
    return is_header(held_.front()) ? in_block(c) : in_automatic(c);
}

void StatusParser::begin(std::uint8_t c)
{
    if (is_header(c) || is_automatic(c))
        held_.push_back(c);
    else if (is_realtime(c))
        realtime_answer(c);
    else if (is_queued(c))
        queued_answer(c);
    else
        ++garbage_;
}

void StatusParser::in_block(std::uint8_t c)
{
    if (c == 0) return end_block();
    const bool text = c >= 0x20 && c < 0x7F;
    if (text && held_.size() < max_block) {
        held_.push_back(c);
        return;
    }
    drop_held();
    begin(c);
}

void StatusParser::end_block()
{
    const std::vector<std::uint8_t> block = std::exchange(held_, {});
    const std::string body{block.begin() + 1, block.end()};
    if (const auto id = confirmed_by(block)) {
        garbage_ += block.size() - id_block;
        return keep(confirmed_, *id);
    }
    if (block.front() == text_header) return keep(texts_, body);
    if (block.front() == power_header) {
        if (body.size() == 1 && block[1] == power_off)
            status_.powering_off = status_.known = true;
        else
            garbage_ += block.size() + 1;
        return;
    }
    // Other identifiers answer questions that we do not ask.
    if (body.empty() || block[1] == id_identifier) garbage_ += block.size() + 1;
}

void StatusParser::drop_held() { garbage_ += std::exchange(held_, {}).size(); }

void StatusParser::in_automatic(std::uint8_t c)
{
    if (!is_queued(c)) {
        drop_held();
        return begin(c);
    }
    held_.push_back(c);
    if (held_.size() < 4) return;
    const std::vector<std::uint8_t> all = std::exchange(held_, {});
    status_.known = true;
    status_.powering_off = false;
    status_.drawer_pin_high = (all[0] & 0x04) != 0;
    status_.offline = (all[0] & 0x08) != 0;
    status_.cover_open = (all[0] & 0x20) != 0;
    status_.cutter = (all[1] & 0x08) != 0;
    status_.unrecoverable = (all[1] & 0x20) != 0;
    mechanical_ = (all[1] & 0x04) != 0;
    recoverable_ = (all[1] & 0x40) != 0;
    cause_error_ = false;
    status_.paper_low = (all[2] & 0x03) != 0;
    paper_end_ = (all[2] & 0x0C) != 0;
    paper_stop_ = false;
    summarize();
}

void StatusParser::realtime_answer(std::uint8_t c)
{
    if (realtime_.empty()) {
        ++garbage_;
        return;
    }
    const Question question = realtime_.front();
    realtime_.pop_front();
    apply(question, c);
}

void StatusParser::queued_answer(std::uint8_t c)
{
    if (queued_.empty()) {
        ++garbage_;
        return;
    }
    const Question question = queued_.front();
    queued_.pop_front();
    apply(question, c);
}

void StatusParser::apply(Question question, std::uint8_t c)
{
    status_.known = true;
    status_.powering_off = false;
    switch (question) {
    case Question::realtime_printer:
        status_.drawer_pin_high = (c & 0x04) != 0;
        status_.offline = (c & 0x08) != 0;
        break;
    case Question::realtime_offline:
        status_.cover_open = (c & 0x04) != 0;
        paper_stop_ = (c & 0x20) != 0;
        cause_error_ = (c & 0x40) != 0;
        break;
    case Question::realtime_error:
        mechanical_ = (c & 0x04) != 0;
        status_.cutter = (c & 0x08) != 0;
        status_.unrecoverable = (c & 0x20) != 0;
        recoverable_ = (c & 0x40) != 0;
        break;
    case Question::realtime_paper:
        status_.paper_low = (c & 0x0C) != 0;
        paper_end_ = (c & 0x60) != 0;
        break;
    case Question::paper_sensor:
        status_.paper_low = (c & 0x03) != 0;
        paper_end_ = (c & 0x0C) != 0;
        break;
    case Question::drawer_sensor: status_.drawer_pin_high = (c & 0x01) != 0; break;
    case Question::model_number:
    case Question::type_byte:
    case Question::firmware_byte: break;
    }
    summarize();
}

void StatusParser::summarize()
{
    status_.paper_out = paper_end_ || paper_stop_;
    status_.error = cause_error_ || mechanical_ || recoverable_ || status_.cutter || status_.unrecoverable;
}

} // namespace agenthost::printer

#include "reader.hpp"

#include <algorithm>

namespace agenthost::terminal {

void Reader::pump(const Outputs& outputs, Clock::time_point now, bool all)
{
    if (blocked || over) return;
    const bool ripe = rhythm_.ripe(now);
    sent_now_ = waiting_ = false;
    for (std::size_t channel = 0; channel < outputs.size(); ++channel)
        if (outputs[channel]) pump(channel, *outputs[channel], ripe, all);
    if (sent_now_) rhythm_.flushed(now);
}

void Reader::pump(std::size_t channel, const Output& output, bool ripe, bool all)
{
    std::uint64_t& next = next_[channel];
    const std::uint64_t last = end(channel, output);
    if (next < output.begin()) skip(channel, std::min(output.begin(), last));
    while (next < last && !blocked) {
        if (sent_ >= max_) return skip(channel, last);
        const auto pending = last - next;
        if (!ripe && !all && pending < Flush::chunk) {
            waiting_ = true;
            return;
        }
        std::string_view bytes =
            output.read(next, std::min<std::uint64_t>({Flush::chunk, max_ - sent_, pending}), scratch_);
        if (bytes.empty()) { // the disk
            skip(channel, std::min(output.in_memory(), last));
            continue;
        }
        if (!all || bytes.size() < pending) {
            const std::size_t whole = whole_utf8(bytes);
            if (whole > 0)
                bytes = bytes.substr(0, whole);
            else if (!all)
                return; // the rest of the character has not arrived yet
        }
        switch (request.stream(static_cast<std::uint32_t>(channel + 1), next, bytes)) {
        case AGH_OK:
            next += bytes.size();
            sent_ += bytes.size();
            sent_now_ = true;
            break;
        case AGH_E_BUSY: blocked = true; break;
        default: return skip(channel, last); // the reader is gone
        }
    }
}

bool Reader::due(Clock::time_point& when, Clock::time_point now) const
{
    when = rhythm_.next(now);
    return waiting_ && !blocked && !over;
}

std::uint64_t Reader::lag(const Outputs& outputs) const
{
    std::uint64_t largest = 0;
    for (std::size_t channel = 0; channel < outputs.size(); ++channel)
        if (outputs[channel] && end(channel, *outputs[channel]) > next_[channel])
            largest = std::max(largest, end(channel, *outputs[channel]) - next_[channel]);
    return largest;
}

void Reader::drop_to(const Outputs& outputs, std::uint64_t lag)
{
    for (std::size_t channel = 0; channel < outputs.size(); ++channel) {
        if (!outputs[channel]) continue;
        const Output& output = *outputs[channel];
        const std::uint64_t last = end(channel, output);
        if (last <= next_[channel] || last - next_[channel] <= lag) continue;
        std::uint64_t to = last - lag;
        // Not in the middle of a character.
        const std::string head{output.read(to, std::min<std::uint64_t>(3, last - to), scratch_)};
        for (std::size_t i = 0; i < head.size() && (static_cast<unsigned char>(head[i]) & 0xc0) == 0x80; ++i)
            ++to;
        skip(channel, to);
    }
}

void Reader::skip(std::size_t channel, std::uint64_t to)
{
    if (to <= next_[channel]) return;
    dropped_ += to - next_[channel];
    next_[channel] = to;
}

} // namespace agenthost::terminal

#include "channels.hpp"

#include <utility>

namespace agenthost::hub {

std::optional<RunChannels::Piece> RunChannels::take(std::uint32_t number, std::uint64_t offset,
                                                    std::string_view bytes)
{
    Channel& channel = channels_.at(number - 1);
    if (std::exchange(channel.rebase, false))
        channel.shift = static_cast<std::int64_t>(channel.next) - static_cast<std::int64_t>(offset);
    offset += static_cast<std::uint64_t>(channel.shift);
    if (offset + bytes.size() <= channel.next) return std::nullopt;
    if (offset < channel.next) {
        bytes.remove_prefix(channel.next - offset);
        offset = channel.next;
    }
    const std::uint64_t missing = offset - channel.next;
    channel.next = offset + bytes.size();
    return Piece{missing, bytes};
}

void RunChannels::rebase()
{
    for (Channel& channel : channels_) channel.rebase = true;
}

void RunChannels::hold(std::uint32_t channel, std::uint64_t offset, std::string_view bytes, std::size_t max)
{
    if (overflow_ || held_bytes_ + bytes.size() > max) {
        overflow_ = true;
        return;
    }
    held_.push_back({channel, offset, std::string{bytes}});
    held_bytes_ += bytes.size();
}

std::vector<RunChannels::Held> RunChannels::release()
{
    held_bytes_ = 0;
    return std::exchange(held_, {});
}

bool RunChannels::overflowed() { return std::exchange(overflow_, false); }

} // namespace agenthost::hub

#include "guard.hpp"

#include <algorithm>

namespace agenthost::printer::job {

std::uint64_t most_missing(CommandTracker& tracker, Bytes content, std::uint64_t taken)
{
    const std::size_t from = static_cast<std::size_t>(std::min<std::uint64_t>(taken, content.size()));
    tracker.reset();
    tracker.feed(content.first(from));
    std::uint64_t most = tracker.missing();
    for (std::size_t at = from; at < content.size(); ++at) {
        tracker.feed(content.subspan(at, 1));
        most = std::max<std::uint64_t>(most, tracker.missing());
    }
    tracker.reset();
    return most;
}

std::string cleanup_bytes(std::uint64_t missing, bool page_mode, bool clear_buffer)
{
    std::string out(static_cast<std::size_t>(std::min(missing, max_filler)), '\0');
    if (page_mode) out += '\x18';
    if (clear_buffer) out += std::string{"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08", 10};
    return out += reset_bytes;
}

} // namespace agenthost::printer::job

#include "output.hpp"

namespace agenthost::hub {

RunChunk RunOutput::append(std::uint32_t channel, std::uint64_t lost, std::string_view bytes)
{
    end_ += lost;
    lost_ += lost;
    const RunChunk chunk{channel, end_, lost, bytes};
    if (bytes.empty()) return chunk;
    if (lost == 0 && !pieces_.empty() && pieces_.back().channel == channel &&
        pieces_.back().bytes.size() + bytes.size() <= joined) {
        pieces_.back().bytes += bytes;
    } else {
        pieces_.push_back({channel, end_, std::string{bytes}});
        cost_ += piece_cost;
    }
    cost_ += bytes.size();
    end_ += bytes.size();
    return chunk;
}

void RunOutput::trim(std::size_t max_cost)
{
    while (cost_ > max_cost && !pieces_.empty()) {
        cost_ -= piece_cost + pieces_.front().bytes.size();
        pieces_.pop_front();
    }
}

} // namespace agenthost::hub

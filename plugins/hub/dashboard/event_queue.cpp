#include "event_queue.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

std::size_t EventQueue::push(std::string_view agent, Frame frame)
{
    auto at = agents_.find(agent);
    if (at == agents_.end()) at = agents_.emplace(std::string{agent}, Agent{}).first;
    const std::size_t size = frame->size();
    at->second.bytes += size;
    bytes_ += size;
    at->second.frames.push_back(std::move(frame));
    std::size_t dropped = 0;
    // One alone stays, however large it is.
    while (bytes_ > max_bytes_ && bytes_ > size) dropped += drop_one();
    return dropped;
}

std::size_t EventQueue::drop_one()
{
    const auto most = std::max_element(agents_.begin(), agents_.end(), [](const auto& a, const auto& b) {
        return a.second.bytes < b.second.bytes;
    });
    Agent& agent = most->second;
    const std::size_t size = agent.frames.front()->size();
    agent.bytes -= size;
    bytes_ -= size;
    agent.frames.pop_front();
    ++agent.dropped;
    return size;
}

void EventQueue::lost(std::string_view agent, std::uint64_t events)
{
    if (events == 0) return;
    auto at = agents_.find(agent);
    if (at == agents_.end()) at = agents_.emplace(std::string{agent}, Agent{}).first;
    at->second.dropped += events;
}

EventQueue::Agents::iterator EventQueue::current()
{
    const auto next = agents_.upper_bound(turn_);
    return next == agents_.end() ? agents_.begin() : next;
}

std::optional<EventQueue::Next> EventQueue::front()
{
    if (agents_.empty()) return std::nullopt;
    const auto at = current();
    return Next{at->first, at->second.dropped,
                at->second.frames.empty() ? nullptr : at->second.frames.front()};
}

void EventQueue::told()
{
    const auto at = current();
    at->second.dropped = 0;
    if (at->second.frames.empty()) agents_.erase(at);
}

void EventQueue::taken()
{
    const auto at = current();
    Agent& agent = at->second;
    agent.bytes -= agent.frames.front()->size();
    bytes_ -= agent.frames.front()->size();
    agent.frames.pop_front();
    turn_ = at->first;
    if (agent.frames.empty() && agent.dropped == 0) agents_.erase(at);
}

void EventQueue::clear()
{
    agents_.clear();
    bytes_ = 0;
}

} // namespace agenthost::hub

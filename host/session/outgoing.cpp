#include "outgoing.hpp"

#include <algorithm>

namespace agenthost::host {
namespace {

constexpr std::size_t kept = 512 << 10;         // larger buffers are freed after a burst
constexpr std::size_t progress_commands = 1024; // more commands than a server may have in flight by default

} // namespace

void Outgoing::append(std::string_view frame)
{
    filling_ += frame;
    filling_frames_.push_back({filling_.size(), 0});
}

std::size_t Outgoing::add_event(std::string frame)
{
    if (events_.empty() && little_waits()) {
        append(frame);
        return 0;
    }
    std::size_t dropped = 0;
    while (!events_.empty() && (over() || bytes() + frame.size() > bound_)) {
        aside_ -= events_.front().size();
        events_.pop_front();
        ++dropped;
    }
    if (bytes() + frame.size() > bound_) return dropped + 1; // the queue is full of results
    aside_ += frame.size();
    events_.push_back(std::move(frame));
    return dropped;
}

void Outgoing::add_progress(std::string_view id, std::string frame)
{
    if (progress_.empty() && little_waits()) {
        append(frame);
        return;
    }
    forget_progress(id);
    if (progress_.size() == progress_commands || bytes() + frame.size() > bound_) return;
    aside_ += frame.size();
    progress_.emplace_back(id, std::move(frame));
}

void Outgoing::erase_progress(std::string_view id)
{
    const auto found =
        std::find_if(progress_.begin(), progress_.end(), [&](const auto& each) { return each.first == id; });
    if (found == progress_.end()) return;
    aside_ -= found->second.size();
    progress_.erase(found);
}

void Outgoing::take_aside()
{
    for (const auto& [id, frame] : progress_) append(frame);
    for (const std::string& frame : events_) append(frame);
    progress_.clear();
    events_.clear();
    aside_ = 0;
}

bool Outgoing::refill()
{
    if (filling_.empty() && aside_ > 0) take_aside();
    if (filling_.empty()) return false;
    if (sending_.capacity() > kept) sending_ = {};
    sending_.clear();
    sending_frames_.clear();
    next_ = sent_ = 0;
    std::swap(filling_, sending_);
    std::swap(filling_frames_, sending_frames_);
    return true;
}

void Outgoing::clear() { *this = Outgoing{bound_}; }

} // namespace agenthost::host

#include "send_queue.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {
constexpr int too_slow = 1013; // try again later
}

void ClientSendQueue::send(Text frame) { push({.frame = std::move(frame), .run = {}, .output = false}); }

void ClientSendQueue::send_list(Text frame)
{
    const auto old =
        std::find_if(waiting_.begin(), waiting_.end(), [](const OfRun& item) { return item.list; });
    if (old == waiting_.end())
        return push({.frame = std::move(frame), .run = {}, .output = false, .list = true});
    other_ = other_ - old->frame->size() + frame->size();
    old->frame = std::move(frame);
}

void ClientSendQueue::send(OfRun frame) { push(std::move(frame)); }

void ClientSendQueue::send(const OfAgent& event)
{
    if (closed_) return;
    last_event_ = event.at;
    if (const std::size_t dropped = events_.push(event.agent, event.frame); dropped > 0)
        host_.record(Metric::dashboard_dropped, static_cast<double>(dropped));
    if (!blocked_) send_events();
}

void ClientSendQueue::left_out(std::string_view agent, std::uint64_t events, std::int64_t at)
{
    if (closed_) return;
    last_event_ = at;
    events_.lost(agent, events);
    if (!blocked_) send_events();
}

bool ClientSendQueue::post(const std::string& frame)
{
    const agh_status status = host_.send(conn_, frame);
    if (status == AGH_E_BUSY)
        blocked_ = true;
    else if (status != AGH_OK)
        closed_ = true; // it is gone; on_closed follows
    return status == AGH_OK;
}

void ClientSendQueue::send_events()
{
    while (const auto next = events_.front()) {
        if (next->dropped > 0) {
            std::string notice;
            wire::dashboard_client::write_events_dropped(notice, last_event_, next->agent, next->dropped);
            if (!post(notice)) return;
            const bool alone = next->frame == nullptr;
            events_.told();
            if (alone) continue;
        }
        if (!post(*next->frame)) return;
        events_.taken();
    }
}

void ClientSendQueue::push(OfRun frame)
{
    if (closed_) return;
    if (!blocked_ && pass(frame)) return;
    if (closed_) return;
    blocked_ = true;
    const std::size_t size = frame.frame->size();
    if (frame.output) {
        waiting_.push_back(std::move(frame));
        output_ += size;
        while (output_ > max_output && output_ > size) drop_oldest();
        return;
    }
    if (other_ + size > max_other) return close(too_slow, "this dashboard does not read its messages");
    waiting_.push_back(std::move(frame));
    other_ += size;
}

// false: no space now.
bool ClientSendQueue::pass(const OfRun& item)
{
    const auto lost = item.run ? lost_.find(*item.run) : lost_.end();
    const std::uint64_t dropped = item.dropped + (lost == lost_.end() ? 0 : lost->second);
    const agh_status status =
        dropped == 0 ? host_.send(conn_, *item.frame)
                     : host_.send(conn_, wire::dashboard_client::with_dropped(*item.frame, dropped));
    if (status == AGH_OK && lost != lost_.end()) lost_.erase(lost);
    if (status == AGH_E_BUSY) return false;
    if (status != AGH_OK) closed_ = true; // it is gone; on_closed follows
    return status == AGH_OK;
}

void ClientSendQueue::drop_oldest()
{
    const auto oldest =
        std::find_if(waiting_.begin(), waiting_.end(), [](const OfRun& item) { return item.output; });
    output_ -= oldest->frame->size();
    dropped_ += oldest->bytes;
    host_.record(Metric::dashboard_dropped, static_cast<double>(oldest->bytes));
    lost_[*oldest->run] += oldest->bytes + oldest->dropped;
    waiting_.erase(oldest);
}

void ClientSendQueue::writable()
{
    blocked_ = false;
    while (!waiting_.empty() && !closed_) {
        const OfRun& next = waiting_.front();
        const std::size_t size = next.frame->size();
        if (!pass(next)) {
            blocked_ = true;
            return;
        }
        (next.output ? output_ : other_) -= size;
        waiting_.pop_front();
    }
    if (!closed_) send_events();
}

void ClientSendQueue::close(int code, std::string reason)
{
    if (std::exchange(closed_, true)) return;
    waiting_.clear();
    lost_.clear();
    events_.clear();
    output_ = other_ = 0;
    host_.close(conn_, code, reason);
}

} // namespace agenthost::hub

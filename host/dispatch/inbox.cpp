#include "inbox.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace agenthost::host {

Inbox::Inbox(boost::asio::any_io_executor main, std::function<void()> arrived)
    : main_{std::move(main)}, arrived_{std::move(arrived)}
{}

template <class Add> bool Inbox::add_and_wake(Add add)
{
    bool post = false;
    {
        const std::lock_guard lock{mutex_};
        if (!add(content_)) return false;
        post = !std::exchange(posted_, true);
    }
    if (post) boost::asio::post(main_, alive_.guard([this] { arrived_(); }));
    return true;
}

void Inbox::add(Completion completion)
{
    add_and_wake([&](Content& content) {
        content.completions.push_back(std::move(completion));
        return true;
    });
}

void Inbox::add_flow(agh_req id)
{
    add_and_wake([id](Content& content) {
        content.flows.push_back(id);
        return true;
    });
}

bool Inbox::add(EmittedEvent event)
{
    return add_and_wake([&](Content& content) {
        auto count = events_of_.find(event.plugin);
        if (count == events_of_.end()) count = events_of_.emplace(event.plugin, 0).first;
        if (count->second >= max_events || content.event_bytes + event.json.size() > max_event_bytes)
            return false;
        ++count->second;
        content.event_bytes += event.json.size();
        content.events.push_back(std::move(event));
        return true;
    });
}

bool Inbox::add(NestedCall call)
{
    return add_and_wake([&](Content& content) {
        if (content.calls.size() >= max_calls) return false;
        content.calls.push_back(std::move(call));
        return true;
    });
}

Inbox::Content Inbox::take()
{
    Content content;
    const std::lock_guard lock{mutex_};
    std::swap(content, content_);
    events_of_.clear();
    posted_ = false;
    return content;
}

} // namespace agenthost::host

#include "plugin_requests.hpp"

#include <algorithm>
#include <ctime>

namespace agenthost::host::runner {

namespace {

bool past(std::uint64_t deadline_ns)
{
    if (deadline_ns == 0) return false;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec) >
           deadline_ns;
}

} // namespace

void PluginRequests::add(agh_req id, std::uint64_t deadline_ns)
{
    const std::scoped_lock lock{mutex_};
    requests_[id].deadline_ns = deadline_ns;
}

bool PluginRequests::remove(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    blocked_.erase(id);
    return requests_.erase(id) > 0;
}

agh_status PluginRequests::complete(agh_req id, bool valid, bool& late)
{
    const std::scoped_lock lock{mutex_};
    const auto found = requests_.find(id);
    if (found == requests_.end()) return AGH_E_STALE;
    if (!valid) return AGH_E_INVALID;
    late = past(found->second.deadline_ns);
    requests_.erase(found);
    blocked_.erase(id);
    return AGH_OK;
}

bool PluginRequests::cancel(agh_req id)
{
    const std::scoped_lock lock{mutex_};
    const auto found = requests_.find(id);
    if (found == requests_.end()) return false;
    found->second.cancelled = true;
    return true;
}

bool PluginRequests::is_open(agh_req id) const
{
    const std::scoped_lock lock{mutex_};
    return requests_.contains(id);
}

bool PluginRequests::cancelled(agh_req id) const
{
    const std::scoped_lock lock{mutex_};
    const auto found = requests_.find(id);
    return found == requests_.end() || found->second.cancelled || past(found->second.deadline_ns);
}

agh_status PluginRequests::check_window(agh_req id, std::size_t bytes)
{
    const auto found = requests_.find(id);
    if (found == requests_.end()) return AGH_E_STALE;
    const Request& request = found->second;
    if (request.stream_status < 0) return request.stream_status;
    const bool own_full = request.unacknowledged > 0 && request.unacknowledged + bytes > stream_window;
    const bool all_full = unacknowledged_ > 0 && unacknowledged_ + bytes > max_streams;
    if (!own_full && !all_full) return AGH_OK;
    blocked_.insert(id);
    return AGH_E_BUSY;
}

void PluginRequests::count(agh_req id, std::size_t bytes)
{
    requests_.at(id).unacknowledged += bytes;
    unacknowledged_ += bytes;
}

std::vector<agh_req> PluginRequests::acknowledge(agh_req id, std::uint64_t bytes, agh_status status)
{
    std::vector<agh_req> writable;
    const std::scoped_lock lock{mutex_};
    unacknowledged_ -= std::min<std::uint64_t>(bytes, unacknowledged_);
    if (const auto found = requests_.find(id); found != requests_.end()) {
        Request& request = found->second;
        request.unacknowledged -= std::min<std::uint64_t>(bytes, request.unacknowledged);
        if (status < 0) request.stream_status = status;
    }
    for (auto at = blocked_.begin(); at != blocked_.end();) {
        const auto found = requests_.find(*at);
        // Only once half of the window is free: a wake-up for every piece would cost too much.
        const bool fits = found == requests_.end() || found->second.unacknowledged <= stream_window / 2;
        if (!fits || unacknowledged_ > max_streams) {
            ++at;
            continue;
        }
        if (found != requests_.end()) writable.push_back(*at);
        at = blocked_.erase(at);
    }
    return writable;
}

} // namespace agenthost::host::runner

// Limits how many begins wait for the disk. Where several callers share the journal, none may fill more than
// half of the queue.
//
// Main thread. Owned by Journal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace agenthost::host {

class BeginQuota {
public:
    // `queue`: the journal's `queue` option.
    explicit BeginQuota(std::size_t queue) : queue_{queue} {}

    void share_among(std::size_t callers) { callers_ = callers; }

    // Counts one more begin of the caller. False: no space. `waiting`: all operations in the queue.
    [[nodiscard]] bool take(std::string_view caller, std::size_t waiting)
    {
        const auto at = waiting_.find(caller);
        const std::size_t mine = at == waiting_.end() ? 0 : at->second;
        const bool fits = callers_ > 1 ? mine < std::max<std::size_t>(1, queue_ / 2) && waiting < queue_ * 2
                                       : waiting < queue_;
        if (fits) ++(at == waiting_.end() ? waiting_[std::string{caller}] : at->second);
        return fits;
    }
    // A begin of the caller has been answered.
    void give_back(std::string_view caller)
    {
        const auto at = waiting_.find(caller);
        if (at != waiting_.end() && --at->second == 0) waiting_.erase(at);
    }

private:
    std::size_t queue_;
    std::size_t callers_ = 0;
    // By caller; bounded by the queue.
    std::map<std::string, std::size_t, std::less<>> waiting_;
};

} // namespace agenthost::host

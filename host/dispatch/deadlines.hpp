// Orders slots by time: one time for each slot, changed and removed in O(log n). A slot that is erased leaves
// nothing behind.
//
// Pure. Main thread. Owned by Schedule.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace agenthost::host {

class Deadlines {
public:
    using Time = std::chrono::steady_clock::time_point;

    void set(std::uint32_t slot, Time when)
    {
        if (slot >= where_.size()) where_.resize(slot + 1, absent);
        if (where_[slot] == absent) {
            where_[slot] = static_cast<std::uint32_t>(heap_.size());
            heap_.push_back({when, slot});
        } else
            heap_[where_[slot]].first = when;
        down(up(where_[slot]));
    }
    void erase(std::uint32_t slot)
    {
        if (slot >= where_.size() || where_[slot] == absent) return;
        const std::uint32_t at = where_[slot];
        swap(at, static_cast<std::uint32_t>(heap_.size() - 1));
        heap_.pop_back();
        where_[slot] = absent;
        if (at < heap_.size()) down(up(at));
    }
    [[nodiscard]] Time next() const { return heap_.empty() ? Time::max() : heap_.front().first; }
    [[nodiscard]] std::uint32_t first() const { return heap_.front().second; }
    [[nodiscard]] std::size_t size() const { return heap_.size(); }

private:
    static constexpr std::uint32_t absent = 0xffffffff;

    void swap(std::uint32_t a, std::uint32_t b)
    {
        std::swap(heap_[a], heap_[b]);
        where_[heap_[a].second] = a;
        where_[heap_[b].second] = b;
    }
    std::uint32_t up(std::uint32_t at)
    {
        while (at > 0 && heap_[at].first < heap_[(at - 1) / 2].first) {
            swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
        return at;
    }
    void down(std::uint32_t at)
    {
        for (;;) {
            std::uint32_t least = at;
            for (const std::uint32_t child : {2 * at + 1, 2 * at + 2})
                if (child < heap_.size() && heap_[child].first < heap_[least].first) least = child;
            if (least == at) return;
            swap(at, least);
            at = least;
        }
    }

    std::vector<std::pair<Time, std::uint32_t>> heap_;
    std::vector<std::uint32_t> where_;
};

} // namespace agenthost::host

// Runs functions at a later time. The worker's tick calls run().
#pragma once

#include "lock.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace agenthost::hub {

class Timers {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Id = std::pair<Time, std::uint64_t>; // second 0: none

    Id at(Time when, std::function<void()> what) UNDER_LOCK
    {
        const Id id{when, ++last_};
        waiting_.emplace(id, std::move(what));
        return id;
    }
    void cancel(Id id) UNDER_LOCK { waiting_.erase(id); }
    [[nodiscard]] Time next() const UNDER_LOCK
    {
        return waiting_.empty() ? Time::max() : waiting_.begin()->first.first;
    }
    void run(Time now) UNDER_LOCK
    {
        while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
            auto what = std::move(waiting_.begin()->second);
            waiting_.erase(waiting_.begin());
            what();
        }
    }

private:
    std::map<Id, std::function<void()>> waiting_ GUARDED;
    std::uint64_t last_ GUARDED = 0;
};

} // namespace agenthost::hub

// What is to be done later, in order of time. Not thread-safe: the hub's lock guards it; run() is called by the clock's tick.
#pragma once

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

    Id at(Time when, std::function<void()> what)
    {
        const Id id{when, ++last_};
        waiting_.emplace(id, std::move(what));
        return id;
    }
    void cancel(Id id) { waiting_.erase(id); }
    [[nodiscard]] Time next() const { return waiting_.empty() ? Time::max() : waiting_.begin()->first.first; }
    void run(Time now)
    {
        while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
            auto what = std::move(waiting_.begin()->second);
            waiting_.erase(waiting_.begin());
            what();
        }
    }

private:
    std::map<Id, std::function<void()>> waiting_;
    std::uint64_t last_ = 0;
};

} // namespace agenthost::hub

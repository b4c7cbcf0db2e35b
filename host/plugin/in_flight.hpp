// Counts the requests that the plugin has received and not answered, and reports when it has drained.
// Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

namespace agenthost::host {

class InFlight {
public:
    explicit InFlight(std::function<void()> on_drained) : on_drained_{std::move(on_drained)} {}

    void add() { count_.fetch_add(1, std::memory_order_relaxed); }
    void remove()
    {
        if (count_.fetch_sub(1, std::memory_order_relaxed) <= 1 && waiting_) drained();
    }
    // For a plugin without drain(): it has drained once no request is in flight.
    void wait_idle()
    {
        waiting_ = true;
        if (count_.load(std::memory_order_relaxed) <= 0) drained();
    }
    void drained() const
    {
        if (on_drained_) on_drained_();
    }

private:
    const std::function<void()> on_drained_;
    std::atomic<int> count_{0};
    std::atomic<bool> waiting_{false};
};

} // namespace agenthost::host

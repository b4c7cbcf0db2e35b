// A cancellation flag that also wakes threads sleeping in poll(). Set from any thread, at most once, never
// cleared.
#pragma once

#include "fd.hpp"

#include <sys/eventfd.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>

namespace agenthost::base {

class Cancel {
public:
    Cancel() : event_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}
    {
        if (!event_) throw std::runtime_error{"eventfd: no descriptor left; raise the limit of open files"};
    }
    void set()
    {
        if (set_.exchange(true)) return;
        const std::uint64_t one = 1;
        // An eventfd at 0 takes it.
        [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
    }
    [[nodiscard]] bool is_set() const { return set_.load(std::memory_order_relaxed); }
    [[nodiscard]] int fd() const { return event_.get(); } // readable once set

private:
    Fd event_;
    std::atomic<bool> set_{false};
};

} // namespace agenthost::base

// Maps the cookies of loop/1 to callbacks. Not for authors.
#pragma once

#include "../abi.h"
#include "../function.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace agenthost::detail {

class Tasks {
public:
    // `periodic` tasks stay until removed; others are removed when they fire.
    std::uint64_t add(Function<void(std::uint32_t)> fn, bool periodic)
    {
        auto entry = std::make_shared<Entry>(std::move(fn), periodic);
        const std::scoped_lock lock{mutex_};
        entries_.emplace(++last_, std::move(entry));
        return last_;
    }
    void set_task(std::uint64_t cookie, agh_task task)
    {
        const std::scoped_lock lock{mutex_};
        if (const auto found = entries_.find(cookie); found != entries_.end()) found->second->task = task;
    }
    // False: fired or unknown. `task` is the host's name for it, 0 when it has none.
    bool remove(std::uint64_t cookie, agh_task& task)
    {
        std::shared_ptr<Entry>
            gone; // declared first, so it dies after the lock: what it captured may call back in
        const std::scoped_lock lock{mutex_};
        const auto found = entries_.find(cookie);
        if (found == entries_.end()) return false;
        task = found->second->task;
        gone = std::move(found->second);
        entries_.erase(found);
        return true;
    }
    void fire(std::uint64_t cookie, std::uint32_t events)
    {
        std::shared_ptr<Entry> entry;
        {
            const std::scoped_lock lock{mutex_};
            const auto found = entries_.find(cookie);
            if (found == entries_.end()) return;
            entry = found->second;
            if (!entry->periodic) entries_.erase(found);
        }
        const std::unique_lock running{entry->running, std::try_to_lock};
        if (running) entry->fn(events); // else the previous period is still running, and this one is skipped
    }

private:
    struct Entry {
        Entry(Function<void(std::uint32_t)> fn, bool periodic) : fn{std::move(fn)}, periodic{periodic} {}
        Function<void(std::uint32_t)> fn;
        const bool periodic;
        agh_task task = 0;
        std::mutex running;
    };
    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<Entry>> entries_;
    std::uint64_t last_ = 0;
};

} // namespace agenthost::detail

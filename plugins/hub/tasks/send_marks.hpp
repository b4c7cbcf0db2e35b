// Tracks the tasks that are being recorded as sent on disk. A command for an agent that would run a repeated
// one twice is sent only after that, so that it is not sent again after any crash in between. Pure. Not
// thread-safe: the hub's lock guards it. Bound: the rows that wait for the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace agenthost::hub {

class SendMarks {
public:
    // Starts a new attempt to record this task, and returns its number.
    std::uint64_t begin(const std::string& id)
    {
        attempts_.insert_or_assign(id, ++last_);
        return last_;
    }
    // The disk has answered this attempt. false: it was cancelled or replaced meanwhile, so the task is not
    // sent.
    bool settle(const std::string& id, std::uint64_t attempt)
    {
        const auto it = attempts_.find(id);
        if (it == attempts_.end() || it->second != attempt) return false;
        attempts_.erase(it);
        return true;
    }
    // The attempt is void: the disk's queue is full, or the agent disconnected. false: there was none.
    bool cancel(const std::string& id) { return attempts_.erase(id) > 0; }

    [[nodiscard]] bool empty() const { return attempts_.empty(); }

private:
    std::unordered_map<std::string, std::uint64_t> attempts_; // by task
    std::uint64_t last_ = 0;
};

} // namespace agenthost::hub

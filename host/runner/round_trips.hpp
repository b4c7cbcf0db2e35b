// Matches the runner's answers with the life-cycle calls that wait for them, one operation id each.
// Thread-safe.
#pragma once

#include <agenthost/abi.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace agenthost::host::runner {

class RoundTrips {
public:
    struct Answer {
        agh_status status = AGH_OK;
        std::string code, text;
        std::uint32_t offers = 0;
    };
    enum class Waited { answered, timed_out, dead };

    // Returns the id of a new operation, or nullopt if the runner is dead.
    std::optional<std::uint64_t> begin()
    {
        const std::scoped_lock lock{mutex_};
        if (dead_) return std::nullopt;
        operations_[++last_id_];
        return last_id_;
    }
    // Waits for the answer, then forgets the operation. Zero: no timeout.
    Waited wait(std::uint64_t id, std::chrono::milliseconds timeout, Answer& answer)
    {
        std::unique_lock lock{mutex_};
        const auto over = [&] { return operations_[id].has_value() || dead_; };
        const bool in_time =
            timeout.count() == 0 ? (changed_.wait(lock, over), true) : changed_.wait_for(lock, timeout, over);
        std::optional<Answer> got = std::move(operations_[id]);
        operations_.erase(id);
        if (!got) return in_time ? Waited::dead : Waited::timed_out;
        answer = std::move(*got);
        return Waited::answered;
    }
    // Returns false if nobody waits for it any more.
    bool finish(std::uint64_t id, Answer answer)
    {
        const std::scoped_lock lock{mutex_};
        const auto found = operations_.find(id);
        if (found == operations_.end()) return false;
        found->second = std::move(answer);
        changed_.notify_all();
        return true;
    }
    // The runner is dead: nothing more is answered.
    void end(const std::string& why)
    {
        const std::scoped_lock lock{mutex_};
        dead_ = true;
        why_ = why;
        changed_.notify_all();
    }
    [[nodiscard]] std::string why() const // after end()
    {
        const std::scoped_lock lock{mutex_};
        return why_;
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::unordered_map<std::uint64_t, std::optional<Answer>> operations_;
    std::uint64_t last_id_ = 0;
    bool dead_ = false;
    std::string why_;
};

} // namespace agenthost::host::runner

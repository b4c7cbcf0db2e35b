// Ends the process when its shut-down takes longer than it may, whatever hangs: the main loop, a destructor, a join. A thread of its own,
// because everything else may be what hangs. arm() takes any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace agenthost::host {

class LastResort {
public:
    LastResort() = default;
    ~LastResort() { cancel(); }
    LastResort(const LastResort&) = delete;
    LastResort& operator=(const LastResort&) = delete;

    void arm(std::chrono::milliseconds after, int exit_code)
    {
        const std::lock_guard lock{mutex_};
        if (thread_.joinable() || cancelled_) return; // the first one counts
        thread_ = std::thread{[this, after, exit_code] {
            std::unique_lock lock{mutex_};
            if (!wake_.wait_for(lock, after, [this] { return cancelled_; })) std::quick_exit(exit_code);
        }};
    }
    void cancel()
    {
        {
            const std::lock_guard lock{mutex_};
            cancelled_ = true;
        }
        wake_.notify_all();
        if (thread_.joinable()) thread_.join();
    }

private:
    std::mutex mutex_;
    std::condition_variable wake_;
    bool cancelled_ = false;
    std::thread thread_;
};

} // namespace agenthost::host

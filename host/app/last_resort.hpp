// Ends the process if its shutdown takes too long, whatever hangs: the main loop, a destructor, a join. Uses
// a separate thread, because anything else may hang. arm() is thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

#include <unistd.h>

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
        if (thread_.joinable() || alarmed_ || cancelled_) return; // the first call counts
        try {
            thread_ = std::thread{[this, after, exit_code] {
                std::unique_lock lock{mutex_};
                if (!wake_.wait_for(lock, after, [this] { return cancelled_; })) std::quick_exit(exit_code);
            }};
        } catch (const std::exception&) {
            arm_alarm(after, exit_code);
        }
    }
    void cancel()
    {
        {
            const std::lock_guard lock{mutex_};
            cancelled_ = true;
        }
        wake_.notify_all();
        if (alarmed_) ::alarm(0);
        if (thread_.joinable()) thread_.join();
    }

private:
    // Out of threads, which must not prevent the exit: use the kernel's alarm.
    void arm_alarm(std::chrono::milliseconds after, int exit_code)
    {
        static volatile std::sig_atomic_t code;
        code = exit_code;
        alarmed_ = true;
        std::signal(SIGALRM, [](int) { ::_exit(static_cast<int>(code)); });
        ::alarm(static_cast<unsigned>(after.count() / 1000 + 1));
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    bool cancelled_ = false, alarmed_ = false;
    std::thread thread_;
};

} // namespace agenthost::host

// A job that may block (a look-up, a file on a dead mount) on a thread of its own; its answer comes back on an executor.
//
// A job cannot be stopped, only forgotten: the thread ends when the system call does. Bound: `most` of them in the process.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace agenthost::host {

class OffThread {
public:
    static constexpr int most = 64;

    OffThread() = default;
    ~OffThread() { forget(); }
    OffThread(const OffThread&) = delete;
    OffThread& operator=(const OffThread&) = delete;

    // Forgets an earlier job. `done(result)` runs on the executor unless forgotten before. false: too many jobs hang.
    template <class Result>
    bool start(const boost::asio::any_io_executor& executor, std::function<Result()> job,
               std::function<void(Result)> done)
    {
        forget();
        if (running().fetch_add(1) >= most) {
            running().fetch_sub(1);
            return false;
        }
        slot_ = std::make_shared<Slot>();
        std::thread{[slot = slot_, executor, job = std::move(job), done = std::move(done)]() mutable {
            block_signals();
            auto result = std::make_shared<Result>(job());
            {
                const std::lock_guard lock{slot->mutex};
                if (slot->wanted) { // so the executor's context lives: its owner forgets first
                    boost::asio::post(executor, [slot, done = std::move(done), result] {
                        if (slot->wanted) done(std::move(*result));
                    });
                }
            }
            running().fetch_sub(1);
        }}.detach();
        return true;
    }
    void forget()
    {
        const auto slot = std::exchange(slot_, nullptr); // outlives the lock
        if (!slot) return;
        const std::lock_guard lock{slot->mutex};
        slot->wanted = false;
    }

private:
    struct Slot {
        std::mutex mutex;
        bool wanted = true;
    };
    static std::atomic<int>& running();
    static void block_signals(); // they are the main thread's

    std::shared_ptr<Slot> slot_;
};

} // namespace agenthost::host

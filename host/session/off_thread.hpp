// A job that may block (a look-up, a file on a dead mount) on a thread of its own; its answer comes back on an executor.
//
// A job cannot be stopped, only forgotten: the thread ends when the system call does. Bound: `most` of them in the process. Who is about
// to exit waits for them first: OpenSSL and others take down at exit what a job may still use.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
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
        const auto slot = std::make_shared<Slot>();
        if (!run([slot, executor, job = std::move(job), done = std::move(done)]() mutable {
                auto result = std::make_shared<Result>(job());
                const std::lock_guard lock{slot->mutex};
                if (!slot->wanted) return;
                // So the executor's context lives: its owner forgets first.
                boost::asio::post(executor, [slot, done = std::move(done), result] {
                    if (slot->wanted) done(std::move(*result));
                });
            }))
            return false;
        slot_ = slot;
        return true;
    }
    void forget()
    {
        const auto slot = std::exchange(slot_, nullptr); // outlives the lock
        if (!slot) return;
        const std::lock_guard lock{slot->mutex};
        slot->wanted = false;
    }

    // Every job of the process, forgotten ones too, until its thread is gone. false: some still run after `patience`; exit by
    // quick_exit() then. [any thread but a job's; blocks]
    static bool wait_for_all(std::chrono::milliseconds patience);

private:
    struct Slot {
        std::mutex mutex;
        bool wanted = true;
    };
    static bool run(std::function<void()> job); // false: too many hang, or there is no thread to be had

    std::shared_ptr<Slot> slot_;
};

} // namespace agenthost::host

// Runs a job that may block (a DNS query, a file on a dead mount) on a separate thread and posts its result
// to an executor.
//
// A job cannot be stopped, only forgotten: its thread ends when the system call returns. Bound: `max_threads`
// per process. Wait for them before exiting: OpenSSL and other libraries free at exit what a job may still
// use.
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
    static constexpr std::size_t max_threads = 64;

    OffThread() = default;
    ~OffThread() { forget(); }
    OffThread(const OffThread&) = delete;
    OffThread& operator=(const OffThread&) = delete;

    // Forgets the previous job. `done(result)` runs on the executor unless the job is forgotten first. false:
    // too many jobs are stuck.
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
                // Not forgotten, so the executor's context is alive: its owner forgets first.
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
        // Outlives the lock.
        const auto slot = std::exchange(slot_, nullptr);
        if (!slot) return;
        const std::lock_guard lock{slot->mutex};
        slot->wanted = false;
    }

    // Waits until the threads of all jobs, including forgotten ones, have ended. false: some still run after
    // `timeout`; exit with quick_exit() then. Blocks; call it from any thread except a job's.
    static bool wait_for_all(std::chrono::milliseconds timeout);

private:
    struct Slot {
        std::mutex mutex;
        bool wanted = true;
    };
    // false: too many jobs are stuck, or no thread can be created.
    static bool run(std::function<void()> job);

    std::shared_ptr<Slot> slot_;
};

} // namespace agenthost::host

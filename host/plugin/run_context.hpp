// Runs the plugin code that abi.h marks [run]: on the worker pool, or inline on the main thread. Work that
// arrives before release() waits; it is bounded by its sources, loop and calls. Owned by Life.
#pragma once

#include "main_thread.hpp"
#include "worker_pool.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace agenthost::host {

class Life;

class RunContext {
public:
    struct Options {
        bool by_workers = true;
        std::shared_ptr<MainThread> main;
        // Once the owner has ended, work on the main thread is dropped.
        std::shared_ptr<const std::weak_ptr<Life>> owner;
    };
    RunContext(Options options, std::uint32_t threads, std::uint32_t queue, WorkerPool::Serve serve,
               WorkerPool::Returned returned)
        : options_{std::move(options)}, by_workers_{options_.by_workers}, pool_{threads, queue,
                                                                                std::move(serve),
                                                                                std::move(returned)}
    {}

    // Main thread. start() creates the workers; it returns an error if it cannot. release() then runs what
    // waited.
    std::string start();
    void release();
    void soon(std::function<void()>); // [any]
    // Main thread. Moves an inline plugin that blocked to the worker pool. Returns false, and changes
    // nothing, if threads cannot be created.
    bool use_workers();

    [[nodiscard]] bool by_workers() const { return by_workers_; }
    [[nodiscard]] bool all_workers_held() const { return by_workers_ && pool_.held() >= pool_.size(); }
    [[nodiscard]] WorkerPool& pool() { return pool_; }
    [[nodiscard]] const WorkerPool& pool() const { return pool_; }

private:
    const Options options_;
    std::atomic<bool> by_workers_;
    std::mutex mutex_; // protects open_ and early_
    bool open_ = false;
    std::deque<std::function<void()>> early_;
    WorkerPool pool_; // last, because its threads use the other members
};

} // namespace agenthost::host

// Threads that run jobs in the order that Schedule decides. A thread is created when there is work and none
// is idle, up to one per slot that Schedule may ever give plus one, so that a delete never waits for a slot.
#pragma once

#include "schedule.hpp"

#include "base/cancel.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace agenthost::storage {

// A piece of work. It answers its request itself in every case.
class Work {
public:
    virtual ~Work() = default;
    // Called once; may be cancelled before or meanwhile. `ticket`: for Pool::opened; 0 if it was cancelled
    // while waiting.
    virtual void run(Ticket ticket) = 0;
    [[nodiscard]] base::Cancel& cancel() { return cancel_; }
    // Cancels it because the plugin stops.
    void stop()
    {
        stopping_ = true;
        cancel_.set();
    }
    [[nodiscard]] bool stopping() const { return stopping_; }

private:
    base::Cancel cancel_;
    std::atomic<bool> stopping_{false};
};

class Pool {
public:
    Pool(unsigned slots, std::size_t max_waiting)
        : schedule_{slots, max_waiting}, max_threads_{schedule_.max_running_slots() + 1}
    {}
    ~Pool() { stop(); }

    // `first` runs before any job, on one of the threads.
    void start(std::function<void()> first);
    void stop(); // cancels everything, runs waiting work so that it is answered, joins

    bool submit(Schedule::Job, std::shared_ptr<Work>); // false: too many wait, or stopped
    void opened(Ticket);                               // see Schedule
    void run_cancelled(); // call after setting a cancel: cancelled waiting work runs at once, to answer

    struct Load {
        std::size_t waiting = 0;
        unsigned running = 0;
    };
    [[nodiscard]] Load load() const;

private:
    void spawn(std::function<void()> first = nullptr);
    void wake(); // and adds a thread if there is work and none is idle
    void loop();
    void withdraw_cancelled();
    std::shared_ptr<Work> next(std::unique_lock<std::mutex>&, Ticket&);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Schedule schedule_;
    std::map<Ticket, std::shared_ptr<Work>> works_; // waiting and running
    std::vector<std::shared_ptr<Work>> withdrawn_;  // cancelled while waiting
    std::size_t max_threads_, idle_ = 0, starting_ = 0;
    std::vector<std::thread> threads_;
    bool open_ = false, stopped_ = false;
};

} // namespace agenthost::storage

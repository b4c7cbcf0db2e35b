// A few threads for operations that block, shared fairly among callers: the order is that of Turns.
//
//     Pool pool{{.threads = 2, .max_waiting = 64}};
//     auto job = pool.submit([root](Cancel& cancel) { Control control{&cancel}; ... }, caller);
//     if (!job) ... BUSY, nothing was done ...
//     job->set();                                   // cancels it, waiting or running
//
// submit(), set() and withdraw() never block and may be called on an I/O thread. The destructor cancels all
// jobs, runs those that wait (so that each answers its request), and joins. An exception that leaves a job
// ends the job only. Threads beyond Options::threads are made when a caller that has nothing running needs
// one, 64 at most, and kept. Their disk I/O has the lowest best-effort priority.
#pragma once

#include "cancel.hpp"
#include "turns.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace agenthost::base {

class Pool {
public:
    using Job = std::function<void(Cancel&)>;
    struct Options {
        unsigned threads = 2;
        std::size_t max_waiting = 64;
    };

    explicit Pool(Options);
    ~Pool() { stop(); }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // nullptr: the caller's share is used up, or the pool stops.
    std::shared_ptr<Cancel> submit(Job, std::string_view caller = {});
    // Takes a job that waits out of the queue, so that whoever cancels it can run it at once, to answer.
    // Empty: it does not wait.
    Job withdraw(const std::shared_ptr<Cancel>&);
    // What the destructor does.
    void stop();
    [[nodiscard]] std::size_t waiting() const;
    // Why submit() returned nullptr: a clause for its caller.
    [[nodiscard]] std::string no_place(std::string_view caller) const;

private:
    using Ticket = Turns::Ticket;
    struct Task {
        Job job;
        std::shared_ptr<Cancel> cancel;
    };
    void spawn();
    void run_next();
    void loop();

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Turns turns_;
    std::map<Ticket, Task> tasks_; // waiting and running
    std::deque<Ticket> ready_;     // have a slot, and no thread yet
    bool stopped_ = false;
    std::vector<std::thread> threads_;
};

} // namespace agenthost::base

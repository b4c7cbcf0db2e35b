// A few threads for operations that block. Jobs start in the order of submission.
//
//     Pool pool{{.threads = 2, .max_waiting = 64}};
//     auto job = pool.submit([root](const base::Cancel& cancel) { Control control{&cancel}; ... post the result ... });
//     if (!job) ... BUSY, nothing was done ...
//     job->set();                                   // cancels it, waiting or running
//
// submit() and set() never block and may be called on an I/O thread. The destructor cancels all jobs, runs
// those that wait (so that each answers its request), and joins. An exception that leaves a job ends the job
// only.
#pragma once

#include "base/cancel.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace agenthost::docker::files {

class Pool {
public:
    using Job = std::function<void(const base::Cancel&)>;
    struct Options {
        unsigned threads = 2;
        std::size_t max_waiting = 64;
    };

    explicit Pool(Options);
    ~Pool() { stop(); }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // nullptr: too many wait, or the pool stops.
    std::shared_ptr<base::Cancel> submit(Job);
    // What the destructor does.
    void stop();
    [[nodiscard]] std::size_t waiting() const;

private:
    struct Task {
        Job job;
        std::shared_ptr<base::Cancel> cancel;
    };
    void loop();

    const Options options_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> waiting_;
    std::set<std::shared_ptr<base::Cancel>> running_;
    bool stopped_ = false;
    std::vector<std::thread> threads_;
};

} // namespace agenthost::docker::files

// Two threads for disk access, so that I/O threads never block on it. The queue needs no bound: a connection
// has at most one job in it, and connections are bounded. Thread-safe; owned by the Server.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace agenthost::host::listener {

class DiskPool {
public:
    explicit DiskPool(unsigned max_threads = 2) : max_threads_{max_threads} {}
    ~DiskPool() { end(); }

    // Threads start with the first job. Nothing runs after end().
    void run(std::function<void()> job);
    // Runs the queued jobs, then joins the threads.
    void end();

private:
    void grow();
    void work();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    const unsigned max_threads_;
    unsigned idle_ = 0;
    bool stop_ = false;
    std::vector<std::thread> threads_;
};

} // namespace agenthost::host::listener

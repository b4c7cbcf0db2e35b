// Two threads for disk access, so that I/O threads never block on it. The queue needs no bound: a connection
// has at most one job in it, and connections are bounded.
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
    explicit DiskPool(unsigned threads = 2) : most_{threads} {}
    ~DiskPool() { end(); }

    void run(std::function<void()> job); // threads start with the first job; nothing runs after end()
    void end();                          // runs queued jobs, then joins

private:
    void grow();
    void work();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    unsigned most_, idle_ = 0;
    bool stop_ = false;
    std::vector<std::thread> threads_;
};

} // namespace agenthost::host::listener

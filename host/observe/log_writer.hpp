// Writes finished lines to a descriptor on its own thread, so that a reader that does not read (a full pipe,
// a stopped terminal) blocks neither the threads that log nor the exit of the process.
//
// Thread-safe. Bounds: 512 lines wait, then the oldest is dropped and counted; stop() waits for the rest, at
// most for its timeout.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace agenthost::host::log {

class LogWriter {
public:
    static constexpr std::size_t max_waiting = 512;
    explicit LogWriter(int fd);
    ~LogWriter() { stop(std::chrono::milliseconds{0}); }
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    void add(std::string line);
    // Writes the waiting lines. After `timeout` the rest is counted as lost; a thread that hangs in the
    // kernel is abandoned.
    void stop(std::chrono::milliseconds timeout);
    [[nodiscard]] std::uint64_t lost() const { return shared_->lost; }

    // Writes without the thread; false: not written within `timeout`.
    static bool write_now(int fd, std::string_view line, std::chrono::milliseconds timeout);

private:
    struct Shared { // outlives the writer if the thread is abandoned
        int fd = -1;
        bool is_socket = false;
        std::mutex mutex;
        std::condition_variable wake, ended;
        std::deque<std::string> waiting;
        bool stopping = false, over = false;
        std::atomic<bool> give_up{false};
        std::atomic<std::uint64_t> lost{0};
    };
    static void run(Shared&);
    static bool put(Shared&, std::string_view line);

    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

} // namespace agenthost::host::log

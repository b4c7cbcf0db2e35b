// Runs calls that may block (libusb_open, claim, close, sysfs) on threads that exist only while there is
// work. A call that never returns occupies one thread; other calls continue as long as fewer than
// `max_threads` hang.
//
// Threads: all functions may be called on any thread. The threads are detached: the destructor waits for no
// call, so a call must own what it uses.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace agenthost::printer::usb {

class Workers {
public:
    static constexpr std::size_t max_threads = 8;

    Workers();
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // Queued when all threads are busy. The Bus bounds the queue: it examines a bounded number of devices at once,
    // and each open printer has at most one call for each endpoint and one that closes it.
    void run(std::function<void()> call);

    // Calls that no thread has begun.
    [[nodiscard]] std::size_t waiting() const;

    // Calls may keep a copy: it tells whether the Workers are being destroyed, so that a wait can end early.
    class Stop {
    public:
        // Waits for `time`, or less if there is a stop. Returns whether there is one.
        bool wait(std::chrono::milliseconds time) const;

    private:
        friend class Workers;
        struct State;
        std::shared_ptr<State> state_;
    };
    [[nodiscard]] Stop stop() const { return stop_; }
    // Makes all calls of wait() return.
    void request_stop();
    // Returns whether every call has returned.
    bool wait_idle(std::chrono::milliseconds timeout);

private:
    static void loop(const std::shared_ptr<Stop::State>&);
    Stop stop_;
};

} // namespace agenthost::printer::usb

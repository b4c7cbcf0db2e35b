// Runs calls that may block (libusb_open, claim, close, sysfs) on threads that exist only while there is
// work. A call that never returns occupies one thread and stops nobody else, as long as fewer than
// `max_threads` hang.
//
// Threads: all functions may be called on any thread. The threads belong to no one: whoever destroys this
// waits for no call, and what a call needs, it must own.
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

    // Queued when all threads are busy. The queue is bounded by its users: a few calls a device.
    void run(std::function<void()> call);

    // The part that calls may keep: whether this is being destroyed, so that waiting for something makes no
    // sense.
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
    // Calls in wait() return from now on.
    void request_stop();
    // Returns whether every call has returned.
    bool wait_idle(std::chrono::milliseconds timeout);

private:
    static void loop(const std::shared_ptr<Stop::State>&);
    Stop stop_;
};

} // namespace agenthost::printer::usb

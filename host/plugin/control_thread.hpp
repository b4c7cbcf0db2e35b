// A plugin's control thread: makes life-cycle calls one after the other, each with a timeout, so that a
// hanging plugin does not block anything else.
//
// A call that does not return in time is abandoned: `done` reports it at once, and the detached thread keeps
// hanging until the process ends, because a thread cannot be stopped safely. If it returns later, `late` runs
// on it and cleans up. Threads: run(), destructor: main.
#pragma once

#include "main_thread.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace agenthost::host {

class ControlThread {
public:
    enum class Ended { in_time, too_late };
    struct Op {
        std::chrono::milliseconds timeout{};
        std::function<std::string()> work; // control thread; returns the problem, empty on success
        std::function<void(Ended, std::string problem)>
            done;                   // main thread, exactly once, unless the ControlThread is gone
        std::function<void()> late; // control thread, optional: work() returned after it was abandoned
    };

    explicit ControlThread(std::shared_ptr<MainThread>);
    ~ControlThread(); // joins if idle; else abandons the running call and detaches

    ControlThread(const ControlThread&) = delete;
    ControlThread& operator=(const ControlThread&) = delete;

    void run(Op); // the timeout starts here, including time in the queue

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::host

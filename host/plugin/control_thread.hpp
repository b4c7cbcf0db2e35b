// A plugin's control thread: life-cycle calls one after the other, each under a timeout, so that a plugin
// that hangs stops nobody else.
//
// What does not return in time is given up: `done` says so at once, and the thread goes on hanging, detached,
// until the process ends; no way exists to stop a thread safely. Should it come back later, `late` runs on it
// and cleans up. Threads: run(), destructor: main.
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
        std::function<std::string()> work; // control thread; returns the problem, empty when it worked
        std::function<void(Ended, std::string problem)>
            done;                   // main thread, exactly once, unless the ControlThread is gone
        std::function<void()> late; // control thread, optional: work() returned after it was given up
    };

    explicit ControlThread(std::shared_ptr<MainThread>);
    ~ControlThread(); // joins when idle; else gives up what runs and detaches

    ControlThread(const ControlThread&) = delete;
    ControlThread& operator=(const ControlThread&) = delete;

    void run(Op); // the timeout counts from here, behind others in the queue or not

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace agenthost::host

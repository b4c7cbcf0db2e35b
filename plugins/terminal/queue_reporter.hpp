// Reports the commands' positions when the queue has changed: to each caller that waits, and to each server
// by the event terminal.command_queue with its own commands. Loop thread.
#pragma once

#include "job.hpp"
#include "queue.hpp"
#include "telemetry.hpp"

#include <agenthost/context.hpp>

#include <set>
#include <string>

namespace agenthost::terminal {

class QueueReporter {
public:
    QueueReporter(Loop& loop, Context& context, const Queue<JobPtr>& queue, Telemetry& telemetry)
        : loop_{loop}, context_{context}, queue_{queue}, telemetry_{telemetry}
    {}

    void changed(); // several changes in one turn of the loop are reported once

private:
    void send();

    Loop& loop_;
    Context& context_;
    const Queue<JobPtr>& queue_;
    Telemetry& telemetry_;
    bool due_ = false;
    std::set<std::string> informed_; // servers whose last event had a queue that was not empty
};

} // namespace agenthost::terminal

// Runs commands: admits them, starts them when it is their turn, and finds them for the other actions.
// Handlers come on the host's thread and only hand over; everything else is the loop's.
//
// More than 25 members: each action and each event of a job is a function.
#pragma once

#include "command_limits.hpp"
#include "config.hpp"
#include "job.hpp"
#include "job_table.hpp"
#include "loop.hpp"
#include "output_storage.hpp"
#include "queue.hpp"
#include "queue_reporter.hpp"
#include "telemetry.hpp"
#include "users.hpp"

#include <agenthost/plugin.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace agenthost::terminal {

class Service final : public JobOwner {
public:
    Service(Context&, Config);
    ~Service() override;

    void start();           // [ctl] throws Error
    void configure(Config); // [ctl] for commands to come; throws Error
    void drain();           // [ctl]
    Health health();        // [ctl]

    // Actions, on the host's thread.
    void run(Request);
    void interrupt(Request);
    void input(Request);
    void resize(Request);
    void list(Request);
    void attach(Request);

private:
    template <class F> void on_loop(Request, F); // errors thrown there become the answer
    void admit_and_queue(Request&);
    void begin_next();

    // JobOwner
    void started(const Job&) override;
    void ended(Job&) override;
    void settled() override { jobs_.tidy_soon(); }
    void cancelled(Job&) override;

    Context& context_;
    const std::string helper_;
    std::shared_ptr<const Config> config_;
    std::shared_ptr<const Users> users_;
    Loop loop_;
    CommandLimits limits_;
    OutputStorage storage_;
    Queue<JobPtr> queue_;
    JobTable jobs_;
    Telemetry telemetry_;
    QueueReporter queue_reporter_;
    const std::string boot_; // makes generated ids unique across restarts
    std::uint64_t last_id_ = 0;
    bool draining_ = false;
};

} // namespace agenthost::terminal

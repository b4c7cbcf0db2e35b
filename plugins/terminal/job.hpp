// One command from its request to its result: it waits, runs, and is kept for a while; its output is sent to
// all requests for it. Loop thread.
//
// execution.hpp has its process, readers.hpp the requests that are served. Readers are served to the last
// byte, then the request is answered.
//
// More than 25 members: it is the owner that Execution and Readers call back.
#pragma once

#include "execution.hpp"
#include "readers.hpp"

#include <agenthost/request.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::terminal {

class Job;

// Receives the events of a job.
class JobOwner {
public:
    virtual ~JobOwner() = default;
    virtual void started(const Job&) = 0;
    virtual void ended(Job&) = 0;     // its slot is free; readers may still be served
    virtual void settled() = 0;       // an ended job has no reader and no process left
    virtual void cancelled(Job&) = 0; // while it waits in the queue
};

class Job final : private Readers::Command,
                  private Execution::Owner,
                  public std::enable_shared_from_this<Job> {
public:
    enum class State { queued, running, ended };

    Job(JobOwner&, const CommandParts&, terminal::Command);

    void add_runner(Request); // the request that runs it
    void attach(Request, const AttachParams&);
    void start();
    void never_ran(Reason);                   // it was removed from the queue
    void report_queued(std::size_t position); // 0: it starts at once
    void interrupt(Reason, bool force);
    // The plugin stops: cuts off the readers and answers the request as interrupted.
    void abandon();

    [[nodiscard]] const terminal::Command& command() const { return command_; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool settled() const;
    [[nodiscard]] Execution& execution() { return execution_; }
    [[nodiscard]] const Execution& execution() const { return execution_; }

private:
    void listen_to(Reader&);
    void cancel(agh_req);
    // Readers::Command
    [[nodiscard]] std::string result(const Reader&, bool runs_it) const override;
    void hold(bool) override;
    void reader_left() override;
    // Execution::Owner
    [[nodiscard]] std::shared_ptr<const void> keep_alive() override { return shared_from_this(); }
    void failed(std::string_view code, const std::string& why, std::uint32_t how) override;
    void finished() override;
    void ended() override { owner_.ended(*this); }
    void gone() override { reader_left(); }

    JobOwner& owner_;
    Loop& loop_;
    terminal::Command command_;
    State state_ = State::queued;
    Execution execution_;
    Readers readers_;
};

using JobPtr = std::shared_ptr<Job>;

} // namespace agenthost::terminal

// One command from its request to its result: waits, runs, is ended, is remembered for a while. Loop thread.
//
// The exit is the process's, not a pipe's: when the command has ended the helper kills what it left behind, then what is still in
// the pipes is read, then readers are served to the last byte, then the request is answered.
#pragma once

#include "config.hpp"
#include "loop.hpp"
#include "params.hpp"
#include "policy.hpp"
#include "process.hpp"
#include "readers.hpp"
#include "rules.hpp"
#include "typed.hpp"
#include "user.hpp"

#include <agenthost/request.hpp>

#include <memory>
#include <string>

namespace agenthost::terminal {

class Job;

// What a job needs of the service.
class JobOwner {
public:
    virtual ~JobOwner() = default;
    virtual Loop& loop() = 0;
    virtual Cgroup make_cgroup(const Config&) = 0;
    virtual std::string ring_file(const Job&) = 0;
    virtual WindowBudget& window_budget() = 0;
    virtual void started(Job&) = 0;
    virtual void outside_cgroup() = 0; // a command could not be put into its cgroup
    virtual void ended(Job&) = 0;      // its slot is free; readers may still be served
    virtual void settled() = 0;        // one that has ended has no reader and no process any more
    virtual void cancelled(Job&) = 0;  // while it waits in the queue
    virtual void writable_later(std::weak_ptr<Job>, agh_req) = 0; // [any]
    virtual void cancel_later(std::weak_ptr<Job>, agh_req) = 0;   // [any]
};

class Job : public Watcher, private Readers::Command, public std::enable_shared_from_this<Job> {
public:
    enum class State { queued, running, ended };

    Job(JobOwner&, std::shared_ptr<const Config>, User, Admitted, RunParams, std::string id,
        std::string server);
    ~Job() override;
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    void add_runner(Request); // the request that runs it
    void attach(Request, const AttachParams&);
    void start();
    void interrupt(Reason, bool force);
    void never_ran(Reason);                // it was taken out of the queue
    void say_queued(std::size_t position); // 0: it starts at once
    [[nodiscard]] Typing input(const InputParams&, std::string& why);
    void resize(Size);
    void writable(agh_req id) { readers_.writable(id); }
    void cancel(agh_req);
    // The readers are cut off and the request is answered as interrupted: the plugin ends.
    void abandon();

    void ready(int fd, std::uint32_t events) override;

    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] const std::string& server() const { return server_; }
    [[nodiscard]] Priority priority() const { return params_.priority; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool settled() const { return state_ == State::ended && readers_.empty() && !process_; }
    [[nodiscard]] Clock::time_point ended_at() const { return ended_; }
    [[nodiscard]] std::uint64_t typed() const { return typed_.count(); }
    [[nodiscard]] std::uint64_t bytes() const;
    [[nodiscard]] Reason reason() const;
    [[nodiscard]] int exit_code() const;
    [[nodiscard]] bool has_pty() const { return params_.pty.has_value(); }
    [[nodiscard]] std::string describe() const; // for terminal.list: a JSON object
    [[nodiscard]] const std::string& program() const { return what_.program; }
    [[nodiscard]] const std::string& user() const { return user_.name; }

private:
    void on_control();
    void on_gone();
    void step(Ending::Step);
    void read(base::Fd&, std::size_t channel);
    void look_at_fds(); // which events are wanted now
    void listen_to(Reader&);
    [[nodiscard]] std::string result(const Reader&, bool runs_it) const override;
    void hold(bool) override;
    void reader_left() override;
    void write_input();
    void finish_when_drained();
    void fail(std::string_view code, const std::string& why, std::uint32_t how = not_started);
    void close_fd(base::Fd&);
    void drop_process();

    JobOwner& owner_;
    std::shared_ptr<const Config> config_;
    const User user_;
    const Admitted what_;
    RunParams params_;
    const std::string id_, server_;
    State state_ = State::queued;
    std::unique_ptr<Process> process_;
    Outputs outputs_;
    Readers readers_;
    bool gone_ = false, exited_ = false;
    Ending ending_;
    Typed typed_;
    Loop::Timer timeout_ = 0, grace_ = 0, stuck_ = 0;
    Clock::time_point queued_, started_, ended_;
    int status_ = 0; // wait status
    Usage usage_;
};

} // namespace agenthost::terminal

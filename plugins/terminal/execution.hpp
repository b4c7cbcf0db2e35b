// Runs a command's process: starts it, follows its state and ends it. Finished when all its processes are
// gone and their output is read. CommandIo handles the pipes, Termination the steps of ending it. Loop
// thread.
//
// A command ends when its own process exits, not when a pipe closes: then the helper kills the remaining
// processes, and what is left in the pipes is read.
//
// More than 25 members, because start, requests and each message of the helper depend on the same few flags.
#pragma once

#include "command_io.hpp"
#include "command_limits.hpp"
#include "config.hpp"
#include "loop.hpp"
#include "outcome.hpp"
#include "output_storage.hpp"
#include "params.hpp"
#include "policy.hpp"
#include "process.hpp"
#include "readers.hpp"
#include "termination.hpp"
#include "user.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::terminal {

// What is run, and for whom.
struct Command {
    std::shared_ptr<const Config> config;
    User user;
    Admitted what;
    RunParams params;
    std::string id, server;
};

// What all commands share. Outlives them.
struct CommandParts {
    Loop& loop;
    CommandLimits& limits;
    OutputStorage& storage;
};

class Execution final : public Watcher {
public:
    class Owner {
    public:
        virtual ~Owner() = default;
        // The owner is not destroyed before the result is released.
        [[nodiscard]] virtual std::shared_ptr<const void> keep_alive() = 0;
        // It was not run.
        virtual void failed(std::string_view code, const std::string& why, std::uint32_t how) = 0;
        virtual void finished() = 0; // all output has been read
        virtual void ended() = 0;    // after failed() or finished(): its slot is free
        virtual void gone() = 0;     // the helper has ended, if later than that
    };

    Execution(Owner&, const CommandParts&, Command&, Readers&);
    ~Execution() override;
    Execution(const Execution&) = delete;
    Execution& operator=(const Execution&) = delete;

    bool start(); // false: failed() was called
    void interrupt(Reason, bool force);
    void never_ran(Reason); // in place of start()
    void hold(bool);        // pauses or resumes reading its output
    [[nodiscard]] StdinResult input(const InputParams&, std::string& why);
    void resize(Size);
    void ready(int fd, std::uint32_t events) override;

    [[nodiscard]] const Outcome& outcome() const { return outcome_; }
    [[nodiscard]] const CommandIo& io() const { return io_; }
    [[nodiscard]] bool has_process() const { return process_ != nullptr; }
    [[nodiscard]] pid_t pid() const { return process_ ? process_->pid() : 0; } // of the command; 0: none

private:
    void on_control();
    void on_pidfd();
    void exited(int status);
    void act(Ending::Step);
    void finish_when_drained();
    void fail(std::string_view code, const std::string& why, std::uint32_t how = not_started);
    void drop_process();

    Owner& owner_;
    const CommandParts parts_;
    Command& command_;
    CommandIo io_;
    std::unique_ptr<Process> process_;
    Termination termination_;
    Outcome outcome_;
    Loop::Timer stuck_ = 0;
    bool exited_ = false; // the command itself
    bool gone_ = false;   // all its processes have ended
    bool over_ = false;   // and its output has been read; or it never ran
};

} // namespace agenthost::terminal

#include "execution.hpp"

#include <sys/epoll.h>

#include <cerrno>
#include <csignal>

namespace agenthost::terminal {

namespace {

using namespace std::chrono_literals;

// A process that SIGKILL does not end by then is stuck in the kernel.
constexpr auto stuck_after = 10s;

// The caller's timeout, limited by the configured one. 0: none.
Clock::duration timeout_of(const Config& config, const RunParams& params)
{
    const bool shorter = params.timeout && params.timeout->count() > 0 &&
                         (config.timeout.count() == 0 || *params.timeout < config.timeout);
    return shorter ? *params.timeout : config.timeout;
}

std::string_view code_of(int error)
{
    if (error == ENOENT || error == ENOTDIR) return "FILE_NOT_FOUND";
    if (error == EACCES || error == EPERM || error == ELOOP) return "DENIED";
    return "INTERNAL";
}

} // namespace

Execution::Execution(Owner& owner, const CommandParts& parts, Command& command, Readers& readers)
    : owner_{owner}, parts_{parts}, command_{command}, io_{parts.loop, *this, readers, parts.storage,
                                                           command.config->ring},
      termination_{parts.loop, command.config->grace, [this](Ending::Step step) { act(step); }}
{
    outcome_.queued = parts.loop.now();
}

Execution::~Execution()
{
    parts_.loop.cancel(stuck_);
    drop_process();
}

void Execution::drop_process()
{
    if (!process_) return;
    io_.forget();
    parts_.loop.forget(process_->control());
    parts_.loop.forget(process_->pidfd());
    process_.reset();
}

// ---- start ----

bool Execution::start()
{
    outcome_.started = Clock::now();
    RunParams& params = command_.params;
    const bool has_input = params.input || params.keep_input;
    try {
        process_ = std::make_unique<Process>(Launch{.what = command_.what,
                                                    .user = command_.user,
                                                    .limits = command_.config->limits,
                                                    .pty = params.pty,
                                                    .input = has_input,
                                                    .helper = command_.config->helper},
                                             parts_.limits.make(*command_.config));
    } catch (const std::exception& e) {
        fail("INTERNAL", e.what());
        return false;
    }
    parts_.loop.watch(process_->control(), EPOLLIN, *this);
    parts_.loop.watch(process_->pidfd(), EPOLLIN, *this);
    termination_.set_timeout(timeout_of(*command_.config, params));
    io_.open(*process_, std::move(params.input).value_or(""), has_input && !params.keep_input && !params.pty);
    params.input.reset(); // it may contain secrets
    return true;
}

void Execution::fail(std::string_view code, const std::string& why, std::uint32_t how)
{
    over_ = true;
    outcome_.ended = parts_.loop.now();
    outcome_.status = 127 << 8;
    termination_.stop();
    io_.close();
    owner_.failed(code, why, how);
    owner_.ended();
}

void Execution::never_ran(Reason reason)
{
    termination_.ask(reason, true);
    over_ = true;
    outcome_.status = SIGINT;
    outcome_.ended = parts_.loop.now();
}

// ---- end ----

void Execution::interrupt(Reason reason, bool force)
{
    if (process_ && !exited_ && !over_) termination_.ask(reason, force);
}

void Execution::act(Ending::Step step)
{
    outcome_.asked = termination_.reason();
    if (!process_) return;
    switch (step) {
    case Ending::Step::none: return;
    case Ending::Step::interrupt: return process_->interrupt();
    case Ending::Step::terminate:
        if (process_->is_pty()) process_->signal_all(SIGHUP); // a shell at its prompt ignores SIGTERM
        return process_->signal_all(SIGTERM);
    case Ending::Step::kill: return process_->kill();
    }
}

void Execution::ready(int fd, std::uint32_t events)
{
    const auto alive = owner_.keep_alive(); // a callback may release the last reference
    if (!process_) return;
    if (fd == process_->control()) return on_control();
    if (fd == process_->pidfd()) {
        if (process_->on_pidfd()) on_pidfd();
        return;
    }
    io_.ready(fd, events);
    if (gone_) finish_when_drained();
}

void Execution::exited(int status)
{
    exited_ = true;
    outcome_.status = status;
    outcome_.ended = Clock::now();
    // A later timeout or interrupt, while readers still take the output, has no effect.
    termination_.stop();
}

void Execution::on_control()
{
    const Process::Report report = process_->on_control();
    if (report.failed)
        return fail(code_of(report.error), failure(report.stage, report.error, command_.what, command_.user));
    if (report.outside) parts_.limits.outside_cgroup();
    if (report.exited && !exited_) {
        exited(*process_->status());
        stuck_ = parts_.loop.after(stuck_after, [this] {
            stuck_ = 0;
            gone_ = true;
            finish_when_drained();
        });
    }
    if (report.gone) { // no process is left; no need to wait until the helper has ended and is reaped
        parts_.loop.cancel(stuck_);
        gone_ = true;
        return finish_when_drained();
    }
    if (!report.started && !report.exited) // end of file: the rest comes by pidfd
        parts_.loop.forget(process_->control());
}

// The helper has ended.
void Execution::on_pidfd()
{
    parts_.loop.forget(process_->pidfd());
    on_control(); // reads its last messages
    if (!process_) return;
    parts_.loop.forget(process_->control());
    parts_.loop.cancel(stuck_);
    if (over_) { // it was answered before the helper ended
        drop_process();
        return owner_.gone();
    }
    if (process_->pid() == 0) {
        drop_process();
        return fail("INTERNAL",
                    "terminal-exec was killed before it could say whether the command began; the kernel's "
                    "log may say why",
                    outcome_unknown);
    }
    if (!exited_) exited(process_->status().value_or(SIGKILL));
    gone_ = true;
    finish_when_drained();
}

// All processes are gone, so the pipes contain all remaining output. This does not wait for end of file,
// because a process outside may hold a descriptor (passed over a socket).
void Execution::finish_when_drained()
{
    if (over_ || !io_.drain()) return; // hold(false) calls it again
    over_ = true;
    outcome_.usage = process_->usage();
    termination_.stop();
    io_.close();
    owner_.finished();
    // After the answer, because it removes the cgroup. If the helper has not ended yet, on_pidfd() does it
    // later.
    if (process_->on_pidfd()) drop_process();
    owner_.ended();
}

// ---- while it runs ----

void Execution::hold(bool on)
{
    io_.watch();
    if (!on && gone_) finish_when_drained();
}

StdinResult Execution::input(const InputParams& params, std::string& why)
{
    return io_.add(params, process_ && !exited_ && !over_, why);
}

void Execution::resize(Size size)
{
    if (process_)
        process_->resize(size);
    else if (command_.params.pty)
        command_.params.pty = size; // still queued; it starts with the latest size
}

} // namespace agenthost::terminal

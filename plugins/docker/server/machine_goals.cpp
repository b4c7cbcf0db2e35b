// How each goal is reached, one engine call at a time, from what inspect last showed.
#include "machine.hpp"

#include <utility>

namespace agenthost::docker::server {

void Machine::advance()
{
    // Each round ends a goal or moves within one; there are only as many as goals in a row.
    for (int rounds = 0; rounds < 16; ++rounds) {
        if (away_ || gone_ || effects_.armed(Timer::retry)) return;
        if (!calls_.known()) {
            if (!calls_.looking()) look();
            return;
        }
        if (!drive()) return;
    }
}

bool Machine::drive()
{
    switch (record_.goal) {
    case Goal::none: return settle();
    case Goal::install: return drive_install();
    case Goal::start: return drive_start();
    case Goal::stop:
    case Goal::restart: return drive_stop();
    case Goal::kill: return drive_kill();
    case Goal::remove: return drive_remove();
    }
    return false;
}

// Nobody asked for anything: keep the desired state.
bool Machine::settle()
{
    if (calls_.running()) {
        const bool loose = std::exchange(loose_start_, false);
        if (record_.wants_running) return false;
        if (loose) {
            attempt_ = {};
            record_.goal = Goal::stop;
            return true;
        }
        record_.wants_running = true; // by hand, with another tool: whoever did so wants it
        say(settings_.name + " was started outside agenthost.");
        return false;
    }
    const bool start =
        record_.wants_running && !record_.gave_up && !backing_off_ && record_.install == Install::done;
    if (!start) return false;
    attempt_ = {};
    record_.goal = Goal::start;
    return true;
}

bool Machine::drive_start()
{
    if (calls_.running()) {
        loose_start_ = false;
        finish(Verdict::ok, {});
        return true;
    }
    if (calls_.working()) return false;
    if (attempt_.failure) return fail_start(*attempt_.failure);
    switch (attempt_.progress) {
    // Only for a caller who waits for the answer: the engine says so itself when it starts the container.
    case Progress::none: call(requests_.pending() ? Verb::check_ports : Verb::pull); return false;
    case Progress::checked: call(Verb::pull); return false;
    case Progress::pulled: call(Verb::create); return false;
    case Progress::created: call(Verb::start); return false;
    default:
        return fail_start({code::docker_error, "the engine reported that it started " + settings_.name +
                                                   ", but the container does not run."});
    }
}

// A person gets the error and decides, also after a restart of the agent. Otherwise the start is retried as after a crash; a restart took a server
// down that ran, so it is retried as well.
bool Machine::fail_start(Problem problem)
{
    if (record_.asked) {
        record_.wants_running = false;
        record_.fault = reason_ = problem;
    } else {
        crashed(problem, milliseconds{0}, settings_.restart_after_crash);
    }
    finish(Verdict::failed, problem);
    return true;
}

bool Machine::drive_stop()
{
    const bool ended_run = attempt_.asked || attempt_.out_of_time;
    if (calls_.running() && record_.goal == Goal::restart && !ended_run &&
        attempt_.progress != Progress::pulled)
        return pull_for_restart();
    if (calls_.running()) return stop_server();
    if (!calls_.idle()) return false; // it must not hit the next run
    const auto late = killed_late();
    if (record_.goal == Goal::stop) {
        if (late) reason_ = *late;
        finish(Verdict::ok, {});
        return true;
    }
    if (late) say(late->message);
    const Progress progress = attempt_.progress;
    attempt_ = {};
    if (progress == Progress::pulled) attempt_.progress = progress;
    effects_.disarm(Timer::stop);
    effects_.disarm(Timer::kill);
    record_.goal = Goal::start;
    return true;
}

// A server whose image cannot be pulled runs on.
bool Machine::pull_for_restart()
{
    if (calls_.working()) return false;
    if (!attempt_.failure) {
        call(Verb::pull);
        return false;
    }
    reason_ = *attempt_.failure;
    finish(Verdict::failed, Problem{reason_});
    return true;
}

// A caller who gives no time has asked for SIGKILL.
std::optional<Problem> Machine::killed_late() const
{
    const milliseconds timeout = record_.stop.timeout.value_or(settings_.stop_timeout);
    if (!attempt_.out_of_time || timeout <= milliseconds{0}) return std::nullopt;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout).count();
    return Problem{code::timeout, settings_.name + " did not end within " + std::to_string(seconds) +
                                      " s and was killed. Give stop_server more time, or correct the stop "
                                      "command or signal of its configuration."};
}

bool Machine::stop_server()
{
    if (attempt_.out_of_time) {
        if (!attempt_.killed) kill_now(Verb::kill);
    } else if (!attempt_.asked && !calls_.working()) {
        ask_to_stop();
    }
    return false;
}

void Machine::ask_to_stop()
{
    const milliseconds timeout = record_.stop.timeout.value_or(settings_.stop_timeout);
    attempt_.asked = true;
    record_.asked = false; // a run is ended for it
    if (timeout <= milliseconds{0}) {
        attempt_.out_of_time = true;
        return kill_now(Verb::kill);
    }
    const std::string signal = record_.stop.signal;
    if (signal.empty() && !settings_.stop_command.empty())
        call(Verb::type, settings_.stop_command);
    else
        call(Verb::signal, signal.empty() ? settings_.stop_signal : signal);
    effects_.arm(Timer::stop, timeout);
}

bool Machine::drive_kill()
{
    if (calls_.running() || calls_.installer_running()) {
        if (!attempt_.killed) kill_now(calls_.running() ? Verb::kill : Verb::remove_installer);
        return false;
    }
    if (!calls_.idle()) return false; // a start may still come up, and the kill must not hit the next run
    finish(Verdict::ok, {});
    return true;
}

bool Machine::drive_remove()
{
    if (calls_.working()) return false;
    call(attempt_.progress == Progress::containers_removed ? Verb::remove_files : Verb::remove_all);
    return false;
}

bool Machine::drive_install()
{
    if (!record_.install_over) {
        if (calls_.running()) return stop_server();
        if (!calls_.idle()) return false;
        effects_.disarm(Timer::stop);
        attempt_.asked = attempt_.out_of_time = false;
        if (settings_.installer) return drive_installer();
        record_.install = Install::done;
        finish(Verdict::ok, {});
        return true;
    }
    if (!calls_.idle()) return false;
    if (attempt_.progress != Progress::containers_removed) {
        call(Verb::remove_installer);
        return false;
    }
    if (!record_.fault.code.empty()) reason_ = record_.fault;
    finish(record_.fault.code.empty() ? Verdict::ok : Verdict::failed, Problem{record_.fault});
    return true;
}

bool Machine::drive_installer()
{
    if (attempt_.failure) {
        if (!calls_.installer_running()) return fail_install(*attempt_.failure);
        if (!attempt_.killed) kill_now(Verb::remove_installer);
        return false;
    }
    if (!record_.installer_ran) {
        if (attempt_.progress != Progress::pulled) {
            call(Verb::pull_installer);
            return false;
        }
        record_.install = Install::missing; // from now on, the files are no longer what they were
        call(Verb::run_installer);
        return false;
    }
    if (calls_.installer_running()) {
        if (!effects_.armed(Timer::install)) effects_.arm(Timer::install, settings_.install_timeout);
        return false;
    }
    const bool exited = calls_.view().installer.is == Container::exited;
    if (exited && calls_.view().installer.exit_code == 0) {
        record_.install = Install::done;
        record_.install_over = true;
        return true;
    }
    return fail_install(
        {code::config_invalid,
         "the install script of " + settings_.name +
             (exited ? " failed with exit code " + std::to_string(calls_.view().installer.exit_code)
                     : std::string{" lost its container"}) +
             ". Read its log with get_logs, then use reinstall_server."});
}

bool Machine::fail_install(const Problem& problem)
{
    if (record_.install == Install::missing) record_.install = Install::failed;
    record_.install_over = true;
    record_.wants_running = false;
    record_.fault = reason_ = problem;
    return true;
}

} // namespace agenthost::docker::server

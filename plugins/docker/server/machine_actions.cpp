// Power actions: accepted, queued, refused, pre-empted and answered.
#include "machine.hpp"

#include <utility>

namespace agenthost::docker::server {

namespace {

// A caller that is told "starting" after this long knows more than one that still waits.
constexpr milliseconds answer_after{10'000};
// A kernel delivers SIGKILL at once; what still runs after this long waits for a disk or a hanging runtime.
constexpr milliseconds kill_patience{10'000};

std::string text(const Power& power) { return std::string{to_string(power.action)} + " " + power.id; }

} // namespace

void Machine::on(const Power& power)
{
    if (away_)
        return refuse(
            power, "DOCKER_ERROR",
            "the engine does not answer. Check that it runs; the servers' desired states are kept.");
    if (record_.goal == Goal::remove) {
        if (power.action == Action::kill) return kill_while_removing(power);
        return refuse(power, "SERVER_NOT_FOUND", settings_.name + " is being deleted.");
    }
    if (power.action == Action::kill || power.action == Action::remove) return preempt(power);
    if (stuck_ != Stuck::no)
        return refuse(power, "BUSY",
                      settings_.name + " is stuck in the engine. kill_server tries to free it.");
    if (record_.goal == Goal::none) return begin(power);
    if (waiting_)
        return refuse(power, "BUSY",
                      (running_ ? text(*running_) : std::string{to_string(record_.goal)}) +
                          " is running and " + text(*waiting_) +
                          " waits. Try again when they are done, or use kill_server.");
    waiting_ = power;
}

void Machine::begin(Power power)
{
    switch (power.action) {
    case Action::install: return begin_install(std::move(power));
    case Action::start:
    case Action::restart: {
        if (!installed(power)) return;
        const Goal goal = power.action == Action::start ? Goal::start : Goal::restart;
        record_.wants_running = true;
        crashes_.forgive();
        return run(std::move(power), goal);
    }
    case Action::stop: record_.wants_running = false; return run(std::move(power), Goal::stop);
    case Action::kill:
    case Action::remove: return preempt(std::move(power)); // these never wait
    }
}

bool Machine::installed(const Power& power)
{
    if (record_.install == Install::done) return true;
    refuse(power, "CONFIG_INVALID",
           record_.install == Install::missing ? settings_.name + " is not installed. Use reinstall_server."
                                               : record_.fault.message);
    return false;
}

void Machine::begin_install(Power power)
{
    record_.wants_running = power.then_start;
    run(std::move(power), Goal::install);
}

void Machine::preempt(Power power)
{
    const Problem why{"CANCELLED", "pre-empted by " + text(power)};
    answer_running(Verdict::cancelled, why);
    running_.reset();
    if (waiting_) answer(waiting_->id, Verdict::cancelled, why);
    waiting_.reset();

    const bool installing = record_.goal == Goal::install && !record_.install_over;
    const bool installer =
        installing && (record_.installer_ran || (call_ && call_.verb == Verb::run_installer));
    const bool server = !known_ || !record_.run.empty() || (call_ && call_.verb == Verb::start);
    give_up_call();
    const bool unfinished = installing && record_.install == Install::missing;
    if (unfinished) record_.install = Install::failed;
    record_.wants_running = false;
    const Action action = power.action;
    run(std::move(power), action == Action::kill ? Goal::kill : Goal::remove);
    if (unfinished)
        record_.fault = {"CONFIG_INVALID", "the installation of " + settings_.name +
                                               " was ended by kill_server. Use reinstall_server."};
    if (action == Action::remove) return; // by force, once no other call works on the containers
    if (installer)
        kill_now(Verb::remove_installer);
    else if (server)
        kill_now(Verb::kill);
}

void Machine::kill_while_removing(const Power& power)
{
    if (running()) kill_now(Verb::kill);
    answer(power.id, Verdict::ok, {"", settings_.name + " is being deleted."});
}

// Whatever was in progress is over.
void Machine::run(Power power, Goal goal)
{
    record_.goal = goal;
    record_.installer_ran = record_.install_over = record_.gave_up = false;
    record_.fault = {};
    attempt_ = {};
    cancel_backoff();
    for (const Timer timer : {Timer::stop, Timer::kill, Timer::install}) disarm(timer);
    if (stuck_ != Stuck::no) unstick();
    running_ = std::move(power);
    answered_ = false;
    arm(Timer::answer, answer_after);
}

void Machine::finish(Verdict verdict, const Problem& problem)
{
    answer_running(verdict, problem);
    running_.reset();
    answered_ = false;
    record_.goal = Goal::none;
    record_.installer_ran = record_.install_over = false;
    attempt_ = {};
    give_up_call();
    for (const Timer timer : {Timer::stop, Timer::kill, Timer::install}) disarm(timer);
    if (stuck_ != Stuck::no) unstick();
    if (!waiting_) return;
    Power next = std::move(*waiting_);
    waiting_.reset();
    begin(std::move(next));
}

// A pull can be cancelled. What other calls do is found out when they are done.
void Machine::give_up_call()
{
    if (!call_) return;
    if (call_.verb != Verb::pull && call_.verb != Verb::pull_installer) {
        call_.abandoned = true;
        return;
    }
    effects_.emplace_back(CancelPull{call_.number});
    call_ = {};
}

void Machine::answer_running(Verdict verdict, const Problem& problem)
{
    if (running_ && !answered_) answer(running_->id, verdict, problem);
    answered_ = running_.has_value();
    disarm(Timer::answer);
}

void Machine::answer(const std::string& id, Verdict verdict, const Problem& problem)
{
    effects_.emplace_back(Answer{id, verdict, problem});
}

void Machine::refuse(const Power& power, std::string code, const std::string& why)
{
    answer(power.id, Verdict::refused, {std::move(code), why});
}

void Machine::kill_now(Verb verb)
{
    attempt_.killed = true;
    kill_ = {++last_number_, verb, false};
    effects_.emplace_back(Call{kill_.number, verb, {}});
    disarm(Timer::stop);
    arm(Timer::kill, kill_patience);
}

} // namespace agenthost::docker::server

// Power actions: accepted, queued, refused, pre-empted and answered.
#include "machine.hpp"

#include <utility>

namespace agenthost::docker::server {

namespace {

// A kernel delivers SIGKILL at once; what still runs after this long waits for a disk or a hanging runtime.
constexpr milliseconds max_kill_time{10'000};

} // namespace

void Machine::on(const Power& power)
{
    if (away_)
        return refuse(
            power, code::docker_error,
            "the engine does not answer. Check that it runs; the servers' desired states are kept.");
    if (record_.goal == Goal::remove) {
        if (power.action == Action::kill) return kill_while_removing(power);
        if (power.action == Action::remove && stuck_ != Stuck::no) return preempt(power); // tried now
        return refuse(power, code::server_not_found, settings_.name + " is being deleted.");
    }
    if (power.action == Action::kill || power.action == Action::remove) return preempt(power);
    if (stuck_ != Stuck::no)
        return refuse(power, code::busy,
                      settings_.name + " is stuck in the engine. kill_server tries to free it.");
    if (record_.goal == Goal::none) return begin(power);
    const auto& waiting = requests_.waiting();
    if (waiting)
        return refuse(power, code::busy,
                      what_runs() + " is running and " + server::describe(*waiting) +
                          " waits. Try again when they are done, or use kill_server.");
    requests_.wait(power, now_, effects_);
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
    const std::string why = record_.install == Install::missing
                                ? settings_.name + " is not installed. Use reinstall_server."
                                : record_.fault.message;
    if (requests_.drop_taken())
        effects_.add(Note{why});
    else
        refuse(power, code::config_invalid, why);
    return false;
}

void Machine::begin_install(Power power)
{
    record_.wants_running = power.then_start;
    run(std::move(power), Goal::install);
}

void Machine::preempt(Power power)
{
    requests_.cancel_all({code::cancelled, "pre-empted by " + server::describe(power)}, effects_);
    const bool installing = record_.goal == Goal::install && !record_.install_over;
    const bool installer = installing && (record_.installer_ran || calls_.working_on(Verb::run_installer));
    const bool server = !calls_.known() || !record_.run.empty() || calls_.working_on(Verb::start);
    calls_.give_up(effects_);
    const bool unfinished = installing && record_.install == Install::missing;
    if (unfinished) record_.install = Install::failed;
    record_.wants_running = false;
    const Action action = power.action;
    run(std::move(power), action == Action::kill ? Goal::kill : Goal::remove);
    if (unfinished)
        record_.fault = {code::config_invalid, "the installation of " + settings_.name +
                                                   " was ended by kill_server. Use reinstall_server."};
    if (action == Action::remove) return; // by force, once no other call works on the containers
    if (installer)
        kill_now(Verb::remove_installer);
    else if (server)
        kill_now(Verb::kill);
}

void Machine::kill_while_removing(const Power& power)
{
    if (calls_.running()) kill_now(Verb::kill);
    effects_.answer(power.id, Verdict::ok, {"", settings_.name + " is being deleted."});
}

// Whatever was in progress is over.
void Machine::run(Power power, Goal goal)
{
    record_.goal = goal;
    record_.installer_ran = record_.install_over = record_.gave_up = false;
    record_.fault = {};
    attempt_ = {};
    cancel_backoff();
    for (const Timer timer : {Timer::stop, Timer::kill, Timer::install}) effects_.disarm(timer);
    if (stuck_ != Stuck::no) unstick();
    requests_.begin(std::move(power), now_, effects_);
}

void Machine::finish(Verdict verdict, const Problem& problem)
{
    requests_.end(verdict, problem, effects_);
    record_.goal = Goal::none;
    record_.installer_ran = record_.install_over = false;
    attempt_ = {};
    calls_.give_up(effects_);
    for (const Timer timer : {Timer::stop, Timer::kill, Timer::install}) effects_.disarm(timer);
    if (stuck_ != Stuck::no) unstick();
    if (auto next = requests_.take_waiting(effects_)) begin(std::move(*next));
}

// What a caller is told who does not wait for the end of what runs.
std::string Machine::so_far() const
{
    const auto& running = requests_.running();
    if (!running) return {};
    if (away_)
        return std::string{to_string(running->action)} + " of " + settings_.name +
               " is accepted and waits for the engine, which does not answer.";
    if (running->action == Action::kill) return settings_.name + " is being killed; it has not ended yet.";
    if (running->action == Action::remove) return settings_.name + " is being deleted.";
    return {};
}

std::string Machine::what_runs() const
{
    return requests_.running() ? server::describe(*requests_.running())
                               : std::string{to_string(record_.goal)};
}

void Machine::refuse(const Power& power, std::string code, const std::string& why)
{
    effects_.answer(power.id, Verdict::refused, {std::move(code), why});
}

void Machine::kill_now(Verb verb)
{
    attempt_.killed = true;
    attempt_.kill = verb;
    calls_.begin_kill(verb, effects_);
    effects_.disarm(Timer::stop);
    effects_.arm(Timer::kill, max_kill_time);
}

} // namespace agenthost::docker::server

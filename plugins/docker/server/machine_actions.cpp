// Power actions: accepted, queued, refused, pre-empted and answered.
#include "machine.hpp"

#include <utility>

namespace agenthost::docker::server {

namespace {

// A kernel delivers SIGKILL at once; what still runs after this long waits for a disk or a hanging runtime.
constexpr milliseconds max_kill_time{10'000};
// An engine answers a question in milliseconds. A caller does not wait for one that is slower.
constexpr milliseconds max_check_time{2'000};

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
    record_.goal == Goal::none ? begin(power) : wait(power);
}

void Machine::begin(Power power, bool answered)
{
    switch (power.action) {
    case Action::install:
        record_.wants_running = power.then_start;
        return run(std::move(power), Goal::install, answered);
    case Action::start:
    case Action::restart: {
        if (record_.install != Install::done) {
            const Problem why = not_installed();
            return refuse(power, why.code, why.message);
        }
        const Goal goal = power.action == Action::start ? Goal::start : Goal::restart;
        record_.wants_running = true;
        crashes_.forgive();
        return run(std::move(power), goal, answered);
    }
    case Action::stop: record_.wants_running = false; return run(std::move(power), Goal::stop, answered);
    case Action::kill:
    case Action::remove: return preempt(std::move(power)); // these never wait
    }
}

void Machine::wait(const Power& power)
{
    if (record_.next)
        return refuse(power, code::busy,
                      what_runs() + " is running and " + std::string{to_string(record_.next->action)} +
                          " waits. Try again when they are done, or use kill_server.");
    const bool starts = power.action == Action::start || power.action == Action::restart;
    if (starts && record_.goal != Goal::install && record_.install != Install::done) {
        const Problem why = not_installed();
        return refuse(power, why.code, why.message);
    }
    record_.next = NextAction{power.action, power.stop, power.then_start};
    // The engine's event may come before the end of the call that started it.
    const bool runs = record_.goal == Goal::start && state() == State::running;
    const State status = power.action == Action::start     ? (runs ? State::running : State::starting)
                         : power.action == Action::install ? State::installing
                                                           : State::stopping;
    effects_.answer(power.id, Verdict::ok,
                    {"", std::string{to_string(power.action)} + " is accepted and waits for the end of " +
                             what_runs() + "."},
                    record_.action + 1, status);
}

Problem Machine::not_installed() const
{
    return {code::config_invalid, record_.install == Install::missing
                                      ? settings_.name + " is not installed. Use reinstall_server."
                                      : record_.fault.message};
}

// What the answer depends on is being asked.
bool Machine::checking() const
{
    if (away_) return false;
    switch (record_.goal) {
    case Goal::start: return !calls_.known() || (attempt_.progress == Progress::none && !calls_.running());
    case Goal::stop:
    case Goal::restart: return !calls_.known() && record_.run.empty();
    default: return false;
    }
}

void Machine::answer_at_once()
{
    if (!requests_.pending() || gone_) return;
    const Action action = requests_.running()->action;
    if (action == Action::kill || action == Action::remove) return;
    if (!checking()) return requests_.answer(Verdict::ok, {"", so_far()}, effects_);
    if (!effects_.armed(Timer::answer)) effects_.arm(Timer::answer, max_check_time);
}

// The engine does not do now what was asked. The goal stays.
void Machine::answer_unfinished(const Problem& why)
{
    if (!requests_.pending()) return;
    if (requests_.running()->action == Action::remove) // success means that it is gone
        return requests_.answer(Verdict::failed, why, effects_);
    requests_.answer(Verdict::ok, {"", so_far()}, effects_);
}

void Machine::preempt(Power power)
{
    if (record_.goal != Goal::none && record_.goal != Goal::kill && record_.goal != Goal::remove)
        say(what_runs() + " was ended by " + std::string{to_string(power.action)} + ".");
    requests_.end(Verdict::cancelled, {code::cancelled, "pre-empted by " + server::describe(power)},
                  effects_);
    if (std::exchange(record_.next, std::nullopt)) ++record_.action; // it had a number
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
    effects_.answer(power.id, Verdict::ok, {"", settings_.name + " is being deleted."}, record_.action);
}

// Whatever was in progress is over.
void Machine::run(Power power, Goal goal, bool answered)
{
    record_.goal = goal;
    ++record_.action;
    record_.asked = goal == Goal::start || goal == Goal::restart;
    record_.stop = power.stop;
    record_.installer_ran = record_.install_over = record_.gave_up = false;
    record_.fault = {};
    attempt_ = {};
    cancel_backoff();
    for (const Timer timer : {Timer::stop, Timer::kill, Timer::install}) effects_.disarm(timer);
    if (stuck_ != Stuck::no) unstick();
    requests_.begin(std::move(power), record_.action, answered);
}

void Machine::finish(Verdict verdict, const Problem& problem)
{
    requests_.end(verdict, problem, effects_);
    record_.goal = Goal::none;
    record_.stop = {};
    record_.asked = record_.installer_ran = record_.install_over = false;
    attempt_ = {};
    calls_.give_up(effects_);
    for (const Timer timer : {Timer::stop, Timer::kill, Timer::install}) effects_.disarm(timer);
    if (stuck_ != Stuck::no) unstick();
    auto next = std::exchange(record_.next, std::nullopt);
    if (!next) return;
    const bool starts = next->action == Action::start || next->action == Action::restart;
    if (starts && record_.install != Install::done) { // its caller was answered: the event says so
        ++record_.action;
        if (reason_.code.empty()) reason_ = not_installed();
        return;
    }
    if (!reason_.code.empty()) show(); // what begins now may lead to the same state
    begin({"", next->action, std::move(next->stop), next->then_start}, true);
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
    return std::string{requests_.running() ? to_string(requests_.running()->action)
                                           : to_string(record_.goal)};
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

#include "machine.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::server {

Machine::Machine(Settings settings, Record record)
    : settings_{std::move(settings)}, record_{std::move(record)}, saved_{record_},
      loose_start_{record_.goal == Goal::start || record_.goal == Goal::kill},
      crashes_{settings_.crash_limits}, shown_{state()}
{}

std::vector<Effect> Machine::step(const Input& input, milliseconds now)
{
    effects_.clear();
    reason_ = {};
    if (gone_) {
        if (const auto* power = std::get_if<Power>(&input))
            refuse(*power, code::server_not_found, settings_.name + " is deleted.");
        return effects_.take();
    }
    now_ = now;
    std::visit([this](const auto& what) { on(what); }, input);
    advance();
    answer_at_once();
    show();
    if (record_ != saved_ && !gone_) {
        saved_ = record_;
        effects_.add_first(Save{record_});
    }
    return effects_.take();
}

// Reports a change of the state.
void Machine::show()
{
    const State current = state();
    if (current == shown_ || gone_) return;
    effects_.add(StateChanged{shown_, current, std::exchange(reason_, {}), record_.action});
    shown_ = current;
}

State Machine::state() const
{
    if (stuck_ != Stuck::no) return State::stuck;
    switch (record_.goal) {
    case Goal::start:
        if (record_.run.empty()) return State::starting;
        break; // it runs already
    case Goal::install: return record_.run.empty() ? State::installing : State::stopping;
    case Goal::stop:
    case Goal::restart:
    case Goal::kill:
    case Goal::remove: return State::stopping;
    case Goal::none: break;
    }
    return resting_state();
}

State Machine::resting_state() const
{
    if (!record_.run.empty())
        return record_.ready || !settings_.done_lines ? State::running : State::starting;
    if (record_.install == Install::failed) return State::install_failed;
    return record_.gave_up || backing_off_ ? State::crashed : State::offline;
}

void Machine::on(const Cancel& cancel)
{
    if (requests_.pending() && requests_.running()->id == cancel.id)
        answer_unfinished({code::interrupted, so_far()});
}

void Machine::on(const Done& done)
{
    if (calls_.end_kill(done.call)) {
        if (done.outcome == Outcome::deadline) attempt_.overdue = attempt_.killed;
        calls_.doubt();
        return look();
    }
    const auto ended = calls_.end(done.call);
    if (!ended) return; // void: cancelled, or from before an absence of the engine
    if (!ended->given_up) return call_done(ended->verb, done);
    // It may have started something after we killed what there was.
    attempt_.killed = attempt_.overdue = false;
    calls_.doubt();
    look();
}

void Machine::call_done(Verb verb, const Done& done)
{
    const bool good = done.outcome == Outcome::ok;
    switch (verb) {
    case Verb::check_ports:
    case Verb::pull:
    case Verb::pull_installer:
    case Verb::create:
        if (good)
            attempt_.progress = verb == Verb::create        ? Progress::created
                                : verb == Verb::check_ports ? Progress::checked
                                                            : Progress::pulled;
        else
            attempt_.failure = done.problem;
        return;
    case Verb::start: return start_done(done);
    case Verb::type:
        if (done.outcome == Outcome::failed) return call(Verb::signal, settings_.stop_signal);
        [[fallthrough]];
    case Verb::signal: // when it does not arrive, the timer leads to SIGKILL
        if (!good) calls_.doubt();
        return;
    case Verb::run_installer:
        if (good)
            record_.installer_ran = true;
        else
            attempt_.failure = done.problem;
        return calls_.doubt();
    case Verb::remove_installer:
        attempt_.progress = Progress::containers_removed;
        return; // or at the next start-up
    case Verb::remove_all:
    case Verb::remove_files: return remove_done(verb, done);
    case Verb::inspect:
    case Verb::kill: return; // inspect and kill are not calls of this kind
    }
}

void Machine::start_done(const Done& done)
{
    calls_.doubt();
    if (done.outcome == Outcome::ok) {
        attempt_.progress = Progress::launched;
    } else if (done.outcome == Outcome::not_found && !attempt_.tried_again) {
        attempt_.tried_again = true; // somebody removed it just now
        attempt_.progress = Progress::pulled;
    } else {
        attempt_.failure = done.problem; // unless inspect shows that it runs nevertheless
    }
}

void Machine::remove_done(Verb verb, const Done& done)
{
    if (done.outcome == Outcome::ok) {
        attempt_.progress = Progress::containers_removed;
        if (verb == Verb::remove_all) return;
        finish(Verdict::ok, {});
        gone_ = true;
        effects_.add(Gone{});
        return;
    }
    requests_.answer(Verdict::failed, done.problem, effects_); // the goal stays
    reason_ = done.problem;
    attempt_.progress = Progress::none;
    stick(Stuck::removing);
}

void Machine::on(const Seen& seen)
{
    if (!calls_.end_look(seen.call)) return;
    const bool again = calls_.take_look_again();
    if (seen.outcome != Outcome::ok) {
        calls_.doubt();
        reason_ = seen.problem;
        return stick(Stuck::inspecting);
    }
    if (stuck_ == Stuck::inspecting) unstick();
    observe(seen.facts);
    if (again) calls_.look_once_more(effects_);
}

void Machine::on(const EngineEvent&) { look(); }

void Machine::on(const Oom&)
{
    if (oom_ || (record_.run.empty() && attempt_.progress != Progress::launched)) return;
    oom_ = true;
    effects_.add(
        Note{"the kernel killed a process of " + settings_.name +
             " because its memory limit was reached. Raise limits.memory, or lower the game's own."});
}

void Machine::on(const Ready&)
{
    if (!settings_.done_lines) return;
    if (!record_.run.empty())
        record_.ready = true;
    else
        attempt_.ready = attempt_.progress == Progress::launched || calls_.working_on(Verb::start);
}

void Machine::on(const Fired& fired)
{
    if (!effects_.fired(fired.timer)) return;
    switch (fired.timer) {
    case Timer::answer: return requests_.answer(Verdict::ok, {"", so_far()}, effects_);
    case Timer::stop: attempt_.out_of_time = true; return;
    case Timer::kill: attempt_.overdue = true; return look();
    case Timer::backoff: backing_off_ = false; return;
    case Timer::retry: return look();
    case Timer::install:
        attempt_.failure =
            Problem{code::docker_error, "the install script of " + settings_.name +
                                            " did not end in time. Read its log, then reinstall_server."};
        return;
    }
}

void Machine::on(const Away&)
{
    forget_calls();
    away_ = true;
    answer_unfinished({code::docker_error, so_far()});
}

void Machine::on(const Back& back)
{
    forget_calls();
    away_ = false;
    engine_restarted_ = engine_restarted_ || back.restarted;
}

void Machine::forget_calls()
{
    loose_start_ = loose_start_ || calls_.working_on(Verb::start);
    calls_.forget();
    const Attempt old = std::exchange(attempt_, {});
    attempt_.asked = old.asked;
    attempt_.out_of_time = old.out_of_time;
    attempt_.ready = old.ready;
    effects_.disarm(Timer::kill);
    unstick();
}

void Machine::stick(Stuck in)
{
    constexpr milliseconds first{1'000}, longest{60'000};
    stuck_ = in;
    effects_.arm(Timer::retry, std::min(longest, first * (1 << std::min(retries_++, 6u))));
    answer_unfinished(reason_);
}

void Machine::unstick()
{
    stuck_ = Stuck::no;
    retries_ = 0;
    effects_.disarm(Timer::retry);
}

void Machine::cancel_backoff()
{
    backing_off_ = false;
    effects_.disarm(Timer::backoff);
}

void Machine::say(const std::string& message)
{
    if (reason_.message.empty()) reason_.message = message;
}

} // namespace agenthost::docker::server

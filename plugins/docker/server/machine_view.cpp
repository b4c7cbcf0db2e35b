// What inspect shows, compared with what is believed: starts, deaths and crashes.
#include "machine.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::server {

void Machine::observe(const Facts& facts)
{
    calls_.show(facts);
    const bool engine_restarted = std::exchange(engine_restarted_, false);
    const bool installer_lost = engine_restarted && record_.goal == Goal::install && record_.installer_ran &&
                                facts.installer.is == Container::exited && facts.installer.exit_code != 0;
    if (installer_lost) { // killed by the engine: run it again
        record_.installer_ran = false;
        attempt_.progress = Progress::none;
    }
    observe_server(facts.server, engine_restarted);
    judge_stuck();
}

void Machine::observe_server(const ContainerFacts& server, bool engine_restarted)
{
    switch (server.is) {
    case Container::running:
        if (server.run != record_.run) started(server.run);
        return;
    case Container::exited:
        if (server.run != record_.judged_run) return ended(&server, engine_restarted);
        [[fallthrough]];
    case Container::absent:
    case Container::created:
        if (!record_.run.empty()) ended(nullptr, engine_restarted);
    }
}

void Machine::started(const std::string& run)
{
    if (!record_.run.empty())
        effects_.add(Note{settings_.name + " ended and was started again outside agenthost."});
    record_.run = run;
    record_.judged_run.clear(); // never seen again
    record_.ready = std::exchange(attempt_.ready, false);
    record_.gave_up = false;
    cancel_backoff(); // somebody else started it meanwhile
    run_since_ = now_;
    oom_ = false;
}

void Machine::ended(const ContainerFacts* facts, bool engine_restarted)
{
    const milliseconds ran_for = record_.run.empty() ? milliseconds{0} : now_ - run_since_;
    if (facts != nullptr) record_.judged_run = facts->run;
    record_.run.clear();
    record_.ready = false;
    const bool oom = std::exchange(oom_, false) || (facts != nullptr && facts->oom);
    attempt_.killed = attempt_.overdue = false;
    effects_.disarm(Timer::kill);
    if (record_.goal == Goal::none) return judge(facts, engine_restarted, oom, ran_for);
    if (record_.goal != Goal::start || attempt_.progress != Progress::launched)
        return; // as asked, or an old run
    judge(facts, engine_restarted, oom, milliseconds{0});
    finish(Verdict::ok, {}); // it was started; its end is another matter
}

void Machine::judge(const ContainerFacts* facts, bool engine_restarted, bool oom, milliseconds ran_for)
{
    const int code = facts != nullptr ? facts->exit_code : -1;
    if (!record_.wants_running) return;
    if (code == 0 && !engine_restarted && !settings_.crash_on_clean_exit) {
        record_.wants_running = false;
        return say(settings_.name + " ended by itself (exit code 0).");
    }
    if (oom && code != 0)
        return crashed({code::oom_killed, settings_.name +
                                              " needed more memory than its limit. Raise limits.memory, or "
                                              "lower the game's own."},
                       ran_for, settings_.restart_after_crash);
    if (engine_restarted) return say("the engine restarted.");
    if (facts == nullptr)
        return crashed({code::container_not_found,
                        "the container of " + settings_.name + " was removed outside agenthost."},
                       ran_for, true);
    crashed({code::crashed,
             settings_.name + (code == 137 ? " was killed from outside (exit code 137)."
                                           : " ended with exit code " + std::to_string(code) + ".")},
            ran_for, settings_.restart_after_crash);
}

void Machine::crashed(const Problem& problem, milliseconds ran_for, bool start_again)
{
    record_.fault = reason_ = problem;
    const auto delay = start_again ? crashes_.crashed(now_, ran_for) : std::nullopt;
    record_.gave_up = !delay;
    backing_off_ = delay.has_value();
    if (delay) effects_.arm(Timer::backoff, *delay);
}

void Machine::judge_stuck()
{
    // Whether the other container runs does not matter here.
    const bool alive = attempt_.kill == Verb::kill ? calls_.running() : calls_.installer_running();
    if (stuck_ == Stuck::killing && !alive) unstick();
    const bool overdue = std::exchange(attempt_.overdue, false);
    if (alive && !overdue) return;
    attempt_.killed = false; // what runs after this is killed again
    if (!alive) return;
    reason_ = {code::docker_error, "the engine does not end " + settings_.name + ". agenthost keeps trying."};
    stick(Stuck::killing);
}

} // namespace agenthost::docker::server

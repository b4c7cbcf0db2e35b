// What inspect shows, compared with what is believed: starts, deaths and crashes.
#include "machine.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::docker::server {

void Machine::observe(const Facts& facts)
{
    view_ = facts;
    known_ = true;
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
        effects_.emplace_back(Note{settings_.name + " ended and was started again outside agenthost."});
    record_.run = run;
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
    attempt_.killed = attempt_.overdue = false;
    disarm(Timer::kill);
    if (record_.goal == Goal::none) return judge(facts, engine_restarted, ran_for);
    if (record_.goal != Goal::start || attempt_.progress != Progress::launched)
        return; // as asked, or an old run
    judge(facts, engine_restarted, milliseconds{0});
    finish(Verdict::ok, {}); // it was started; its end is another matter
}

void Machine::judge(const ContainerFacts* facts, bool engine_restarted, milliseconds ran_for)
{
    const bool oom = std::exchange(oom_, false) || (facts != nullptr && facts->oom);
    const int code = facts != nullptr ? facts->exit_code : -1;
    if (!record_.wants_running) return;
    if (code == 0 && !engine_restarted && !settings_.crash_on_clean_exit) {
        record_.wants_running = false;
        return say(settings_.name + " ended by itself (exit code 0).");
    }
    if (oom && code != 0)
        return crashed({"OOM_KILLED", settings_.name +
                                          " needed more memory than its limit. Raise limits.memory, or "
                                          "lower the game's own."},
                       ran_for);
    if (engine_restarted) return say("the engine restarted.");
    if (facts == nullptr)
        return crashed(
            {"CONTAINER_NOT_FOUND", "the container of " + settings_.name + " was removed outside agenthost."},
            ran_for);
    crashed(
        {"CRASHED", settings_.name + (code == 137 ? " was killed from outside (exit code 137)."
                                                  : " ended with exit code " + std::to_string(code) + ".")},
        ran_for);
}

void Machine::crashed(const Problem& problem, milliseconds ran_for)
{
    record_.fault = reason_ = problem;
    const auto delay = settings_.restart_after_crash ? crashes_.crashed(now_, ran_for) : std::nullopt;
    record_.gave_up = !delay;
    backing_off_ = delay.has_value();
    if (delay) arm(Timer::backoff, *delay);
}

void Machine::judge_stuck()
{
    const bool alive = running() || installer_running();
    if (stuck_ == Stuck::killing && !alive) unstick();
    const bool overdue = std::exchange(attempt_.overdue, false);
    if (alive && !overdue) return;
    attempt_.killed = false; // what runs after this is killed again
    if (!alive) return;
    reason_ = {"DOCKER_ERROR", "the engine does not end " + settings_.name + ". It is tried again."};
    stick(Stuck::killing);
}

std::string Machine::describe() const
{
    std::string out{to_string(state())};
    const auto add = [&](bool holds, std::string_view word) {
        if (holds) out.append(" ").append(word);
    };
    const auto power = [&](const char* word, const std::optional<Power>& action) {
        if (!action) return;
        out.append(" ").append(word).append("=").append(to_string(action->action));
        add(action->timeout.has_value(), "timeout");
        add(!action->signal.empty(), "signal");
        add(action->then_start, "then_start");
    };
    const auto number = [&](const char* word, auto value) {
        out.append(" ").append(word).append("=").append(std::to_string(static_cast<int>(value)));
    };
    out.append(" goal=").append(to_string(record_.goal));
    add(record_.wants_running, "wanted");
    number("install", record_.install);
    add(record_.installer_ran, "installer_ran");
    add(record_.gave_up, "gave_up");
    add(record_.ready, "ready");
    add(!record_.run.empty(), "run");
    add(!record_.run.empty() && record_.run == view_.server.run, "seen");
    add(!record_.judged_run.empty() && record_.judged_run == view_.server.run, "judged");
    add(record_.install_over, "install_over");
    add(!record_.fault.code.empty(), "fault");
    add(away_, "away");
    add(engine_restarted_, "engine_restarted");
    add(loose_start_, "loose_start");
    add(oom_, "oom");
    add(backing_off_, "backing_off");
    if (call_) out.append(" call=").append(to_string(call_.verb));
    add(call_.abandoned, "abandoned");
    if (kill_) out.append(" kill=").append(to_string(kill_.verb));
    add(look_ != 0, "looking");
    add(look_again_, "look_again");
    if (known_) {
        number("server", view_.server.is);
        number("installer", view_.installer.is);
        number("installer_exit", view_.installer.exit_code);
    }
    number("progress", attempt_.progress);
    add(attempt_.asked, "asked");
    add(attempt_.out_of_time, "out_of_time");
    add(attempt_.killed, "killed");
    add(attempt_.overdue, "overdue");
    add(attempt_.tried_again, "tried_again");
    add(attempt_.ready, "early_ready");
    add(attempt_.failure.has_value(), "failure");
    number("stuck", stuck_);
    add(retries_ > 0, "retried");
    power("running", running_);
    add(answered_, "answered");
    power("waiting", waiting_);
    for (int timer = 0; timer < timers; ++timer)
        if (armed(static_cast<Timer>(timer))) out.append(" ").append(to_string(static_cast<Timer>(timer)));
    number("crashes", std::min(crashes_.crashes(), settings_.crash_limits.count));
    return out;
}

} // namespace agenthost::docker::server

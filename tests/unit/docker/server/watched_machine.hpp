// A server machine with an observer that knows its inputs and effects only, and says which of its promises a
// step breaks.
#pragma once

#include "tests/unit/docker/server/effect_text.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::docker_test {

// What an observer of inputs and effects knows: no look inside the machine.
struct Watch {
    std::vector<std::pair<CallNumber, Verb>> calls; // in flight
    unsigned armed = 0;                             // a bit for each timer
    std::vector<std::string> pending;               // ids that were not answered
    CallNumber last_call = 0, kill = 0;
    State shown = State::offline;
    Record saved;
    int runs = 0;

    [[nodiscard]] int count(Verb verb) const
    {
        return static_cast<int>(
            std::count_if(calls.begin(), calls.end(), [&](const auto& each) { return each.second == verb; }));
    }
    [[nodiscard]] bool is_armed(Timer timer) const { return (armed >> static_cast<int>(timer) & 1) != 0; }
    bool disarm(Timer timer)
    {
        const bool was = is_armed(timer);
        armed &= ~(1u << static_cast<int>(timer));
        return was;
    }
    [[nodiscard]] bool pends(const std::string& id) const
    {
        return std::find(pending.begin(), pending.end(), id) != pending.end();
    }
    void forget(CallNumber number)
    {
        std::erase_if(calls, [&](const auto& each) { return each.first == number; });
    }
};

inline bool is_kill(Verb verb) { return verb == Verb::kill || verb == Verb::remove_installer; }

class WatchedMachine {
public:
    WatchedMachine(const Settings& settings, const Record& record) : machine_{settings, record}
    {
        watch_.shown = machine_.state();
        watch_.saved = record;
    }

    [[nodiscard]] const Machine& machine() const { return machine_; }
    [[nodiscard]] const Watch& watch() const { return watch_; }
    // The machine, and how many calls of each verb are in flight: more than the machine knows of.
    using Key = std::array<std::uint64_t, 3>;
    [[nodiscard]] Key key() const
    {
        const Machine::Key machine = machine_.key();
        std::uint64_t calls = 0;
        for (const auto& [number, verb] : watch_.calls)
            calls += std::uint64_t{1} << 4 * static_cast<int>(verb);
        return {machine[0], machine[1], calls};
    }

    // One step; what is wrong with it, one name a fault.
    std::string step(const Input& input)
    {
        const Record before = machine_.record();
        const State state_before = machine_.state();
        const Machine::Key key_before = machine_.key();
        begin(input);
        const bool pulling = watch_.count(Verb::pull) + watch_.count(Verb::pull_installer) > 0;
        const auto effects = machine_.step(input, milliseconds{0});
        std::string faults;
        const auto demand = [&](bool holds, std::string_view what) {
            if (!holds) faults.append(what).append("; ");
        };
        const bool refused = take(effects, pulling, demand);
        if (machine_.gone()) {
            demand(before.goal == Goal::remove, "only a deleted server is gone");
            demand(watch_.pending.empty(), "nothing pends on a deleted server");
            return faults;
        }
        demand(watch_.shown == machine_.state(), "every change of the state is reported");
        demand(watch_.saved == machine_.record(), "every change of the record is saved");
        demand(watch_.pending.size() <= 1, "what waits was answered");
        demand(watch_.pending.empty() || machine_.engine_away() || watch_.is_armed(Timer::answer) ||
                   machine_.record().goal == Goal::kill || machine_.record().goal == Goal::remove,
               "an answer has a time limit");
        if (const auto* power = std::get_if<Power>(&input)) {
            if (refused && !watch_.pends(power->id) && !said_more(effects))
                demand(machine_.key() == key_before, "a refused action changes nothing");
            if (power->action == Action::kill && !refused) check_kill(before, effects, demand);
        }
        check_calls(demand);
        check_progress(demand);
        const bool asked = before.goal == Goal::stop || before.goal == Goal::restart ||
                           before.goal == Goal::kill || before.goal == Goal::remove ||
                           before.goal == Goal::install;
        demand(!asked || machine_.state() != State::crashed || state_before == State::crashed,
               "a death that was asked for is not a crash");
        return faults;
    }

    [[nodiscard]] std::string new_run() { return "run" + std::to_string(++watch_.runs); }

private:
    // True: an action was refused.
    template <class Demand> bool take(const std::vector<Effect>& effects, bool pulling, const Demand& demand)
    {
        bool saved = false, refused = false;
        for (std::size_t i = 0; i < effects.size(); ++i) {
            const Effect& effect = effects[i];
            if (const auto* save = std::get_if<Save>(&effect)) {
                demand(i == 0 && !saved, "the record is saved once and before all else");
                demand(save->record == machine_.record(), "what is saved is the record");
                saved = true;
                watch_.saved = save->record;
            } else if (const auto* call = std::get_if<Call>(&effect)) {
                demand(call->number > watch_.last_call, "call numbers rise");
                watch_.last_call = call->number;
                add_call(effects, i);
                check_call(*call, demand);
            } else if (const auto* cancel = std::get_if<CancelPull>(&effect)) {
                demand(pulling, "only a pull is cancelled");
                watch_.forget(cancel->call);
            } else if (const auto* arm = std::get_if<Arm>(&effect)) {
                watch_.armed |= 1u << static_cast<int>(arm->timer);
            } else if (const auto* disarm = std::get_if<Disarm>(&effect)) {
                demand(watch_.disarm(disarm->timer), "only armed timers are disarmed");
            } else if (const auto* answer = std::get_if<Answer>(&effect)) {
                demand(std::erase(watch_.pending, answer->id) == 1, "an action is answered once");
                demand(answer->verdict == Verdict::ok || !answer->problem.code.empty(),
                       "a bad answer has a code");
                refused = refused || answer->verdict == Verdict::refused;
            } else if (const auto* change = std::get_if<StateChanged>(&effect)) {
                demand(change->previous == watch_.shown && change->current != change->previous,
                       "changes form a chain");
                watch_.shown = change->current;
            }
        }
        return refused;
    }
    void begin(const Input& input)
    {
        if (const auto* power = std::get_if<Power>(&input)) watch_.pending.push_back(power->id);
        if (const auto* done = std::get_if<Done>(&input)) watch_.forget(done->call);
        if (const auto* seen = std::get_if<Seen>(&input)) watch_.forget(seen->call);
        if (const auto* fired = std::get_if<Fired>(&input)) watch_.disarm(fired->timer);
        if (std::holds_alternative<Away>(input) || std::holds_alternative<Back>(input)) watch_.calls.clear();
    }
    // A kill arms its timer. A repeated kill makes the previous one void: its end is that of an unknown call.
    void add_call(const std::vector<Effect>& effects, std::size_t at)
    {
        const Call& call = std::get<Call>(effects[at]);
        const bool kills =
            std::any_of(effects.begin() + static_cast<long>(at), effects.end(), [](const Effect& next) {
                const auto* arm = std::get_if<Arm>(&next);
                return arm != nullptr && arm->timer == Timer::kill;
            });
        if (kills && is_kill(call.verb)) {
            watch_.forget(watch_.kill);
            watch_.kill = call.number;
        }
        watch_.calls.emplace_back(call.number, call.verb);
    }
    template <class Demand> void check_call(const Call& call, const Demand& demand) const
    {
        const Record& record = machine_.record();
        demand(!machine_.engine_away(), "the engine is not called while it is away");
        if (call.verb == Verb::create || call.verb == Verb::start || call.verb == Verb::check_ports)
            demand(record.wants_running && record.goal == Goal::start, "only a wanted server is started");
        if (call.verb == Verb::pull)
            demand(record.wants_running && (record.goal == Goal::start || record.goal == Goal::restart),
                   "only for a wanted server an image is pulled");
        if (call.verb == Verb::signal || call.verb == Verb::type || call.verb == Verb::kill)
            demand(record.goal == Goal::stop || record.goal == Goal::restart || record.goal == Goal::kill ||
                       record.goal == Goal::install || record.goal == Goal::remove,
                   "a server is stopped only when that is asked for");
        if (call.verb == Verb::remove_files || call.verb == Verb::remove_all)
            demand(record.goal == Goal::remove, "only a deletion removes files");
    }
    template <class Demand> void check_calls(const Demand& demand) const
    {
        int main = 0;
        for (const auto& [number, verb] : watch_.calls) main += verb != Verb::inspect && !is_kill(verb);
        demand(main <= 1, "one call works on the containers at a time");
        demand(watch_.count(Verb::inspect) <= 1, "one inspect at a time");
    }
    template <class Demand>
    void check_kill(const Record& before, const std::vector<Effect>& effects, const Demand& demand) const
    {
        if (before.goal == Goal::remove) return;
        demand(!machine_.record().wants_running, "kill is saved as the desired state");
        demand(watch_.count(Verb::pull) + watch_.count(Verb::pull_installer) == 0, "kill ends a pull");
        demand(!watch_.is_armed(Timer::backoff), "kill ends a backoff");
        demand(watch_.pending.size() <= 1, "kill ends what runs and what waits");
        const bool killed = std::any_of(effects.begin(), effects.end(), [](const Effect& effect) {
            const auto* call = std::get_if<Call>(&effect);
            return call != nullptr && is_kill(call->verb);
        });
        demand(killed || before.run.empty(), "kill does not wait");
    }
    // Nothing waits for something that never happens.
    template <class Demand> void check_progress(const Demand& demand) const
    {
        const Record& record = machine_.record();
        if (machine_.engine_away()) return;
        const bool moving = !watch_.calls.empty() || watch_.is_armed(Timer::stop) ||
                            watch_.is_armed(Timer::kill) || watch_.is_armed(Timer::retry) ||
                            watch_.is_armed(Timer::install);
        demand(record.goal == Goal::none || moving, "a goal is being worked for");
        demand(watch_.pending.empty() || record.goal != Goal::none, "only a goal keeps callers waiting");
        const bool resting =
            !record.wants_running || record.gave_up || record.install != Install::done || !record.run.empty();
        demand(record.goal != Goal::none || resting || moving || watch_.is_armed(Timer::backoff),
               "a wanted server is started again");
        demand(machine_.state() != State::stuck || watch_.is_armed(Timer::retry) || !watch_.calls.empty() ||
                   watch_.is_armed(Timer::kill) || watch_.is_armed(Timer::stop),
               "a stuck action is retried");
    }
    static bool said_more(const std::vector<Effect>& effects) { return effects.size() > 1; }

    Machine machine_;
    Watch watch_;
};

} // namespace agenthost::docker_test

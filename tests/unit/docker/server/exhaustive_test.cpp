// The states that the server machine can reach, breadth first, with every input in each: what must hold after
// any step, whatever the engine answers, and that from everywhere a working engine leads to the desired
// state.
#include "tests/unit/docker/server/words.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_set>

using namespace agenthost::docker_test;

namespace {

// What an observer of inputs and effects knows: no look inside the machine.
struct Watch {
    std::vector<std::pair<CallNumber, Verb>> calls; // in flight
    std::set<Timer> armed;
    std::set<std::string> pending; // ids that were not answered
    CallNumber last_call = 0;
    State shown = State::offline;
    Record saved;
    int runs = 0;

    [[nodiscard]] int count(Verb verb) const
    {
        return static_cast<int>(
            std::count_if(calls.begin(), calls.end(), [&](const auto& each) { return each.second == verb; }));
    }
    void forget(CallNumber number)
    {
        std::erase_if(calls, [&](const auto& each) { return each.first == number; });
    }
};

bool is_kill(Verb verb) { return verb == Verb::kill || verb == Verb::remove_installer; }

class Node {
public:
    Node(const Settings& settings, const Record& record) : machine_{settings, record}
    {
        watch_.shown = machine_.state();
        watch_.saved = record;
    }

    [[nodiscard]] const Machine& machine() const { return machine_; }
    [[nodiscard]] const Watch& watch() const { return watch_; }
    [[nodiscard]] std::string key() const
    {
        std::string out = machine_.describe();
        std::vector<int> verbs;
        for (const auto& [number, verb] : watch_.calls) verbs.push_back(static_cast<int>(verb));
        std::sort(verbs.begin(), verbs.end());
        for (const int verb : verbs) out.append(" ").append(std::to_string(verb));
        return out;
    }

    // One step; what is wrong with it, one word a fault.
    std::string step(const Input& input)
    {
        const Record before = machine_.record();
        const State state_before = machine_.state();
        const std::string description = machine_.describe();
        begin(input);
        const bool pulling = watch_.count(Verb::pull) + watch_.count(Verb::pull_installer) > 0;
        const auto effects = machine_.step(input, milliseconds{0});
        std::string faults;
        const auto demand = [&](bool holds, std::string_view what) {
            if (!holds) faults.append(what).append("; ");
        };
        bool saved = false, refused = false;
        std::set<std::string> answered;
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
                add_call(*call);
                check_call(*call, demand);
            } else if (const auto* cancel = std::get_if<CancelPull>(&effect)) {
                demand(pulling, "only a pull is cancelled");
                watch_.forget(cancel->call);
            } else if (const auto* arm = std::get_if<Arm>(&effect)) {
                watch_.armed.insert(arm->timer);
            } else if (const auto* disarm = std::get_if<Disarm>(&effect)) {
                demand(watch_.armed.erase(disarm->timer) == 1, "only armed timers are disarmed");
            } else if (const auto* answer = std::get_if<Answer>(&effect)) {
                demand(watch_.pending.erase(answer->id) == 1, "an action is answered once");
                demand(answer->verdict == Verdict::ok || !answer->problem.code.empty(),
                       "a bad answer has a code");
                refused = refused || answer->verdict == Verdict::refused;
            } else if (const auto* change = std::get_if<StateChanged>(&effect)) {
                demand(change->previous == watch_.shown && change->current != change->previous,
                       "changes form a chain");
                watch_.shown = change->current;
            }
        }
        if (machine_.gone()) {
            demand(before.goal == Goal::remove, "only a deleted server is gone");
            demand(watch_.pending.empty(), "nothing pends on a deleted server");
            return faults;
        }
        demand(watch_.shown == machine_.state(), "every change of the state is told");
        demand(watch_.saved == machine_.record(), "every change of the record is saved");
        demand(watch_.pending.size() <= 2, "one runs and one waits");
        if (const auto* power = std::get_if<Power>(&input)) {
            if (refused && !watch_.pending.contains(power->id) && !said_more(effects))
                demand(machine_.describe() == description, "a refused action changes nothing");
            if (power->action == Action::kill && !refused) check_kill(before, effects, demand);
        }
        check_calls(demand);
        check_progress(demand);
        const bool asked = before.goal == Goal::stop || before.goal == Goal::restart ||
                           before.goal == Goal::kill || before.goal == Goal::remove ||
                           before.goal == Goal::install;
        demand(!asked || machine_.state() != State::crashed || state_before == State::crashed,
               "a death that was asked for is no crash");
        return faults;
    }

    [[nodiscard]] std::string new_run() { return "run" + std::to_string(++watch_.runs); }

private:
    void begin(const Input& input)
    {
        if (const auto* power = std::get_if<Power>(&input)) watch_.pending.insert(power->id);
        if (const auto* done = std::get_if<Done>(&input)) watch_.forget(done->call);
        if (const auto* seen = std::get_if<Seen>(&input)) watch_.forget(seen->call);
        if (const auto* fired = std::get_if<Fired>(&input)) watch_.armed.erase(fired->timer);
        if (std::holds_alternative<Away>(input) || std::holds_alternative<Back>(input)) watch_.calls.clear();
    }
    // Kills that were repeated leave older ones behind; their answers mean nothing.
    void add_call(const Call& call)
    {
        watch_.calls.emplace_back(call.number, call.verb);
        if (watch_.count(call.verb) <= (call.verb == Verb::remove_installer ? 2 : 1)) return;
        const auto oldest = std::find_if(watch_.calls.begin(), watch_.calls.end(),
                                         [&](const auto& each) { return each.second == call.verb; });
        watch_.calls.erase(oldest);
    }
    template <class Demand> void check_call(const Call& call, const Demand& demand) const
    {
        const Record& record = machine_.record();
        demand(!machine_.engine_away(), "the engine is not called while it is away");
        if (call.verb == Verb::create || call.verb == Verb::start || call.verb == Verb::pull)
            demand(record.wants_running && record.goal == Goal::start, "only a wanted server is started");
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
        demand(!watch_.armed.contains(Timer::backoff), "kill ends a backoff");
        demand(watch_.pending.size() <= 1, "kill ends what runs and what waits");
        const bool killed = std::any_of(effects.begin(), effects.end(), [](const Effect& effect) {
            const auto* call = std::get_if<Call>(&effect);
            return call != nullptr && is_kill(call->verb);
        });
        demand(killed || before.run.empty(), "kill does not wait");
    }
    // Nothing waits for something that never comes.
    template <class Demand> void check_progress(const Demand& demand) const
    {
        const Record& record = machine_.record();
        if (machine_.engine_away()) return;
        const bool moving = !watch_.calls.empty() || watch_.armed.contains(Timer::stop) ||
                            watch_.armed.contains(Timer::kill) || watch_.armed.contains(Timer::retry) ||
                            watch_.armed.contains(Timer::install);
        demand(record.goal == Goal::none || moving, "a goal is being worked for");
        demand(watch_.pending.empty() || record.goal != Goal::none, "only a goal keeps callers waiting");
        const bool resting =
            !record.wants_running || record.gave_up || record.install != Install::done || !record.run.empty();
        demand(record.goal != Goal::none || resting || moving || watch_.armed.contains(Timer::backoff),
               "a wanted server is started again");
        demand(machine_.state() != State::stuck || watch_.armed.contains(Timer::retry) ||
                   !watch_.calls.empty() || watch_.armed.contains(Timer::kill) ||
                   watch_.armed.contains(Timer::stop),
               "what is stuck is tried again");
    }
    static bool said_more(const std::vector<Effect>& effects) { return effects.size() > 1; }

    Machine machine_;
    Watch watch_;
};

std::vector<Facts> facts_for(Node& node, bool with_installer)
{
    const Record& record = node.machine().record();
    const std::string run = record.run.empty() ? node.new_run() : record.run;
    std::vector<Facts> out;
    for (const ContainerFacts& server :
         {ContainerFacts{}, ContainerFacts{Container::created, ""}, running(run), running(node.new_run()),
          exited(run, 0), exited(run, 1), exited(run, 137, true),
          exited(record.judged_run.empty() ? "old" : record.judged_run, 1)})
        out.push_back({server, {}});
    if (!with_installer || (record.goal != Goal::install && record.goal != Goal::kill)) return out;
    for (const ContainerFacts& installer : {running("i"), exited("i", 0), exited("i", 1)})
        for (const ContainerFacts& server : {ContainerFacts{}, running(run)})
            out.push_back({server, installer});
    return out;
}

std::vector<Input> inputs_for(Node& node, bool with_installer)
{
    std::vector<Input> out;
    const Watch& watch = node.watch();
    int next = 0;
    while (watch.pending.contains(std::to_string(next))) ++next;
    const std::string id = std::to_string(next);
    for (const Action action :
         {Action::install, Action::start, Action::stop, Action::restart, Action::kill, Action::remove})
        out.emplace_back(Power{id, action});
    if (node.machine().record().goal == Goal::none) {
        out.emplace_back(Power{id, Action::stop, milliseconds{0}});
        Power install{id, Action::install};
        install.then_start = true;
        out.emplace_back(install);
    }
    for (const std::string& each : watch.pending) out.emplace_back(Cancel{each});
    out.emplace_back(Cancel{"unknown"});
    const Problem problem{"DOCKER_ERROR", "it did not work"};
    for (const auto& [number, verb] : watch.calls) {
        if (verb == Verb::inspect) {
            for (const Facts& facts : facts_for(node, with_installer))
                out.emplace_back(Seen{number, Outcome::ok, facts, {}});
            out.emplace_back(Seen{number, Outcome::failed, {}, problem});
            out.emplace_back(Seen{number, Outcome::deadline, {}, problem});
            continue;
        }
        if (verb == Verb::pull || verb == Verb::pull_installer) out.emplace_back(PullBegan{number});
        out.emplace_back(Done{number, Outcome::ok, {}});
        for (const Outcome outcome : {Outcome::not_found, Outcome::failed, Outcome::deadline})
            out.emplace_back(Done{number, outcome, problem});
    }
    out.emplace_back(Done{0, Outcome::ok, {}});
    out.emplace_back(Seen{0, Outcome::ok, {}, {}});
    out.insert(out.end(), {EngineEvent{}, Oom{}, Ready{}, Away{}, Back{false}, Back{true}});
    for (int timer = 0; timer < timers; ++timer) out.emplace_back(Fired{static_cast<Timer>(timer)});
    return out;
}

// An engine that does all that it is asked for, until nothing moves. What does not fit at the end.
std::string settle(Node node)
{
    ContainerFacts server, installer;
    if (!node.machine().record().run.empty()) server = running(node.machine().record().run);
    if (node.machine().record().installer_ran) installer = running("i");
    std::string faults;
    const auto step = [&](const Input& input) { faults += node.step(input); };
    const auto serve = [&](CallNumber number, Verb verb) {
        const bool alive = server.is == Container::running;
        switch (verb) {
        case Verb::inspect: return step(Seen{number, Outcome::ok, {server, installer}, {}});
        case Verb::create: server = {Container::created, ""}; break;
        case Verb::start: server = running(node.new_run()); break;
        case Verb::kill:
        case Verb::signal:
        case Verb::type:
            if (!alive)
                return step(Done{number, Outcome::not_found, {"CONTAINER_NOT_FOUND", "it does not run"}});
            server = exited(server.run, 137);
            break;
        case Verb::run_installer: installer = exited("i", 0); break;
        case Verb::remove_installer: installer = {}; break;
        case Verb::remove_all: server = installer = {}; break;
        case Verb::pull:
        case Verb::pull_installer:
        case Verb::remove_files: break;
        }
        step(Done{number, Outcome::ok, {}});
        if (!node.machine().gone()) step(EngineEvent{});
    };
    if (node.machine().engine_away()) step(Back{});
    for (int i = 0; i < 300 && !node.machine().gone(); ++i) {
        if (!node.watch().calls.empty()) {
            const auto [number, verb] = node.watch().calls.front();
            serve(number, verb);
        } else if (!node.watch().armed.empty()) {
            const Timer timer = *node.watch().armed.rbegin();
            if (timer == Timer::install)
                installer = exited("i", 0), step(EngineEvent{});
            else
                step(Fired{timer});
        } else {
            break;
        }
    }
    if (node.machine().gone()) return faults;
    const Record& record = node.machine().record();
    if (!node.watch().calls.empty() || !node.watch().armed.empty()) faults += "it never comes to rest; ";
    if (!node.watch().pending.empty()) faults += "an action is never answered; ";
    if (record.goal != Goal::none) faults += "a goal is never reached; ";
    if (record.install != Install::done) return faults; // it runs only if it was started by hand
    const bool want = record.wants_running && !record.gave_up;
    if (want != (server.is == Container::running)) faults += "the desired state is not reached; ";
    return faults;
}

struct Step {
    std::size_t from = 0;
    std::string input;
};

class Exploration {
public:
    explicit Exploration(const Settings& settings) : settings_{settings} {}

    void from(const Record& record) { add(Node{settings_, record}, {0, "begin"}); }

    // The number of transitions.
    std::size_t run(std::size_t max_states)
    {
        std::size_t transitions = 0;
        for (std::size_t at = 0; at < nodes_.size() && nodes_.size() < max_states && problems_ < 10; ++at) {
            report(at, "settle", settle(*nodes_[at]));
            const auto inputs = inputs_for(*nodes_[at], settings_.installer);
            for (std::size_t i = 0; i < inputs.size(); ++i) {
                Node next = *nodes_[at];
                const std::string faults = next.step(inputs[i]);
                ++transitions;
                report(at, "input " + std::to_string(i) + " of kind " + std::to_string(inputs[i].index()),
                       faults);
                if (!next.machine().gone()) add(std::move(next), {at, std::to_string(inputs[i].index())});
            }
            // An agent that starts again knows what was saved.
            if (records_.insert(describe(nodes_[at]->machine().record())).second)
                from(nodes_[at]->machine().record());
        }
        return transitions;
    }
    [[nodiscard]] std::size_t states() const { return nodes_.size(); }
    [[nodiscard]] std::set<State> shown() const
    {
        std::set<State> out;
        for (const auto& node : nodes_) out.insert(node->machine().state());
        return out;
    }

private:
    static std::string describe(const Record& record)
    {
        return std::to_string(record.wants_running) + std::string{to_string(record.goal)} +
               std::to_string(static_cast<int>(record.install)) + std::to_string(record.installer_ran) +
               std::to_string(record.gave_up) + std::to_string(record.ready) +
               std::to_string(record.run.empty()) + std::to_string(record.judged_run.empty()) +
               record.fault.code;
    }
    void add(Node node, const Step& step)
    {
        if (!keys_.insert(node.key()).second) return;
        nodes_.push_back(std::make_unique<Node>(std::move(node)));
        steps_.push_back(step);
    }
    void report(std::size_t at, const std::string& input, const std::string& faults)
    {
        if (faults.empty()) return;
        ++problems_;
        std::string path;
        for (std::size_t i = at; steps_[i].input != "begin"; i = steps_[i].from)
            path = "\n  " + nodes_[i]->machine().describe() + path;
        ADD_FAILURE() << faults << "\n at " << input << "\n path" << path;
    }

    Settings settings_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::vector<Step> steps_;
    std::unordered_set<std::string> keys_;
    std::set<std::string> records_;
    int problems_ = 0;
};

// Breadth first, so that what is left out needs the longest histories. Raise it to see more: 150,000 take 90
// s.
constexpr std::size_t max_states = 30'000;

TEST(ServerMachineExhaustive, HoldsItsPromisesInEveryState)
{
    Settings own = settings();
    own.crash_limits.count = 2;
    Exploration exploration{own};
    exploration.from(installed());
    const std::size_t transitions = exploration.run(max_states);
    std::printf("%zu states, %zu transitions\n", exploration.states(), transitions);
}

TEST(ServerMachineExhaustive, HoldsItsPromisesWithAnInstallerAndAStopCommand)
{
    Settings own = settings();
    own.installer = own.done_lines = true;
    own.stop_command = "stop";
    own.crash_limits.count = 1;
    Exploration exploration{own};
    exploration.from({});
    const std::size_t transitions = exploration.run(max_states);
    std::printf("%zu states, %zu transitions\n", exploration.states(), transitions);
    EXPECT_EQ(exploration.shown().size(), 8u) << "all states are shown somewhere";
}

} // namespace

// The life of one game server as a state machine without I/O: it receives what people ask and what the engine
// does, and decides what to do next.
//
// The machine works towards a goal (record.hpp) from what inspect last showed, one engine call at a time.
// Engine events only make it look again, so a lost event delays it and cannot mislead it; the shell also
// feeds EngineEvent from time to time. After an absence of the engine or a restart of the agent it looks
// first, and continues with the goal it had.
//
// Actions:
// - A change of the desired state is saved before the engine is called. What happens when it cannot be saved is
//   up to the shell (service/server_shell.hpp).
// - One action runs and one waits; another is refused as BUSY. While the engine is away, all are refused.
//   The one that waits is saved as well, with the options of both: an agent that starts again continues.
// - kill and remove pre-empt everything: what runs is given up, what waits is dropped, a pull is cancelled, an
//   installer is killed. A start that the engine is working on is killed when it comes up.
// - An action is answered once. install, start, stop and restart are answered at once, after they were saved,
//   with the state that they have led to: no answer waits for a pull, a start or a stop. Before it, the
//   engine is only asked whether the server runs, and a start whether another program holds one of its ports
//   (PORT_CONFLICT); an engine that needs longer than 2 s for that does not delay the answer. What fails
//   later is reported by a state change with the problem. kill and remove are answered when the server is
//   dead or gone, or when the engine turns out not to do it now.
// - A start that fails is given up when a person asked for it: the server is offline with the reason.
//   A start that the machine made by itself is tried again as after a crash, and so is the start of a restart
//   that has ended a run: a server that ran was meant to run.
//   An agent that starts again knows which of them it was.
// - A failure is reported before the action that waited begins, and each state change names the action that led
//   to it: its number.
// - A restart pulls the image before it ends the run; if that fails, the server runs on.
// - A stop that had to be ended by SIGKILL is reported as TIMEOUT.
// - An action that the engine does not carry out in time makes the server `stuck`: the machine tries again
//   with growing delays, and accepts only kill and remove.
//
// Deaths and other surprises:
// - A death while we stop the server is not a crash, whatever its exit code.
// - A restart of the engine explains every death found after it, except one for lack of memory, and a missing
//   container: the server is started again at once, and no crash is counted. An engine kills its containers
//   with 137 or 143 when it stops or starts; a server that ended by itself in that time cannot be
//   distinguished. The engine closes its socket before it ends its containers, so such a death is never seen
//   before Away.
// - Exit code 0 means that the game was ended from within (/stop): offline, unless crash_on_clean_exit.
// - A container that runs although the server is offline was started by hand: it is adopted, and the desired
//   state becomes running. One that runs because a start was in progress when it was pre-empted is stopped.
// - A container that was removed by hand while the server should run is created again, even without
//   restart_after_crash: the desired state says so, and stop_server is the way to change it. It counts for
//   the crash policy, so that a clean-up job that removes it each minute does not continue indefinitely.
//
// A copy is a machine in the same state: the shell keeps one to undo an action that cannot be stored.
//
// One machine for each server; not thread-safe, called from the engine thread. More than 25 members: each
// input and each goal is a function.
#pragma once

#include "calls.hpp"
#include "crash_policy.hpp"
#include "effect_list.hpp"
#include "requests.hpp"
#include "values.hpp"

#include <array>
#include <string>
#include <vector>

namespace agenthost::docker::server {

struct Settings {
    std::string name;         // for messages
    bool installer = false;   // has an install script
    bool done_lines = false;  // has patterns that say when it is ready
    std::string stop_command; // for stdin; empty: stop_signal
    std::string stop_signal = "SIGTERM";
    milliseconds stop_timeout{30'000}, install_timeout{30 * 60'000};
    bool restart_after_crash = true, crash_on_clean_exit = false;
    CrashLimits crash_limits;
};

class Machine {
public:
    // The engine is away until the first Back.
    Machine(Settings, Record);

    // One step. `now` counts from any fixed point and never goes back. The effects are to be carried out in
    // order, before the next step.
    std::vector<Effect> step(const Input&, milliseconds now);

    [[nodiscard]] State state() const;
    [[nodiscard]] const Record& record() const { return record_; }
    [[nodiscard]] bool engine_away() const { return away_; }
    [[nodiscard]] bool gone() const { return gone_; }
    // All that decides what happens next, without numbers, ids and texts: for people, and packed for tests
    // that compare states.
    [[nodiscard]] std::string describe() const;
    using Key = std::array<std::uint64_t, 2>;
    [[nodiscard]] Key key() const;

private:
    enum class Progress { none, checked, pulled, created, launched, containers_removed };
    enum class Stuck { no, inspecting, killing, removing };

    // State of the current goal; reset with it. An absence of the engine resets everything except what was
    // asked of the server.
    struct Attempt {
        Progress progress = Progress::none;
        bool asked = false;             // to stop, by signal or command
        bool out_of_time = false;       // then it is killed
        bool killed = false;            // SIGKILL is on its way
        Verb kill = Verb::kill;         // of the server, or remove_installer
        bool overdue = false;           // SIGKILL should have worked by now
        bool tried_again = false;       // a container that vanished was created again
        bool ready = false;             // the done line came before inspect showed the run
        std::optional<Problem> failure; // of a call whose effect is being looked at, or of the deadline
    };

    // Inputs (machine.cpp).
    void on(const Power&);
    void on(const Cancel&);
    void on(const Done&);
    void on(const Seen&);
    void on(const EngineEvent&);
    void on(const Oom&);
    void on(const Ready&);
    void on(const Fired&);
    void on(const Away&);
    void on(const Back&);
    void call_done(Verb, const Done&);
    void start_done(const Done&);
    void remove_done(Verb, const Done&);
    void show();
    void forget_calls();
    [[nodiscard]] State resting_state() const;

    // Actions (machine_actions.cpp).
    void begin(Power, bool answered = false);
    void wait(const Power&);
    void preempt(Power);
    void kill_while_removing(const Power&);
    void run(Power, Goal, bool answered = false);
    void finish(Verdict, const Problem&);
    void refuse(const Power&, std::string code, const std::string& why);
    [[nodiscard]] Problem not_installed() const;
    [[nodiscard]] bool checking() const;
    void answer_at_once();
    void answer_unfinished(const Problem&);
    [[nodiscard]] std::string so_far() const;
    [[nodiscard]] std::string what_runs() const;

    // Goals (machine_goals.cpp). True: the goal changed, look at the new one.
    void advance();
    bool drive();
    bool settle();
    bool drive_install();
    bool drive_installer();
    bool drive_start();
    bool drive_stop();
    bool pull_for_restart();
    [[nodiscard]] std::optional<Problem> killed_late() const;
    bool drive_kill();
    bool drive_remove();
    bool stop_server();
    void ask_to_stop();
    bool fail_start(Problem);
    bool fail_install(const Problem&);

    // What inspect shows (machine_view.cpp).
    void observe(const Facts&);
    void observe_server(const ContainerFacts&, bool engine_restarted);
    void started(const std::string& run);
    // Without facts: the container was removed.
    void ended(const ContainerFacts*, bool engine_restarted);
    void judge(const ContainerFacts*, bool engine_restarted, bool oom, milliseconds ran_for);
    void crashed(const Problem&, milliseconds ran_for, bool start_again);
    void judge_stuck();
    template <class Out> void tell(Out&) const;

    void look()
    {
        if (!away_) calls_.look(effects_);
    }
    void call(Verb verb, std::string text = {}) { calls_.begin(verb, std::move(text), effects_); }
    void kill_now(Verb);
    void stick(Stuck);
    void unstick();
    void cancel_backoff();
    void say(const std::string& message);

    Settings settings_;
    Record record_, saved_;
    bool away_ = true, gone_ = false;
    bool engine_restarted_ = false; // not yet taken into account
    // The engine may still carry out a start whose call is void: a run that nobody wants is then ended once.
    bool loose_start_ = false;
    bool oom_ = false; // in the current run
    bool backing_off_ = false;

    Calls calls_;
    Requests requests_;
    Attempt attempt_;
    Stuck stuck_ = Stuck::no;
    unsigned retries_ = 0;
    CrashPolicy crashes_;
    milliseconds now_{0}, run_since_{0};

    State shown_;
    Problem reason_; // of the state change of this step
    EffectList effects_;
};

} // namespace agenthost::docker::server

// The life of one game server as a state machine without I/O: it is told what people ask and what the engine
// does, and says what to do next.
//
// The machine works towards a goal (record.hpp) from what inspect last showed, one engine call at a time.
// Engine events only make it look again, so a lost event delays it and cannot mislead it; the shell also
// feeds EngineEvent from time to time. After an absence of the engine or a restart of the agent it looks
// first, and goes on with the goal it had.
//
// Rules:
// - A change of the desired state is saved before the engine is called.
// - One action runs and one waits; another is refused as BUSY. While the engine is away, all are refused.
// - kill and remove pre-empt everything: running and waiting actions are answered as cancelled, a pull is
//   cancelled, an installer is killed. A start that the engine is working on is killed when it comes up.
// - An action is answered once: when its goal is reached, when it fails or is pre-empted, when a pull begins,
//   or after 10 s with the state so far. What happens to it later is told by state changes.
// - A death while we stop the server is no crash, whatever its exit code; nor is one that a restart of the
//   engine explains. An exit code of 0 means that the game was ended from within.
// - An action that the engine does not carry out in time makes the server `stuck`: the machine tries again
//   with growing delays, and accepts only kill and remove.
//
// One machine for each server; not thread-safe, called from the engine thread.
#pragma once

#include "crash_policy.hpp"
#include "values.hpp"

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
    // All that decides what happens next, in one line without numbers and ids: for diagnostics and tests.
    [[nodiscard]] std::string describe() const;

private:
    [[nodiscard]] State resting_state() const;

    enum class Progress { none, pulled, created, launched, containers_removed };
    enum class Stuck { no, inspecting, killing, removing };

    struct Pending { // a call in flight
        CallNumber number = 0;
        Verb verb = Verb::inspect;
        bool abandoned = false; // its goal was given up; what it did is found out afterwards
        explicit operator bool() const { return number != 0; }
    };
    // Of the present goal; forgotten with it. An absence of the engine forgets all but what was asked of the
    // server.
    struct Attempt {
        Progress progress = Progress::none;
        bool asked = false;             // to stop, by signal or command
        bool out_of_time = false;       // then it is killed
        bool killed = false;            // SIGKILL is on its way
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
    void on(const PullBegan&);
    void on(const EngineEvent&);
    void on(const Oom&);
    void on(const Ready&);
    void on(const Fired&);
    void on(const Away&);
    void on(const Back&);
    void call_done(Verb, const Done&);
    void remove_done(Verb, const Done&);
    void kill_done(const Done&);
    void forget_calls();

    // Actions (machine_actions.cpp).
    void begin(Power);
    void begin_install(Power);
    void preempt(Power);
    void kill_while_removing(const Power&);
    void run(Power, Goal);
    void finish(Verdict, const Problem&);
    void answer_running(Verdict, const Problem&);
    void answer(const std::string& id, Verdict, const Problem&);
    void refuse(const Power&, std::string code, const std::string& why);
    [[nodiscard]] bool installed(const Power&);
    void give_up_call();

    // Goals (machine_goals.cpp). True: the goal changed, look at the new one.
    void advance();
    bool drive();
    bool settle();
    bool drive_install();
    bool drive_installer();
    bool drive_start();
    bool drive_stop();
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
    void judge(const ContainerFacts*, bool engine_restarted, milliseconds ran_for);
    void crashed(const Problem&, milliseconds ran_for);
    void judge_stuck();
    [[nodiscard]] bool running() const { return known_ && view_.server.is == Container::running; }
    [[nodiscard]] bool installer_running() const
    {
        return known_ && view_.installer.is == Container::running;
    }

    void look();
    void call(Verb, const std::string& text = {});
    void kill_now(Verb);
    void stick(Stuck);
    void unstick();
    void arm(Timer, milliseconds);
    void disarm(Timer);
    [[nodiscard]] bool armed(Timer timer) const { return (armed_ & 1u << static_cast<unsigned>(timer)) != 0; }
    void cancel_backoff();
    void say(const std::string& message);

    const Settings settings_;
    Record record_, saved_;
    bool away_ = true, gone_ = false;
    bool engine_restarted_ = false; // not yet taken into account
    // The engine may still carry out a start whose call is void: a run that nobody wants is then ended once.
    bool loose_start_ = false;
    bool oom_ = false; // in the present run
    bool backing_off_ = false;

    Pending call_, kill_;
    CallNumber look_ = 0, last_number_ = 0;
    bool look_again_ = false;

    bool known_ = false; // `view_` is what inspect showed, and nothing has been done since
    Facts view_;
    milliseconds now_{0}, run_since_{0};

    Attempt attempt_;
    Stuck stuck_ = Stuck::no;
    unsigned retries_ = 0;
    std::optional<Power> running_, waiting_;
    bool answered_ = false; // running_
    unsigned armed_ = 0;    // a bit for each timer
    CrashPolicy crashes_;

    State shown_;
    Problem reason_; // of the state change of this step
    std::vector<Effect> effects_;
};

} // namespace agenthost::docker::server

// Decides what happens to one plugin next: start, configure, stop, restart. Pure: step() takes an event and
// returns actions for the shell; nothing here blocks, calls a plugin or reads a clock.
//
// Every request to change the plugin (a reload, a shutdown) goes through step(). A request that arrives while
// the plugin is starting, being configured or stopping waits; the latest replaces earlier ones, and all are
// answered together. Close takes precedence: it answers waiting requests, accepts no further ones, and is
// answered when no instance of the plugin is left.
//
// Operations are numbered, so that the completion of an operation that a stop or a death has superseded is
// ignored. Bound: `max_waiters` requests wait; more are refused. Main I/O thread.
//
// More than 25 members, because each event is a function and all of them share one state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace agenthost::host {

// What should run.
struct PluginSpec {
    std::string config;
    bool isolated = false;
    std::string file; // identifies the library and manifest on disk
    bool operator==(const PluginSpec&) const = default;
};

class PluginMachine {
public:
    static constexpr std::size_t max_waiters = 64;

    // `stuck`: a worker is blocked past its deadline and the grace period; the plugin still accepts requests.
    // `failed`: not running; with recovering() its runner is restarted automatically.
    enum class Stage : std::uint8_t { stopped, starting, running, configuring, stopping, failed, stuck };
    using Operation = std::uint64_t;
    using Waiter = std::uint64_t; // a requester; answered exactly once

    // --- events
    struct Run { // the configuration wants this plugin
        PluginSpec spec;
        Waiter waiter;
    };
    struct Remove { // the configuration no longer wants it
        Waiter waiter;
    };
    struct Close { // the daemon shuts down
        Waiter waiter;
    };
    // `alive` with a problem: it runs but cannot be used, and must be stopped. `recovers`: its runner
    // crashed; it is restarted and reports Recovered.
    struct Started {
        Operation operation;
        std::string problem;
        bool alive = false;
        bool recovers = false;
    };
    struct Configured { // `alive`: it still runs, with the new configuration or, on a problem, the old one
        Operation operation;
        std::string problem;
        bool alive = true;
    };
    struct Stopped {
        Operation operation;
        std::string problem;
    };
    struct Died { // outside an operation; `recovers`: it will be restarted and report Recovered
        std::string why;
        bool recovers = false;
    };
    struct Recovered { // with a problem: it runs but cannot be used, and must be stopped
        std::string problem;
    };
    struct Stuck {
        std::string why;
    };
    struct Freed {};
    using Event =
        std::variant<Run, Remove, Close, Started, Configured, Stopped, Died, Recovered, Stuck, Freed>;

    // --- actions, in this order
    struct Start { // make a new instance and start it
        Operation operation;
        PluginSpec spec;
    };
    struct Configure {
        Operation operation;
        PluginSpec spec;
    };
    struct Stop { // a second one for the same operation: its time has become shorter
        Operation operation;
    };
    struct Withdraw { // its actions can no longer be called
        std::string why;
    };
    struct Answer {
        enum class Outcome : std::uint8_t { unchanged, changed, failed };
        Waiter waiter;
        Outcome outcome;
        std::string text; // "started", "keeps its old configuration: ..."
    };
    using Action = std::variant<Start, Configure, Stop, Withdraw, Answer>;

    std::vector<Action> step(Event);

    [[nodiscard]] Stage stage() const { return stage_; }
    [[nodiscard]] const std::string& reason() const { return reason_; } // why it failed or is stuck
    [[nodiscard]] bool recovering() const { return recovering_; }
    [[nodiscard]] bool expects(Operation operation) const
    {
        return operation_ == operation && operation != 0;
    }
    [[nodiscard]] bool gone() const { return stage_ == Stage::stopped && !wanted_ && waiters_.empty(); }
    [[nodiscard]] const std::optional<PluginSpec>& running() const { return running_; }
    // The library on disk differs from the running one, and only a restart of the daemon loads it.
    [[nodiscard]] bool needs_restart() const { return needs_restart_; }

private:
    void on(Run&);
    void on(Remove&);
    void on(Close&);
    void on(Started&);
    void on(Configured&);
    void on(Stopped&);
    void on(Died&);
    void on(Recovered&);
    void on(Stuck&);
    void on(Freed&);
    bool admit(Waiter);
    [[nodiscard]] bool at_rest() const;
    [[nodiscard]] bool exists() const; // there is an instance that must be stopped
    void settle();
    void settle_running();
    void begin_start();
    void begin_configure();
    void begin_stop();
    void fail(std::string why);
    void answer(Answer::Outcome, const std::string& text);
    [[nodiscard]] bool superseded() const; // another request arrived since the operation began

    Stage stage_ = Stage::stopped;
    bool recovering_ = false, closed_ = false, needs_restart_ = false;
    std::optional<PluginSpec> wanted_, running_;
    PluginSpec tried_; // of the current or the last operation
    Operation operation_ = 0, last_operation_ = 0;
    std::string reason_, refused_; // `refused_`: why it is being stopped, after which it has failed
    std::vector<Waiter> waiters_;
    std::string done_; // what was done so far, for the waiters
    std::vector<Action> actions_;
};

const char* to_string(PluginMachine::Stage);

} // namespace agenthost::host

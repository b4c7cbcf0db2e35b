// Terminal commands as the hub sees them, whoever asked: REST, a dashboard, the command line.
//
//   queued --agent says running, or prints--> running --the task ends--> completed | failed
//
// A run is the task of a `terminal.run` (commands.hpp makes, repeats and ends it) with what the agent says meanwhile: state, place in
// the queue, output. `queued` always comes first, the final state after the last output. When the agent's session ends in the middle,
// the next one is asked for what it still has (terminal.attach) and only what is nowhere any more becomes a gap.
//
// Bounds: output of a run and of all together (the oldest goes, first that of runs that are over), runs that are over, chunks held
// while older ones are fetched. Under the hub's lock.
#pragma once

#include "output.hpp"

#include "base/json_writer.hpp"
#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "plugins/hub/tasks/requests.hpp"

#include "wire/message.hpp"

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace agenthost::hub {

enum class RunState : std::uint8_t { queued, running, completed, failed };
std::string_view word(RunState);

struct Run {
    std::string id, agent, priority; // id: the task's, and the commandId on the wire
    std::string command;             // its beginning, as a person would type it; for the machine's owner
    bool pty = false;
    RunState state = RunState::queued;
    std::uint64_t position = 0; // in the agent's queue, from 1; 0: not said
    std::optional<int> exit_code;
    std::string reason, signal;        // exit, signal, interrupted, timeout, agent_lost; when it is over
    std::string code, message, detail; // why it failed, where that is not the command's own doing
    std::int64_t created = 0, started = 0, ended = 0; // UTC ms; 0: not yet
    RunOutput output;

    [[nodiscard]] bool over() const { return state >= RunState::completed; }
};

class Runs {
public:
    struct Limits {
        std::size_t output = 1U << 20;
        std::size_t memory = 64U << 20;
        std::size_t over = 256;
        std::size_t held = 256U << 10;
    };
    // What somebody wants to hear; either may be empty. Called under the lock, must not block. Who is slow keeps nothing here: it lets
    // chunks pass and reads Run::output again from its position.
    struct Watch {
        std::function<void(const Run&)> status; // each new state
        std::function<void(const Run&, const RunChunk&)> output;
        std::function<void(std::string_view agent, std::string_view queue)>
            queue; // a JSON array; observe() only
    };
    using Then = Requests::Then;

    Runs(Core& core, Fanout& fanout, Commands& commands, Requests& requests, Limits limits);
    Runs(Core& core, Fanout& fanout, Commands& commands, Requests& requests)
        : Runs{core, fanout, commands, requests, Limits{}}
    {}

    // A task that start() takes.
    [[nodiscard]] TaskRecord make(std::string agent, std::string params) const;
    // Empty: start() takes it if there is room. Else what is wrong with it.
    [[nodiscard]] std::string check(TaskRecord& task) const UNDER_LOCK { return commands_.check(task); }
    // Its `queued` is heard before the call returns. false: too much is open, `why` says what.
    bool start(TaskRecord, std::string* why = nullptr) UNDER_LOCK;

    [[nodiscard]] const Run* find(std::string_view id) const UNDER_LOCK;
    [[nodiscard]] std::vector<const Run*> open() const UNDER_LOCK; // oldest first
    [[nodiscard]] std::vector<const Run*> all() const UNDER_LOCK; // and those that are over and not forgotten
    void observe(Watch all) UNDER_LOCK { observers_.push_back(std::move(all)); }
    // Output from position `from` on: what is kept at once, then as it comes; status() from now on. 0: no such run.
    std::uint64_t watch(std::string_view id, std::uint64_t from, Watch) UNDER_LOCK;
    void unwatch(std::string_view id, std::uint64_t watch) UNDER_LOCK;

    // To the agent. `then` comes exactly once; COMMAND_NOT_FOUND when there is no such run or it is over.
    // An agent that has just been sent the command may not know it yet, or be busy: it is asked again for about two seconds.
    void interrupt(std::string_view id, bool force, Then) UNDER_LOCK;
    struct Input {
        std::string data;
        bool base64 = false, eof = false;
        std::optional<std::uint64_t> offset{}; // of data in all that is typed: then it may be sent again
    };
    void input(std::string_view id, const Input&, Then) UNDER_LOCK;
    void resize(std::string_view id, unsigned columns, unsigned rows, Then) UNDER_LOCK;

    // --- what happens; hub.cpp tells ---
    void began(const TaskRecord&) UNDER_LOCK;
    void ended(const TaskRecord&) UNDER_LOCK;
    void agent_ready(const AgentRecord&) UNDER_LOCK; // after Commands has sent again what was open
    void agent_lost(std::string_view agent) UNDER_LOCK;
    void progress(std::string_view agent, const wire::Progress&) UNDER_LOCK;
    void stream(std::string_view agent, const wire::Stream&) UNDER_LOCK;
    void event(std::string_view agent, const wire::Event&) UNDER_LOCK;

    [[nodiscard]] std::size_t memory() const UNDER_LOCK { return memory_; }

private:
    struct Channel {
        std::uint64_t next = 0; // the agent's offset that is expected
        std::int64_t shift = 0; // added to what the agent says
        bool rebase = false;    // its next chunk goes on where the last one ended, whatever it says
    };
    struct Held {
        std::uint32_t channel;
        std::uint64_t offset;
        std::string bytes;
    };
    struct Entry {
        Run run;
        std::array<Channel, 2> channels;
        std::optional<std::pair<unsigned, unsigned>> size; // columns, rows asked for before it ran
        bool sent = false;                                 // the agent may have it
        std::string replay;     // the request that fetches what was missed; empty: none
        int rounds = 0;         // of such requests for this session
        bool overflow = false;  // something was not held
        std::vector<Held> held; // came meanwhile
        std::size_t held_bytes = 0;
        std::unique_ptr<TaskRecord> end; // it ended meanwhile
        std::map<std::uint64_t, std::shared_ptr<Watch>> watches;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
    };

    Entry* entry(std::string_view id) UNDER_LOCK;
    void take(Entry&, std::uint32_t channel, std::uint64_t offset, std::string_view bytes) UNDER_LOCK;
    void hold(Entry&, const wire::Stream&) UNDER_LOCK;
    void fetch(Entry&) UNDER_LOCK;
    void fetched(const std::string& id, const Requests::Answer&) UNDER_LOCK;
    void settle(const std::string& id) UNDER_LOCK;
    void finish(Entry&, const TaskRecord&) UNDER_LOCK;
    void state_gap(Entry&, std::uint64_t printed) UNDER_LOCK;
    void turn(Entry&, RunState) UNDER_LOCK;
    void tell(const Entry&, const std::function<void(const Watch&)>&) UNDER_LOCK;
    void make_room(Entry&) UNDER_LOCK;
    void forget_over() UNDER_LOCK;
    // Adds to the parameters, behind the command's id.
    using WriteMembers = std::function<void(base::JsonWriter&)>;
    void ask(std::string_view id, std::string_view action, const WriteMembers&, Then) UNDER_LOCK;
    void interrupt(const std::string& id, bool force, int tries, Then) UNDER_LOCK;

    static constexpr int max_interrupts =
        40; // of one call, while the agent is still writing the command's row
    static constexpr std::size_t max_interrupts_waiting = 1'024;
    static constexpr auto interrupt_again = std::chrono::milliseconds{50};

    Core& core_;
    Fanout& fanout_;
    Commands& commands_;
    Requests& requests_;
    const Limits limits_;
    std::size_t interrupts_waiting_ GUARDED = 0;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> runs_ GUARDED;
    std::unordered_map<std::string, std::string, Hash, std::equal_to<>> replays_ GUARDED; // request -> run
    std::deque<std::string> over_ GUARDED;                                                // oldest first
    std::vector<Watch> observers_ GUARDED;
    std::size_t memory_ GUARDED = 0;
    std::uint64_t last_watch_ GUARDED = 0;
};

} // namespace agenthost::hub

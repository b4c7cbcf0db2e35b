// Owns the terminal commands of all callers: REST, dashboards, the command line.
//
//   queued --agent reports running, or output--> running --the task ends--> completed | failed
//
// A run is the task of a `terminal.run` (commands.hpp makes, repeats and ends it) with what the agent reports
// meanwhile: state, place in the queue, output. `queued` is always first, and the final state follows the
// last output. If the agent's session ends in the middle, the next one is asked for the output that the agent
// still has (terminal.attach); only what nobody has becomes a gap.
//
// Bounds: output of a run and of all together (the oldest goes, first that of ended runs), ended runs, chunks
// held while older ones are fetched. Under the hub's lock.
#pragma once

#include "channels.hpp"
#include "control.hpp"
#include "run.hpp"

#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "plugins/hub/tasks/requests.hpp"

#include "wire/message.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class Runs {
public:
    struct Limits {
        std::size_t output = 1U << 20;
        std::size_t memory = 64U << 20;
        std::size_t over = 256;
        std::size_t held = 256U << 10;
    };
    // Callbacks of a watcher; each may be empty. Called under the lock, must not block. Slow watchers are not
    // buffered: they skip chunks and read Run::output again from their position.
    struct Watch {
        // Each new state.
        std::function<void(const Run&)> status;
        std::function<void(const Run&, const RunChunk&)> output;
        // A JSON array; observe() only.
        std::function<void(std::string_view agent, std::string_view queue)> queue;
    };

    Runs(Core& core, Fanout& fanout, Commands& commands, Requests& requests, Limits limits);
    Runs(Core& core, Fanout& fanout, Commands& commands, Requests& requests)
        : Runs{core, fanout, commands, requests, Limits{}}
    {}

    // Creates a task for start().
    [[nodiscard]] TaskRecord make(std::string agent, std::string params) const;
    // Empty: start() accepts it if there is room. Else the error.
    [[nodiscard]] std::string check(TaskRecord& task) const UNDER_LOCK { return commands_.check(task); }
    // Watchers are told `queued` before the call returns. False: too much is open, `why` says what.
    bool start(TaskRecord, std::string* why = nullptr) UNDER_LOCK;

    [[nodiscard]] const Run* find(std::string_view id) const UNDER_LOCK;
    // Oldest first; all() has ended runs that are still kept, too.
    [[nodiscard]] std::vector<const Run*> open() const UNDER_LOCK;
    [[nodiscard]] std::vector<const Run*> all() const UNDER_LOCK;
    void observe(Watch all) UNDER_LOCK { observers_.push_back(std::move(all)); }
    // Watches a run: kept output from position `from` on at once, then new output; status() from now on. 0:
    // no such run.
    std::uint64_t watch(std::string_view id, std::uint64_t from, Watch) UNDER_LOCK;
    void unwatch(std::string_view id, std::uint64_t watch) UNDER_LOCK;

    // Interrupts, input and terminal sizes.
    [[nodiscard]] RunControl& control() UNDER_LOCK { return control_; }

    // ---- what happens; agent_events and Commands report it ----
    void began(const TaskRecord&) UNDER_LOCK;
    void ended(const TaskRecord&) UNDER_LOCK;
    // After Commands has sent open tasks again.
    void agent_ready(const AgentRecord&) UNDER_LOCK;
    void agent_lost(std::string_view agent) UNDER_LOCK;
    void progress(std::string_view agent, const wire::Progress&) UNDER_LOCK;
    void stream(std::string_view agent, const wire::Stream&) UNDER_LOCK;
    void event(std::string_view agent, const wire::Event&) UNDER_LOCK;

    [[nodiscard]] std::size_t memory() const UNDER_LOCK { return memory_; }

private:
    struct Entry {
        Run run;
        RunChannels channels;
        // The agent may have it.
        bool sent = false;
        // The request that fetches what was missed, and the number of such requests in this session; empty:
        // none.
        std::string replay;
        int rounds = 0;
        // It ended meanwhile.
        std::unique_ptr<TaskRecord> end;
        std::map<std::uint64_t, std::shared_ptr<Watch>> watches;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
    };

    Entry* entry(std::string_view id) UNDER_LOCK;
    void take(Entry&, std::uint32_t channel, std::uint64_t offset, std::string_view bytes) UNDER_LOCK;
    void fetch(Entry&) UNDER_LOCK;
    void fetched(const std::string& id, const Requests::Answer&) UNDER_LOCK;
    void settle(const std::string& id) UNDER_LOCK;
    void finish(Entry&, const TaskRecord&) UNDER_LOCK;
    void state_gap(Entry&, std::uint64_t printed) UNDER_LOCK;
    void turn(Entry&, RunState) UNDER_LOCK;
    void tell(const Entry&, const std::function<void(const Watch&)>&) UNDER_LOCK;
    void make_room(Entry&) UNDER_LOCK;
    void forget_over() UNDER_LOCK;

    Core& core_;
    Commands& commands_;
    Requests& requests_;
    const Limits limits_;
    RunControl control_ GUARDED;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> runs_ GUARDED;
    // Request -> run.
    std::unordered_map<std::string, std::string, Hash, std::equal_to<>> replays_ GUARDED;
    // Oldest first.
    std::deque<std::string> over_ GUARDED;
    std::vector<Watch> observers_ GUARDED;
    std::size_t memory_ GUARDED = 0;
    std::uint64_t last_watch_ GUARDED = 0;
};

} // namespace agenthost::hub

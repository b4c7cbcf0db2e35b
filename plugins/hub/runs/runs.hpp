// Runs terminal commands for all callers: REST, dashboards, the command line. Owns the parts that do the
// rest: RunTable (kept runs and output), RunWatchers, RunControl (interrupts, input), RunEvents (what agents
// report).
//
//   queued --agent reports running, or output--> running --the task ends--> completed | failed
//
// A run is the task of a `terminal.run` (commands.hpp makes, repeats and ends it) with what the agent reports
// meanwhile: state, place in the queue, output. `queued` is always first, and the final state follows the
// last output. Under the hub's lock.
#pragma once

#include "control.hpp"
#include "events.hpp"
#include "run.hpp"
#include "table.hpp"
#include "watchers.hpp"

#include "plugins/hub/agents/fanout.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "plugins/hub/tasks/requests.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::hub {

class Runs {
public:
    using Watch = RunWatch;

    Runs(Core& core, Fanout& fanout, Commands& commands, Requests& requests);

    // Creates a task for start().
    [[nodiscard]] TaskRecord make(std::string agent, std::string params) const;
    // Empty: start() accepts it if there is space. Else the error.
    [[nodiscard]] std::string check(TaskRecord& task) const UNDER_LOCK { return commands_.check(task); }
    // Watchers are told `queued` before the call returns. False: too much is open, `why` says what.
    bool start(TaskRecord, std::string* why = nullptr) UNDER_LOCK;

    [[nodiscard]] const Run* find(std::string_view id) const UNDER_LOCK { return table_.find(id); }
    // Oldest first; all() has ended runs that are still kept, too.
    [[nodiscard]] std::vector<const Run*> open() const UNDER_LOCK { return table_.open(); }
    [[nodiscard]] std::vector<const Run*> all() const UNDER_LOCK { return table_.all(); }

    void observe(Watch all) UNDER_LOCK { watchers_.observe(std::move(all)); }
    // Watches a run: kept output from position `from` on at once, then new output; status() from now on. 0:
    // no such run.
    std::uint64_t watch(std::string_view id, std::uint64_t from, Watch) UNDER_LOCK;
    void unwatch(std::string_view id, std::uint64_t watch) UNDER_LOCK { watchers_.remove(id, watch); }

    // Interrupts, input and terminal sizes.
    [[nodiscard]] RunControl& control() UNDER_LOCK { return control_; }
    // What agents and tasks report.
    [[nodiscard]] RunEvents& events() UNDER_LOCK { return events_; }

private:
    Core& core_;
    Commands& commands_;
    RunTable table_ GUARDED;
    RunWatchers watchers_ GUARDED;
    RunControl control_ GUARDED;
    RunEvents events_ GUARDED;
};

} // namespace agenthost::hub

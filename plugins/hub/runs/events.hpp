// Applies what agents and tasks report to runs: their states, output and ends. AgentEvents (agent_events.hpp)
// and Commands call it.
//
// If the agent's session ends in the middle of a run, the next session is asked for the output that the agent
// still has (terminal.attach); only output that no one has becomes a gap. Newer output is held meanwhile, at
// most `max_held` bytes of a run. Under the hub's lock.
#pragma once

#include "control.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/tasks/requests.hpp"
#include "table.hpp"
#include "watchers.hpp"

#include "wire/message.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace agenthost::hub {

class RunEvents {
public:
    static constexpr std::size_t max_held = 256U << 10;

    RunEvents(Core& core, Requests& requests, RunControl& control, RunTable& table, RunWatchers& watchers)
        : core_{core}, requests_{requests}, control_{control}, table_{table}, watchers_{watchers}
    {}

    void began(const TaskRecord&) UNDER_LOCK;
    void ended(const TaskRecord&) UNDER_LOCK;
    // After Commands has sent open tasks again.
    void agent_ready(const AgentRecord&) UNDER_LOCK;
    void agent_lost(std::string_view agent) UNDER_LOCK;
    void agent_revoked(std::string_view agent) UNDER_LOCK; // after its tasks have ended
    void progress(std::string_view agent, const wire::Progress&) UNDER_LOCK;
    void stream(std::string_view agent, const wire::Stream&) UNDER_LOCK;
    void event(std::string_view agent, const wire::Event&) UNDER_LOCK;

private:
    void take(RunEntry&, std::uint32_t channel, std::uint64_t offset, std::string_view bytes) UNDER_LOCK;
    void turn(RunEntry&, RunState) UNDER_LOCK;
    void finish(RunEntry&, const TaskRecord&) UNDER_LOCK;
    void report_gap(RunEntry&, std::uint64_t printed) UNDER_LOCK;
    void fetch(RunEntry&) UNDER_LOCK;
    void fetched(const std::string& id, const Requests::Answer&) UNDER_LOCK;
    void settle(const std::string& id) UNDER_LOCK;

    Core& core_;
    Requests& requests_;
    RunControl& control_;
    RunTable& table_;
    RunWatchers& watchers_;
    std::map<std::string, std::string, std::less<>> replays_ GUARDED; // request -> run
};

} // namespace agenthost::hub

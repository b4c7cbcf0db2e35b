// REST for runs: GET /api/commands/:id and its output. (POST /api/agents/:id/commands with terminal.run begins one.) Under the hub's
// lock.
#pragma once

#include "plugins/hub/core/access.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include <string>

namespace agenthost::hub {

class RunsRest {
public:
    static constexpr std::size_t most_at_once = 256U << 10; // of output in one answer
    static constexpr double longest_wait_s = 60;

    RunsRest(Core& core, Calls& calls, Runs& runs) : core_{core}, calls_{calls}, runs_{runs} {}

    void show(Conn, const std::string& id, const Caller&);
    void output(Conn, const Head&, const std::string& id, const Caller&);

private:
    struct Ask {
        std::uint64_t offset = 0;
        std::uint32_t channel = 0; // 0: both
        double wait_s = 0;
    };
    void with_run(Conn, const std::string& id, const Caller&, const std::function<void(const Run&)>& then);
    void answer(Conn, const Run&, const Ask&);
    void wait(Conn, const Run&, const Ask&);

    Core& core_;
    Calls& calls_;
    Runs& runs_;
};

std::string run_json(const Run&);

} // namespace agenthost::hub

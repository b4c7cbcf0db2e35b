// REST for runs: GET /api/commands/:id and its output. (POST /api/agents/:id/commands with terminal.run
// begins one.) Under the hub's lock.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/router.hpp"
#include "plugins/hub/runs/runs.hpp"

#include <string>
#include <vector>

namespace agenthost::hub {

class RunsRest {
public:
    static constexpr std::size_t max_at_once = 256U << 10; // of output in one answer
    static constexpr double max_wait_s = 60;

    RunsRest(Core& core, Runs& runs) : core_{core}, runs_{runs} {}

    [[nodiscard]] std::vector<Route> routes();

private:
    void show(const HttpRequest&) UNDER_LOCK;
    void output(const HttpRequest&) UNDER_LOCK;
    struct Ask {
        std::uint64_t offset = 0;
        std::uint32_t channel = 0; // 0: both
        double wait_s = 0;
    };
    // Calls `then` with the run in the path if the caller may see its agent; else answers 404.
    void with_run(const HttpRequest&, const std::function<void(const Run&)>& then) UNDER_LOCK;
    void answer(const Exchange&, const Run&, const Ask&) UNDER_LOCK;
    void wait(const Exchange&, const Run&, const Ask&) UNDER_LOCK;

    Core& core_;
    Runs& runs_;
};

std::string run_json(const Run&);

} // namespace agenthost::hub

// Creates a server on the least loaded agent that it fits on, and on the next one if that agent refuses.
// Under the hub's lock.
//
// An agent is asked only after the previous one has refused: after a lost answer the server may exist, and no
// other agent is asked.
#pragma once

#include "calls.hpp"
#include "placement.hpp"
#include "plugins/hub/core/core.hpp"
#include "rest.hpp"
#include "watch.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class Placer {
public:
    // Refusals in an answer; a fleet may have thousands of agents.
    static constexpr std::size_t max_refusals = 100;

    struct Outcome {
        std::string code; // empty: created, or chosen
        std::string message;
        std::string json;                    // the answer
        std::optional<TaskRecord> task = {}; // that has created the server
    };
    struct Job {
        CreateBody body;
        std::function<bool(std::string_view agent)> sees;
        bool dry_run = false; // only chooses
        // Starts one create_server. `ended` returns false when its task is the answer, which `start` then
        // gives.
        std::function<void(ServerCall, std::function<bool(const TaskRecord&)> ended)> start;
        std::function<void(const Outcome&)> answer;
        std::vector<Refusal> refused = {}; // by agents that were asked
    };
    using JobPtr = std::shared_ptr<Job>;

    explicit Placer(ServerWatch& watch) : watch_{watch} {}
    void run(const JobPtr&) UNDER_LOCK;

private:
    void next(const JobPtr&) UNDER_LOCK;
    bool ended(const JobPtr&, const Placement&, const TaskRecord&) UNDER_LOCK;
    [[nodiscard]] Placement place_for(const Job&) const UNDER_LOCK;

    ServerWatch& watch_;
};

} // namespace agenthost::hub

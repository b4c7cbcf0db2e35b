// Answers a request by working on a thread of the pool. Shared by the jobs of all actions: the request, its
// cancellation and deadline, its progress and its answer.
#pragma once

#include "params.hpp"
#include "parts.hpp"
#include "pool.hpp"
#include "problem.hpp"

#include <agenthost/request.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace agenthost::storage {

class Job : public Work {
public:
    Job(const Parts& parts, Request request);
    ~Job() override = default;

    void run(Ticket) final;

    [[nodiscard]] Request& request() { return request_; }

protected:
    // Empty and `reply` filled on success.
    virtual MaybeProblem work(std::string& reply) = 0;
    virtual void ended(const MaybeProblem&) {}

    [[nodiscard]] netclient::WaitLimits wait_limits()
    {
        return {cancel(), request_.deadline().value_or(netclient::Clock::time_point::max())};
    }
    // The network settings of the server that sent the request; null: no server sent it, or the request is
    // finished. Throws std::runtime_error if the settings cannot be used.
    [[nodiscard]] std::shared_ptr<const netclient::Network> network() const;
    [[nodiscard]] Problem stopped_problem(); // cancelled, timeout or interrupted
    [[nodiscard]] Problem problem_of(const netclient::Transfer&);
    void progress(std::uint64_t done, std::uint64_t total); // at most four times a second

    // Its file is open: later changes of the file do not affect this job.
    void opened() { parts_.pool.opened(ticket_); }

    const Parts& parts_;

private:
    Request request_;
    Ticket ticket_ = 0;
    netclient::Clock::time_point next_progress_{};
};

// Submits a job to the pool; answers BUSY if too many are waiting.
void submit(const Parts&, Schedule::Job, const std::shared_ptr<Job>&);

// How a job uses its file.
struct Access {
    Schedule::Access access;
    bool needs_slot;
};

inline const std::string& file_of(const std::string& id) { return id; }
template <class Params> const std::string& file_of(const Params& params) { return params.id; }

// Creates a job from the request and its parameters and submits it; answers invalid parameters with an error.
template <class ActionJob, class Params>
void submit(const Parts& parts, Request request, Parsed<Params> parsed, Access use)
{
    if (const auto* bad = std::get_if<Problem>(&parsed)) {
        request.fail(bad->code, bad->message, bad->detail);
        return;
    }
    auto& params = std::get<Params>(parsed);
    Schedule::Job job{{}, file_of(params), use.access, use.needs_slot};
    submit(parts, std::move(job), std::make_shared<ActionJob>(parts, std::move(request), std::move(params)));
}

} // namespace agenthost::storage

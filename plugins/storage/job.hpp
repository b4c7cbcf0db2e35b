// What the work of all actions shares: the request, its cancellation and deadline, its progress, its answer.
#pragma once

#include "pool.hpp"
#include "problem.hpp"
#include "service.hpp"

#include <agenthost/request.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace agenthost::storage {

class Job : public Work {
public:
    Job(Service& service, Request request) : service_{service}, request_{std::move(request)}
    {
        request_.on_cancel([this] {
            cancel().set();
            if (service_.pool_) service_.pool_->look_for_cancelled();
        });
    }
    ~Job() override = default;

    void run() final;

    [[nodiscard]] Request& request() { return request_; }

protected:
    // Empty and `reply` filled on success.
    virtual MaybeProblem work(std::string& reply) = 0;
    virtual void ended(const MaybeProblem&) {}

    [[nodiscard]] netclient::Patience patience()
    {
        return {cancel(), request_.deadline().value_or(netclient::Clock::time_point::max())};
    }
    // How the server that sent the request reaches the network; null: none sent it, or the request is over. Throws
    // std::runtime_error when its settings cannot be used.
    [[nodiscard]] std::shared_ptr<const netclient::Network> network() const;
    [[nodiscard]] Problem stopped_problem(); // which of cancelled, timeout, interrupted it was
    [[nodiscard]] Problem problem_of(const netclient::Transfer&);
    void progress(std::uint64_t done, std::uint64_t total); // four times a second at most

    Service& service_;

private:
    Request request_;
    netclient::Clock::time_point next_progress_{};
};

} // namespace agenthost::storage

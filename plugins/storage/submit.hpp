// Handing work to the pool.
#pragma once

#include "job.hpp"

namespace agenthost::storage {

template <typename Work> void Service::submit(Schedule::Job job, std::shared_ptr<Work> work)
{
    job.caller = parse_caller(work->request().caller()).server;
    if (pool_->submit(std::move(job), work)) return;
    const auto busy =
        problem::busy(std::to_string(config_.queue) +
                      " transfers wait already; try again later, or raise queue or max_transfers");
    work->request().fail(busy.code, busy.message, busy.detail, not_started);
}

} // namespace agenthost::storage

// The daemon's state as metrics, collected at each scrape. Labels are names from the configuration, never
// text from peers.
#pragma once

#include "status.hpp"

#include "host/observe/metrics.hpp"

namespace agenthost::host {

struct StatusMetrics {
    StatusParts status;
    ProcessCost process;
    Audit::Stats audit;
    double loop_age_s = 0;
    std::uint64_t log_lost = 0;
};
void write_status_metrics(Sheet&, const StatusMetrics&);

} // namespace agenthost::host

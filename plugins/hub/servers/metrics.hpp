// The metrics of game servers in Prometheus' text format. Pure.
//
// A series for each server, up to a bound; the servers beyond it are counted. host/adr/0017.
#pragma once

#include "book.hpp"

#include <cstddef>
#include <string>

namespace agenthost::hub {

constexpr std::size_t max_metric_servers = 1'000;

std::string server_metrics(const ServerBook&, const ServerBook::View&, std::size_t most = max_metric_servers);

} // namespace agenthost::hub

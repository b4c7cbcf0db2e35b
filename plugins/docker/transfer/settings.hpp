// How transfers by URL are made and how many: the plugin's configuration `transfers`. Values.
#pragma once

#include "base/rate_floor.hpp"
#include "netclient/http_client.hpp"

#include <chrono>
#include <string>

namespace agenthost::docker::transfer {

struct Settings {
    unsigned max = 4;    // concurrent transfers
    unsigned queue = 64; // that may wait; beyond it: BUSY
    netclient::AddressPolicy policy;
    std::string ca_file; // trusted in addition to the system's authorities
    std::chrono::milliseconds connect_timeout{10'000}, idle_timeout{10'000};
    base::RateFloor::Limits min_rate{128, std::chrono::seconds{60}};
};

netclient::HttpOptions http_options(const Settings&);
// Why ca_file cannot be used; empty: usable, or not set.
std::string problem_of_ca(const Settings&);

} // namespace agenthost::docker::transfer

// Looks up the addresses of a server or its proxy. Blocking: on a thread of off_thread.hpp only.
#pragma once

#include "netclient/net.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace agenthost::host {

// In the resolver's order, at most 8. Empty and `problem` when there is none. `key`: the configuration's, for the remedy ("url").
std::vector<netclient::Address> look_up(const std::string& host, std::uint16_t port, const char* key,
                                        std::string& problem);

} // namespace agenthost::host

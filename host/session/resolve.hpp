// Looks up the addresses of a server or its proxy. Blocking; call it on a thread of off_thread.hpp only.
#pragma once

#include "netclient/net.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace agenthost::host {

// In the resolver's order, at most 8. Empty: `problem` says why. `key`: the configuration key that the remedy
// names ("url").
std::vector<netclient::Address> look_up(const std::string& host, std::uint16_t port, const char* key,
                                        std::string& problem);

} // namespace agenthost::host

// Names to addresses, by the system's resolver. Blocking: on a thread of off_thread.hpp only.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace agenthost::host {

// In the resolver's order, at most 8. Empty and `problem` when there is none. `key`: the configuration's, for the remedy ("url").
std::vector<boost::asio::ip::tcp::endpoint> look_up(const std::string& host, std::uint16_t port,
                                                    const char* key, std::string& problem);

bool is_loopback(const boost::asio::ip::address&); // also ::ffff:127.0.0.1
bool all_loopback(const std::vector<boost::asio::ip::tcp::endpoint>&);

} // namespace agenthost::host

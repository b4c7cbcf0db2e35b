// The parts of the table of servers; private to servers*.cpp and server_*.cpp.
#pragma once

#include "tables.hpp"

#include <vector>

namespace agenthost::host::conf {

std::vector<Key> protocol_keys(); // panel, print, signed

// The rules between the keys of one server, which has been read.
void check_server(Reading&, const Value& item, const std::string& path, const ServerConfig&);

} // namespace agenthost::host::conf

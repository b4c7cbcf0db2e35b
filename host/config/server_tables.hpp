// The parts of the table of servers; private to servers*.cpp and server_*.cpp.
#pragma once

#include "tables.hpp"

#include <string>
#include <vector>

namespace agenthost::host::conf {

// One for each protocol that has settings of its own.
std::vector<Key> protocol_keys();
std::vector<std::string> protocol_names();
std::vector<std::string> dialect_names();

// The rules between the keys of one server, which has been read.
void check_server(Reading&, const Value& item, const std::string& path, const ServerConfig&);

} // namespace agenthost::host::conf

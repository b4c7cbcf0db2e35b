// Parts of the key table of servers; private to servers*.cpp and server_*.cpp.
#pragma once

#include "tables.hpp"

#include <string>
#include <vector>

namespace agenthost::host::conf {

// One key for each protocol that has settings.
std::vector<Key> protocol_keys();
std::vector<std::string> protocol_names();
std::vector<std::string> dialect_names();

// Checks the rules between the keys of one server, after reading it.
void check_server(Reading&, const Value& item, const std::string& path, const ServerConfig&);

} // namespace agenthost::host::conf

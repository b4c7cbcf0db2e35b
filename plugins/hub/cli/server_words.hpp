// The words of `agenthost hub server`: translates the command line into the parameters of the hub's actions.
// Pure, except that a configuration file is read.
#pragma once

#include "arguments.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace agenthost::hub::cli {

// "AGENT/SERVER" or "SERVER"; --agent names the agent as well. Throws Usage.
nlohmann::json server_named(const Arguments&, std::string_view word);

// The eggConfig and the other parameters of create_server from --file and the options, in the file's order: the
// first port and the first image of an egg are the default ones. Throws Usage.
nlohmann::ordered_json create_params(const Arguments&);

// "8080:80", "8080:80/udp", "8080": {"80": 8080}. Throws Usage.
void add_port(std::string_view text, nlohmann::ordered_json& ports);

// Bytes for people: "1.5 GiB".
std::string short_size(double bytes);
// A table with aligned columns; the first row is its head. Control characters are made visible.
std::string table(const std::vector<std::vector<std::string>>& rows);

} // namespace agenthost::hub::cli

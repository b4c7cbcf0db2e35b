// Laying one tree of values over another: conf.d over the file, environment and -o over both.
#pragma once

#include "value.hpp"

namespace agenthost::host::conf {

// Maps merge key by key; servers and listeners merge by name; anything else replaces what was there. {file|env|systemd: ..}
// replaces as a whole: a secret has one source.
void merge(Value& base, Value over);

// Sets section.key[.key]. Elements of servers and listeners are named (servers.files.url) or counted (servers.0.url); what is not
// there is made. `loose`: names are compared as environment variables can spell them (upper case, "_" for every other sign).
// Returns what is wrong with the path, or empty.
std::string set_path(Value& root, const std::vector<std::string>& path, Value value, bool loose);

} // namespace agenthost::host::conf

// Merges one value tree into another: conf.d over the file, environment and -o over both.
#pragma once

#include "value.hpp"

namespace agenthost::host::conf {

// Maps merge key by key; servers and listeners merge by name; anything else replaces the old value.
// {file|env|systemd: ..} is replaced completely, because a secret has one source.
void merge(Value& base, Value over);

// Sets section.key[.key]. Elements of servers and listeners are selected by name (servers.files.url) or index
// (servers.0.url); missing ones are created. `loose`: names are compared as environment variables spell them
// (upper case, "_" for any other character). Returns the problem with the path, or empty.
std::string set_path(Value& root, const std::vector<std::string>& path, Value value, bool loose);

} // namespace agenthost::host::conf

// The key tables of servers, listeners and plugins, and the rules between their keys.
#pragma once

#include "keys.hpp"

#include <utility>

namespace agenthost::host::conf {

Section tls_client_section();
Section limits_section();
void check_limits(Reading&, const Value&, const std::string& path, const Limits&);

Key servers_key();
Key listeners_key();
Key plugins_key();

// The position of a key if present, else of the whole value: where to fix a problem with it.
Where where_of(const Value&, std::string_view key);

// [A-Za-z0-9] then [A-Za-z0-9._-], at most 64 characters: names of servers and listeners.
bool is_name(std::string_view);

// Reports a secret's file that others may read or change; warns if it is missing or unreadable.
void check_secret_file(Reading&, const Where&, const std::string& path, const SecretSource&);

// Checks the files of a tls section. `problem`: the result of LoadRequest::try_..._tls, reported as an error;
// else a file that cannot be opened is a warning.
void check_tls_files(Reading&, const Value& tls, const std::string& path,
                     const std::vector<std::pair<const char*, std::string>>& files,
                     const std::string& problem);

} // namespace agenthost::host::conf

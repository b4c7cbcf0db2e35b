// The parts of the table that are lists or maps of their own: servers, listeners, plugins; and the rules between their keys.
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

// The place of a key when it is there, else of the whole value: where a problem with it is to be fixed.
Where where_of(const Value&, std::string_view key);

// [A-Za-z0-9] then [A-Za-z0-9._-], at most 64: names of servers and listeners.
bool is_name(std::string_view);

// A file with a secret in it that others may read or change: reported. Missing or unreadable now: a warning.
void check_secret_file(Reading&, const Where&, const std::string& path, const SecretSource&);

// The files of a tls section. `problem`: what trying them said (LoadRequest::try_..._tls), an error; else one that cannot be opened is a
// warning.
void check_tls_files(Reading&, const Value& tls, const std::string& path,
                     const std::vector<std::pair<const char*, std::string>>& files,
                     const std::string& problem);

} // namespace agenthost::host::conf

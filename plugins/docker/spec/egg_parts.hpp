// Readers of the parts of an egg; internal to egg.cpp and its siblings.
#pragma once

#include "document.hpp"
#include "server_spec.hpp"
#include "unknown_keys.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

Limits read_limits(const Node&, Notes&);
std::vector<PortMapping> read_ports(const Node&, Notes&);
// {"server.properties": {"parser": "properties", "find": {"server-port": "{{server.build.default.port}}"}}}
std::vector<ConfigFile> read_config_files(const Node&, Notes&);
Stop read_stop(const Node&, Notes&);
// A string or an array of strings.
std::vector<TextMatch> read_done(const Node&, Notes&);
TextMatch read_text_match(const std::string& text, const Node&);
Query read_query(const Node&, Notes&);
// image or container, entrypoint, script.
std::optional<Installer> read_installer(const Node&, Notes&);

// Egg files hold JSON inside strings ("files": "{\"server.properties\": ...}"): calls `read` with the value
// itself or with what is in the string; not at all when the string is empty.
void with_nested(const Node&, const std::function<void(const Node&)>& read);

// An environment variable's name: [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes.
void check_variable_name(std::string_view name, const Node&);

} // namespace agenthost::docker

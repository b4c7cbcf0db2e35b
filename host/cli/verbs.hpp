// The verbs, one function each; each returns the exit code. cli.cpp reads the command line and calls one of
// them.
#pragma once

#include "context.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::host::cli {

// Of the configuration (config_verbs.cpp)
int config_check(const Context&);
int config_show(const Context&);
int config_schema_verb();

// Of servers' credentials (server_verbs.cpp)
int register_server(const Context&, const std::string& name);
struct ImportOptions {
    std::string file;         // {"wsApiUrl", "wsSecret"}
    std::string name = "ops"; // of the server
    bool add = false;         // into conf.d; else the section is printed
    bool replace = false;     // overwrite an existing server of this name
};
int config_import(const Context&, const ImportOptions&);

// Of a running daemon (daemon_verbs.cpp, status.cpp, call.cpp)
int status(const Context&);
int health(const Context&);
int reload(const Context&);
int reconnect(const Context&, const std::string& server);
int version(const Context&);

struct CallOptions {
    std::string action;
    std::string params; // JSON, "@FILE" or "-"
    std::string id;
    std::optional<std::chrono::milliseconds> timeout;
    bool quiet = false; // no progress
};
int call(const Context&, const CallOptions&);

// Of plugins (plugin_verbs.cpp)
int plugin_list(const Context&);
int plugin_info(const Context&, const std::string& id);
int plugin_check(const Context&, const std::string& id_or_file); // empty: all
struct PluginProblem {
    std::string id, text;
    bool warning = false;
};
// Problems in enabled plugins' files and configuration, including those of their own check; none is started.
// `libraries`: load them here too.
std::vector<PluginProblem> plugin_problems(const Config&, bool libraries);

// Will it work here? (doctor.cpp)
int doctor(const Context&, std::chrono::milliseconds timeout);

// Executables agenthost-VERB beside the plugins (foreign.cpp)
std::vector<std::string> foreign_verbs(const std::vector<std::string>& plugin_path);
// Does not return on success. nullopt: unknown verb.
std::optional<int> run_foreign(const Context&, const std::string& verb, const std::vector<std::string>& args);

} // namespace agenthost::host::cli

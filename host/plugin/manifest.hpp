// A plugin's manifest: the JSON beside the library, read without loading it. sdk/GUIDE.md describes every
// field.
#pragma once

#include "host/schema/schema.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

struct ActionManifest {
    std::string name; // "storage.upload"
    std::string summary;
    std::shared_ptr<const Schema> params; // null: any object
    std::string params_json, result_json; // the schemas' text, for `plugin info`
    bool effects = false;                 // journalled
    bool audited = false;                 // each command is in the audit log; always true with effects
    bool idempotent = false;              // may run again after `interrupted`
};

struct Manifest {
    std::string id, version, license, description;
    enum class Run { worker, inline_ } run = Run::worker;
    std::uint32_t concurrency = 1; // worker threads
    std::uint32_t queue = 256;     // requests waiting for a worker; beyond: BUSY
    std::vector<std::string> capabilities, events;
    std::vector<ActionManifest> actions;
    std::map<std::string, std::map<std::string, std::string>> aliases; // protocol -> wire word -> action
    std::shared_ptr<const Schema> config;
    std::string config_json;
    std::vector<std::string> may_call; // permissions.call, patterns
    bool may_listen = false;           // permissions.listener
    bool may_read_log = false;         // permissions.log_tap
    bool may_use_network = false;      // permissions.network
    bool may_isolate = true, may_in_process = true;
    std::uint32_t create_timeout_ms = 10'000, start_timeout_ms = 10'000, stop_timeout_ms = 10'000;
    std::string text; // the file's bytes
};

// nullptr and `why` (what, where, how to fix) if it is not a manifest.
std::shared_ptr<const Manifest> parse_manifest(std::string_view text, std::string_view file,
                                               std::string& why);

} // namespace agenthost::host

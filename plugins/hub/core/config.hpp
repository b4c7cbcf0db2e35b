// The hub's section of the configuration. The manifest's schema has been checked by the host before this
// reads it.
//
// More than 25 members: one for each key.
#pragma once

#include "action_words.hpp"

#include "base/secret.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

using std::chrono::milliseconds;

using Secret = base::SecretSource;

struct Config {
    std::string listener = "hub";
    std::string public_url;  // no trailing slash; empty: the listener's address
    std::string database;    // default: hub.db in the plugin's state directory
    std::string credentials; // YAML: agents: [{id, secret}]; empty: only minted ones
    Secret admin_token;
    Secret enroll_token; // registers panel agents; if set, the admin token does not
    // At most one: HS256, or RS256/ES256; none: HS256 with a generated secret.
    Secret jwt_secret, jwt_key;
    bool trust_shop_id = false; // print shops without a credential may connect
    // Origins of browsers, in addition to the hub's own: "https://desk.example.com"; "*": any.
    std::vector<std::string> allow_origins;
    milliseconds ping_interval{30'000};    // of the panel protocol's pings
    std::uint64_t message_bytes = 1 << 20; // of one message from an agent that has authenticated
    std::string spool; // folder for files in transit; default: spool in the state directory
    std::uint64_t spool_bytes = 10ULL << 30;   // all of them together
    std::uint64_t reserve_free = 256ULL << 20; // kept free on that file system
    std::uint64_t max_file = 10ULL << 30;
    milliseconds task_ttl{24 * 3600 * 1000};
    milliseconds task_warning{30'000};      // a shop's task that is open for longer gets a warning
    milliseconds transfer_ttl{3600 * 1000}; // a one-time URL and the call it serves
    milliseconds agent_grace{30'000};       // a file transfer waits this long for an agent that disconnected
    milliseconds stream_after{
        10'000}; // after this a GET sends what has arrived, while the agent still uploads
    std::uint64_t min_rate = 2ULL << 10; // minimum rate of a body in bytes/s; 0: any
    milliseconds reader_grace{500};      // an agent waits this long for a slower reader of a command's output
    std::uint32_t in_flight = 64;        // commands sent to one agent and not answered
    std::uint32_t agent_queue = 1'000;   // commands open for one agent
    std::uint32_t open_tasks = 10'000;
    std::uint64_t open_bytes = 128ULL << 20; // of open tasks, in memory and on disk
    // How often a task is resent after a lost session, 0 to 3, by agent; "*": agents of other software, if
    // they differ from 3.
    std::map<std::string, int, std::less<>> redispatch;
    // The protocols' names for actions; `manifests` adds to them.
    ActionWords action_words;
    std::uint32_t task_rows = 100'000;
    std::uint64_t result_bytes = 1ULL << 30; // of results that ended tasks keep in the database
};

// Throws std::invalid_argument: what, where, how to fix. Relative paths are taken below `state_dir`.
Config parse_config(std::string_view json, const std::string& state_dir);

} // namespace agenthost::hub

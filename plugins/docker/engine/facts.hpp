// What an engine says about itself, its containers and images, read into plain values. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker::engine {

using Labels = std::map<std::string, std::string, std::less<>>;

struct EngineFacts {
    bool podman = false;
    std::string version;      // "20.10.24"
    std::string api, min_api; // what the engine offers
    std::string used_api;     // what we use
    std::string id;           // stays the same when the engine restarts
    std::string os, architecture, kernel;
    int cgroup_version = 0; // 0: unknown
    std::string cgroup_driver, storage_driver, logging_driver, root_folder;
    bool rootless = false, user_namespaces = false, selinux = false;
    bool memory_limit = true, swap_limit = true, cpu_quota = true, pids_limit = true;
    bool live_restore = false;
    std::uint64_t memory = 0;
    std::int64_t cores = 0;
    // Limits that this engine cannot enforce, one sentence each.
    std::vector<std::string> warnings;
};
// From GET /version and GET /info. nullopt: not an engine's answers.
std::optional<EngineFacts> read_engine(std::string_view version, std::string_view info);
// Of the answer to /version; empty: it names none.
std::string oldest_api_of(std::string_view version);

struct Port {
    std::uint16_t container = 0, host = 0;
    std::string protocol, host_ip;
    bool operator==(const Port&) const = default;
};

struct ContainerFacts {
    std::string id, name, image, image_id;
    // created, running, paused, restarting, removing, exited, dead (Podman also: configured, stopped).
    std::string status;
    bool running = false, paused = false, oom_killed = false, dead = false;
    std::int64_t pid = 0;
    int exit_code = 0;
    std::string error; // why it did not start
    std::int64_t created_ns = 0, started_ns = 0, finished_ns = 0;
    std::int64_t restart_count = 0;
    bool tty = false, open_stdin = false;
    std::string log_driver;
    Labels labels;
    std::vector<Port> ports;
    std::string cgroup_parent;
    // The complete answer, to compare with what was asked.
    std::string json;
};
std::optional<ContainerFacts> read_container(std::string_view json);

struct ContainerRow {
    std::string id, name, image, status;
    std::int64_t created_ns = 0;
    Labels labels;
    std::vector<Port> ports;
};
// nullopt: not a list. Rows without an id are left out.
std::optional<std::vector<ContainerRow>> read_containers(std::string_view json);

struct ImageFacts {
    std::string id;
    std::vector<std::string> tags, digests;
    std::uint64_t size = 0;
    std::string user, os, architecture;
    std::vector<std::string> entrypoint, command;
};
std::optional<ImageFacts> read_image(std::string_view json);

struct DiskUse {
    std::uint64_t images = 0, containers = 0, volumes = 0, build_cache = 0;
    // Bytes of each container's writable layer, by id.
    std::map<std::string, std::uint64_t> writable;
};
std::optional<DiskUse> read_disk_use(std::string_view json);

// The answer to POST /containers/create.
struct Created {
    std::string id;
    std::vector<std::string> warnings;
};
std::optional<Created> read_created(std::string_view json);

// The answer to POST /containers/ID/update.
struct Updated {
    std::vector<std::string> warnings;
};
std::optional<Updated> read_updated(std::string_view json);

// The answer to POST /containers/ID/wait.
struct Exit {
    std::int64_t code = 0;
    std::string error;
};
std::optional<Exit> read_exit(std::string_view json);

} // namespace agenthost::docker::engine

// RAII owners of the arguments of posix_spawn.
#pragma once

#include <spawn.h>

namespace agenthost::base {

struct SpawnActions {
    posix_spawn_file_actions_t raw;
    SpawnActions() { ::posix_spawn_file_actions_init(&raw); }
    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&raw); }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;
};

struct SpawnAttributes {
    posix_spawnattr_t raw;
    SpawnAttributes() { ::posix_spawnattr_init(&raw); }
    ~SpawnAttributes() { ::posix_spawnattr_destroy(&raw); }
    SpawnAttributes(const SpawnAttributes&) = delete;
    SpawnAttributes& operator=(const SpawnAttributes&) = delete;
};

} // namespace agenthost::base

// Reads the machine's identity, which does not change while it runs. Reads files; cheap enough to call each
// time.
#pragma once

#include <string>

namespace agenthost::telemetry {

struct Machine {
    std::string id; // 32 hex digits of machine-id(5), or else generated once and kept in the state directory
    bool made_up = false;                            // generated here
    std::string boot_id, hostname, kernel, arch, os; // os: PRETTY_NAME of os-release(5)
};
// `root`: prefix of /etc and /proc, for tests. `state_directory` empty: a generated id is not kept.
Machine read_identity(const std::string& state_directory, const std::string& root = {});

} // namespace agenthost::telemetry

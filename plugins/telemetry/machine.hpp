// Who this machine is: what stays the same while it runs. Reads files; cheap enough to ask each time.
#pragma once

#include <string>

namespace agenthost::telemetry {

struct Machine {
    std::string
        id; // 32 hex digits of machine-id(5); without one, of our own, made once and kept in the state directory
    bool made_up = false;                            // by us
    std::string boot_id, hostname, kernel, arch, os; // os: PRETTY_NAME of os-release(5)
};
// `root`: in front of /etc and /proc, for tests. `state_directory` empty: an id of our own is not kept.
Machine look_at_machine(const std::string& state_directory, const std::string& root = {});

} // namespace agenthost::telemetry

// Who a command runs as. Look-ups may ask a directory service over the network: on the control thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace agenthost::terminal {

struct User {
    std::string name, home, shell;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    bool change = false; // we are root and become this one
};

// Throws std::runtime_error with what to do when there is none, or we may not become it.
User find_user(const std::string& name);
User own_user(); // also when the user data base does not know us
// run_as of the configuration: empty means agenthost-run when root, else ourselves.
User default_user(const std::string& run_as);

} // namespace agenthost::terminal

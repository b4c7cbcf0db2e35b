// The user that a command runs as. Lookups may query a directory service over the network: on the control
// thread only.
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
    bool change = false; // we are root and must switch to this user
};

// Throws std::runtime_error with the remedy if there is no such user, or we may not switch to it.
User find_user(const std::string& name);
User own_user(); // even if the user database does not contain it
// run_as of the configuration: empty means agenthost-run if root, else our own user.
User default_user(const std::string& run_as);

} // namespace agenthost::terminal

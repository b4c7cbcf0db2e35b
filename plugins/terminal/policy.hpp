// Decides whether a command may run, under which path and with which environment. Reads the file system,
// changes nothing.
//
// A pattern is an absolute path, perhaps followed by patterns for the arguments, all separated by blanks:
//   /usr/bin/uptime                   with any arguments
//   /usr/bin/systemctl status *       exactly two, the first of them "status"
//   /usr/bin/journalctl -u nginx ...  these, then any
//   /usr/bin/id ""                    none
//   /usr/bin/*                        a * of the path does not cross a /
//   *                                 alone: everything, and shell strings
// It is compared with the program's path (found in `path`, made absolute, without . and ..) and then with
// where its symbolic links end. The path that matched is executed, under its own name: many programs look at
// argv[0] to decide what they are (systemctl is also `reboot`; busybox is everything), so a link never lends
// its name to a pattern that names the link's target. Patterns on the text of a shell string are no boundary
// ($(...), ;, \n), so there are none: without "*" a `command` must be plain words, which are run without a
// shell.
#pragma once

#include "config.hpp"
#include "params.hpp"
#include "user.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::terminal {

struct Admitted {
    std::string program; // absolute path to execute
    // A pattern matched after resolving links: the path must contain no link when it is executed.
    bool resolved = false;
    std::vector<std::string> argv, env;
    std::string cwd;
};

// Throws agenthost::Error: DENIED, FILE_NOT_FOUND, INVALID_REQUEST.
Admitted admit(const Config&, const User&, const RunParams&);

bool admits(std::string_view pattern, std::string_view path, std::span<const std::string> arguments);
// "uptime -p" -> {"uptime", "-p"}; empty if a shell would interpret it as more than words.
std::vector<std::string> plain_words(std::string_view command);
// The value of SHELL: `shell` of the configuration, else the user's shell in the user database; /bin/sh if
// that is missing or is nologin.
std::string login_shell(const Config&, const User&);

} // namespace agenthost::terminal

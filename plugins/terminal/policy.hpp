// May this command run, as what, with which environment? Looks at the file system (is the program there), changes nothing.
//
// A pattern is an absolute path, perhaps followed by patterns for the arguments, all separated by blanks:
//   /usr/bin/uptime                   with any arguments
//   /usr/bin/systemctl status *       exactly two, the first of them "status"
//   /usr/bin/journalctl -u nginx ...  these, then any
//   /usr/bin/id ""                    none
//   /usr/bin/*                        a * of the path does not cross a /
//   *                                 alone: everything, and shell strings
// It is compared with the program's path (found in `path`, made absolute, without . and ..) and then with where its symbolic links
// end. Executed is the path that matched, under its own name: many programs look at argv[0] to decide what they are (systemctl is
// also `reboot`; busybox is everything), so a link never lends its name to a pattern that names the link's target. Patterns on the
// text of a shell string are no boundary ($(...), ;, \n), so there are none: without "*" a `command` must be plain words, which are
// run without a shell.
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
    std::string program; // absolute; what is executed
    bool resolved =
        false; // a pattern matched where links end: no link may be in the path when it is executed
    std::vector<std::string> argv, env;
    std::string cwd;
};

// Throws agenthost::Error: DENIED, FILE_NOT_FOUND, INVALID_REQUEST.
Admitted admit(const Config&, const User&, const RunParams&);

bool admits(std::string_view pattern, std::string_view path, std::span<const std::string> arguments);
// "uptime -p" -> {"uptime", "-p"}; empty when a shell would see more in it than words.
std::vector<std::string> plain_words(std::string_view command);
// The value of SHELL: `shell` of the configuration, else the user's own from the user database; /bin/sh when that one is missing
// or lets nobody in (nologin).
std::string login_shell(const Config&, const User&);

} // namespace agenthost::terminal

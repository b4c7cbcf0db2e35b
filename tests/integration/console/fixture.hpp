// A hub, an agent with the terminal plugin, and a person in front of the hub.
#pragma once

#include "tests/e2e/five.hpp"
#include "tests/support/proxy.hpp"
#include "tests/support/pty.hpp"

#include <gmock/gmock.h>

namespace agenthost::test {

// The keys that detach from a shell.
inline const std::string leave = "\x1d"
                                 "d";

class Person : public Five {
protected:
    // `terminal`: its configuration laid over one that allows everything. With faults the agent's session
    // goes through a proxy. `hub`: more of the hub's configuration, after a comma.
    void boot(const Json& terminal = Json::object(), std::vector<Fault> faults = {},
              const std::string& hub = {});
    [[nodiscard]] std::vector<std::string> command(std::vector<std::string> words) const;
    Ran hub(std::vector<std::string> words); // `agenthost hub WORDS...`
    // By a shell, with something after it ("< file > out") and before it.
    Ran hub(std::vector<std::string> words, const std::string& after, const std::string& before = {});
    std::unique_ptr<PtyProcess> at_terminal(std::vector<std::string> words, int cols = 80, int rows = 24);
    // A shell on the agent with a prompt of its own, waiting at it.
    std::unique_ptr<PtyProcess> shell();
    Json runs();

    std::unique_ptr<Proxy> proxy_;
    std::unique_ptr<Daemon> agent_;
};

pid_t pid_from(const std::filesystem::path&); // waits until one is in it
bool gone(pid_t);                             // waits until it is

} // namespace agenthost::test

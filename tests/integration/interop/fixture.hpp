// One of our agents and a server in node that plays a scenario with it.
#pragma once

#include "tests/support/daemon.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>

namespace agenthost::test {

struct Scenario {
    std::string protocol, name;
    std::string server;  // more keys of the server, as YAML: ", heartbeat: 1s"
    std::string plugins; // more plugins, as YAML: "\n  telemetry: {enabled: true}"
};
std::ostream& operator<<(std::ostream&, const Scenario&);

class Stage : public testing::Test {
protected:
    // Plays it to its end; what was wrong is the test's failure, with all that was said.
    void play(const Scenario&);

private:
    // What the script asks for: {"do": "restart"} and the like. False: it cannot be done.
    bool help(const nlohmann::json& wish);
    void start();
    [[nodiscard]] std::string yaml(const Scenario&, const nlohmann::json& told);

    TempDir dir_;
    std::map<std::string, std::string> secrets_;
    Daemon::Options options_;
    std::unique_ptr<Daemon> daemon_;
};

} // namespace agenthost::test

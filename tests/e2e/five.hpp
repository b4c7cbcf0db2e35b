// Both ends of ours over each of the five protocols: a hub that can be killed and comes back on its port,
// agents with credentials it minted and the trial plugin (tests/integration/interop/plugin).
#pragma once

#include "../support/daemon.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace agenthost::test {

class Five : public testing::TestWithParam<std::string> {
protected:
    using Json = nlohmann::json;
    struct Answer {
        int status = 0;
        Json json;
    };

    static const std::string& protocol() { return GetParam(); }
    void boot_hub(const std::string& config = {});
    void restart_hub(bool kill);
    // The credential of an agent that speaks `protocol`; written to a file of its own, whose path this is.
    std::string mint(const std::string& id);
    // A server's entry: `more` begins with ", ".
    [[nodiscard]] std::string server(const std::string& credential_file, const std::string& more = {}) const;
    // An agent node-01 with that server. `folder`: its state, kept when it is made anew.
    // `plugins`: more of them, as YAML that begins with "\n  ".
    std::unique_ptr<Daemon> agent(const std::string& server, const std::string& folder = "agent",
                                  const std::string& plugins = {}) const;

    Answer ask(const std::string& method, const std::string& path, const Json& body = nullptr) const;
    Answer command(const std::string& action, const Json& params = Json::object(), double timeout = 30) const;
    bool online(const std::string& id = "node-01") const;
    // How many trial.hold have begun in the agent whose state is in `folder`.
    [[nodiscard]] std::size_t runs(const std::string& folder = "agent") const;
    // A task's state, of the one command API.
    [[nodiscard]] std::string state(const std::string& task) const
    {
        return ask("GET", "/api/tasks/" + task).json.value("status", "");
    }

    TempDir dir_;
    std::string token_, url_, config_, bind_ = "127.0.0.1:0";
    std::unique_ptr<Daemon> hub_;
};

} // namespace agenthost::test

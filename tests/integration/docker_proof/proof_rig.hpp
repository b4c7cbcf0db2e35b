// An engine, a panel and an agent for the proofs. Every event of a console is kept, by its positions.
#pragma once

#include "panel_link.hpp"

#include "tests/integration/docker_panel/game_engine.hpp"
#include "tests/support/daemon.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace agenthost::test {

class DockerProof : public testing::Test {
protected:
    // What events said of one server.
    struct Told {
        std::map<std::uint64_t, std::string> lines; // by position
        std::size_t again = 0;                      // a position a second time, with the same text
        std::vector<std::string> wrong;             // a position a second time, with another text
    };

    void begin(std::vector<std::string> engine_arguments = {});
    void TearDown() override;
    void start_agent();
    // Waits until the agent says that it is.
    bool ready() { return ready_ || (ready_ = agent_->wait_ready()); }
    void kill_agent();
    // Each is created and started, until it runs.
    void run_servers(int count, const nlohmann::json& more);
    [[nodiscard]] static std::string name(int server) { return "s" + std::to_string(server); }
    [[nodiscard]] nlohmann::json status(const std::string& server)
    {
        return panel_->call("get_status", server)["data"];
    }
    bool is(const std::string& server, const std::string& wanted);
    // The whole console by get_logs: texts by position.
    std::map<std::uint64_t, std::string> console(const std::string& server);
    // The lines of the container's log as the engine has them.
    [[nodiscard]] std::vector<std::string> engine_log(const std::string& container) const;
    Told told(const std::string& server);

    TempDir dir_;
    std::unique_ptr<GameEngine> engine_;
    std::unique_ptr<PanelLink> panel_;
    std::unique_ptr<Daemon> agent_;

private:
    void keep(const nlohmann::json& event);

    bool ready_ = false;
    std::mutex mutex_;
    std::map<std::string, Told> told_;
};

} // namespace agenthost::test

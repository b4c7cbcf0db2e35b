// For the benchmark of the docker plugin: a dockerd of its own, an agent, and a panel in this process. Needs
// root.
#pragma once

#include "bench.hpp"
#include "support/daemon.hpp"
#include "tests/integration/docker_panel/game_engine.hpp"
#include "tests/integration/docker_proof/panel_link.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace agenthost::bench {

double wall_clock_s(); // since 1970
// Until the process has used less than 10 ms of CPU in half a second.
void settle(pid_t);

class DockerRig {
public:
    DockerRig();
    ~DockerRig();
    DockerRig(const DockerRig&) = delete;
    DockerRig& operator=(const DockerRig&) = delete;

    void start_agent();
    void kill_agent();
    [[nodiscard]] pid_t agent() const { return agent_->pid(); }
    test::GameEngine& engine() { return engine_; }
    test::PanelLink& panel() { return panel_; }

    // Data of the answer; throws when it is refused.
    nlohmann::json call(const std::string& action, const std::string& server,
                        const nlohmann::json& payload = nullptr);
    // Seconds from sending the command to its answer.
    double timed_call(const std::string& action, const std::string& server);
    // The same, to the event that the server has reached the status.
    double timed_until(const std::string& action, const std::string& server, const std::string& status);
    // The server's egg has `more`, and no line that says it is ready.
    void create(const std::string& server, const nlohmann::json& more = nlohmann::json::object());
    void wait_status(const std::string& server, const std::string& wanted);
    // When the event came that it runs; 0: none since the last call.
    double take_running(const std::string& server);
    // How many resource_update events came since the last call.
    std::size_t take_updates();
    // Of dockerd and its containerd.
    [[nodiscard]] double engine_cpu_s() const;
    [[nodiscard]] std::filesystem::path folder(const std::string& server) const
    {
        return dir_ / "servers" / server;
    }
    [[nodiscard]] const std::filesystem::path& dir() const { return dir_.path(); }

private:
    void keep(double at, const std::string& event, const nlohmann::json& data);

    test::TempDir dir_;
    test::GameEngine engine_;
    std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, double> reached_; // by server and status
    std::size_t updates_ = 0;
    test::PanelLink panel_;
    std::unique_ptr<test::Daemon> agent_;
};

} // namespace agenthost::bench

// A real hub, and an agent with the docker plugin that registers itself there; its engine is a dockerd that the
// test starts. Needs root.
#pragma once

#include "tests/integration/docker_panel/game_engine.hpp"
#include "tests/integration/hub/fixture.hpp"
#include "tests/support/secrets.hpp"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace agenthost::test {

class DockerHub : public HubDaemon {
protected:
    void SetUp() override
    {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root: a container engine of the test's own";
        engine_ = std::make_unique<GameEngine>();
        const auto secret = sha256_hex("docker hub" + dir_.path().string());
        keep_secret(secret);
        write_file(dir_ / "enroll", secret + "\n", 0600);
        write_file(dir_ / "jwt", sha256_hex("docker hub jwt" + dir_.path().string()) + "\n", 0600);
        boot("jwt_secret: {file: '" + (dir_ / "jwt").string() + "'}, enroll_token: {file: '" +
             (dir_ / "enroll").string() + "'}");
    }
    void TearDown() override
    {
        if (node_ && HasFailure()) std::fputs(node_->log().c_str(), stderr);
        node_.reset();
        if (engine_) engine_->remove_containers();
    }
    void start_agent(const std::string& more = {})
    {
        const std::string yaml = "servers: [{name: hub, protocol: panel, panel: {register_url: '" + url_ +
                                 "/api/agents/register', admin_credential: {file: '" +
                                 (dir_ / "enroll").string() +
                                 "'}}, reconnect: {initial: 100ms, max: 1s}}]\nplugins:\n  " +
                                 engine_->plugin_yaml(dir_ / "servers", more, config_of_node_);
        node_ = std::make_unique<Daemon>(Daemon::Options{.yaml = yaml, .dir = dir_ / "agent"});
        ASSERT_TRUE(node_->wait_ready()) << node_->log();
        ASSERT_TRUE(wait_for([&] {
            const nlohmann::json agents = ask("GET", "/api/agents").json["agents"];
            if (!agents.is_array() || agents.size() != 1) return false;
            id_ = agents[0]["id"];
            return online(id_);
        })) << node_->log();
    }
    [[nodiscard]] std::string server(const std::string& id) const
    {
        return "/api/agents/" + id_ + "/servers/" + id;
    }
    // Waits until the hub's own list says so: it learns it from events.
    bool listed(const std::string& id, const std::string& status)
    {
        return wait_for([&] {
            const nlohmann::json servers = ask("GET", "/api/servers").json["servers"];
            for (const nlohmann::json& one : servers)
                if (one["serverId"] == id) return one["status"] == status;
            return false;
        });
    }
    void expect_ok(const Answer& answer, const char* what)
    {
        EXPECT_EQ(answer.status, 200) << what << ": " << answer.body;
    }

    std::unique_ptr<GameEngine> engine_;
    GameEngine::Node config_of_node_; // for start_agent
    std::unique_ptr<Daemon> node_;
    std::string id_; // the hub's, of the agent
};

} // namespace agenthost::test

// An engine of the tests' own with what game servers of tests need: the image panelgame:1 (game.c) and the network
// gamenet, whose bridge goes with it, whatever has become of the engine and its containers meanwhile.
// Needs root.
#pragma once

#include "tests/integration/docker/engine_process.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace agenthost::test {

class GameEngine : public EngineProcess {
public:
    // What the plugin's configuration says of this node.
    struct Node {
        std::string socket; // of a proxy in between; empty: the engine's
        std::string images = "'*'", stats_interval = "500ms";
    };
    explicit GameEngine(Kind = Kind::docker, std::vector<std::string> more_arguments = {});
    ~GameEngine();

    // The engine's answer; null when it is not JSON.
    nlohmann::json ask(const std::string& method, const std::string& target,
                       const std::string& body = {}) const;
    // An engine that a failed test has left dead is started first: its containers may live on.
    void remove_containers();
    // The member `docker` of an agent's `plugins`, as YAML. `more`: ", pull: never".
    [[nodiscard]] std::string plugin_yaml(const std::filesystem::path& data_dir, const std::string& more,
                                          const Node& node) const;
    [[nodiscard]] std::string plugin_yaml(const std::filesystem::path& data_dir,
                                          const std::string& more = {}) const
    {
        return plugin_yaml(data_dir, more, Node{});
    }
    // The payload of create_server for a server that runs the image.
    static nlohmann::json egg(const std::string& id, const nlohmann::json& more = nlohmann::json::object());

private:
    // An engine that has been killed, or whose network has a container left, does not remove it.
    struct Bridge {
        std::string name;
        ~Bridge();
    };
    Bridge bridge_; // a member: removed also when the constructor fails
};

} // namespace agenthost::test

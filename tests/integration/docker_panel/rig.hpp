// An engine, a panel and an agent with the docker plugin between them.
#pragma once

#include "game_engine.hpp"
#include "tests/support/daemon.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace agenthost::test {

// The panel's end, played by panel.mjs.
class Panel {
public:
    // Of an https server. With client_ca, every client needs a certificate of that authority.
    struct Tls {
        std::string certificate, key, client_ca;
    };
    explicit Panel(std::filesystem::path folder, const Tls& tls = {});
    [[nodiscard]] std::string url() const;
    // The panel's own files, at its session's origin: what is below www() is served and taken at /files/NAME.
    [[nodiscard]] std::string file_url(const std::string& name) const;
    [[nodiscard]] std::filesystem::path www() const { return folder_ / "www"; }
    // "GET /files/NAME CN" of each request for a file; CN is of the client's certificate, or "-".
    [[nodiscard]] std::string served() const { return read_file(folder_ / "served"); }

    // The command's id.
    std::string send(const std::string& action, const std::string& server,
                     const nlohmann::json& payload = nullptr);
    // The response; null if none arrives in time.
    nlohmann::json response(const std::string& id);
    nlohmann::json call(const std::string& action, const std::string& server,
                        const nlohmann::json& payload = nullptr)
    {
        return response(send(action, server, payload));
    }
    // All data of the events of this name so far, in order.
    std::vector<nlohmann::json> events(const std::string& name);
    // Waits for one; null if none arrives. Those before `from` do not count.
    nlohmann::json event(const std::string& name, const std::function<bool(const nlohmann::json&)>& is,
                         std::size_t from = 0);

private:
    void read();

    std::filesystem::path folder_;
    bool tls_;
    std::unique_ptr<Process> node_;
    std::string port_;
    std::size_t read_ = 0;
    int last_ = 0;
    std::vector<nlohmann::json> frames_;
};

class DockerPanel : public testing::Test {
protected:
    static void SetUpTestSuite();
    static void TearDownTestSuite();
    void SetUp() override;
    void TearDown() override;

    // More keys of the plugin's configuration, as YAML: ", pull: never".
    void start_agent(const std::string& more = {});
    // A panel among the agent's `servers`, as YAML. `keys`: more of them, ", proxy: ...".
    [[nodiscard]] std::string server_yaml(const std::string& name, const Panel&,
                                          const std::string& keys = {}) const;
    void kill_agent();
    static nlohmann::json egg(const std::string& id, const nlohmann::json& more = nlohmann::json::object())
    {
        return GameEngine::egg(id, more);
    }
    // Creates and starts it, until it is ready.
    void run_server(const std::string& id, const nlohmann::json& more = nlohmann::json::object());
    // Waits until get_status says so.
    bool is(const std::string& id, const std::string& status);
    nlohmann::json status(const std::string& id) { return panel_->call("get_status", id)["data"]; }
    // Waits for a line of the console in an event.
    bool says(const std::string& id, const std::string& text);
    // The whole console, by get_logs.
    std::vector<std::string> console(const std::string& id);
    // The engine's answer; null when it is not JSON.
    static nlohmann::json engine(const std::string& method, const std::string& target,
                                 const std::string& body = {});

    static GameEngine* engine_;
    TempDir dir_;
    // For start_agent.
    GameEngine::Node node_;
    std::string servers_; // YAML, of server_yaml(); empty: panel_ alone, named it
    std::map<std::string, std::string> env_;
    std::unique_ptr<Panel> panel_;
    std::unique_ptr<Daemon> agent_;
};

} // namespace agenthost::test

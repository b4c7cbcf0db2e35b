// A daemon with the hub, agents in node, callers with curl.
#pragma once

#include "tests/support/daemon.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace agenthost::test {

inline const std::string jwt_secret = "jwt-secret-of-this-test-0123456789abcdef";

class NodeAgent {
public:
    NodeAgent(const std::string& url, const std::string& id, const std::string& token,
              const std::string& mode = "");
    // Another script of this folder: "panel.mjs", its arguments.
    NodeAgent(const std::string& script, std::vector<std::string> args);
    // The lines it wrote so far that have `key`.
    [[nodiscard]] std::vector<nlohmann::json> said(const std::string& key) const;
    // Waits for the n-th of them.
    nlohmann::json wait(const std::string& key, std::size_t n = 0);
    Process& process() { return process_; }

private:
    Process process_;
};

class HubDaemon : public testing::Test {
protected:
    void boot(const std::string& hub_config = "", const std::string& listener = "");
    void restart();

    struct Answer {
        int status = 0;
        std::map<std::string, std::string> headers; // lower case
        std::string body;
        nlohmann::json json;
    };
    Answer curl(std::vector<std::string> args, bool authorized = true);
    Answer ask(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr);
    Answer command(const std::string& agent, const std::string& action,
                   const nlohmann::json& params = nlohmann::json::object(), double timeout = 110);
    Answer put(const std::string& agent, const std::string& file, const std::filesystem::path& content,
               std::vector<std::string> more = {});
    std::unique_ptr<NodeAgent> agent(const std::string& id, const std::string& mode = "");
    std::string socket_url() const { return "ws" + url_.substr(4) + "/ws/storage"; }
    bool online(const std::string& id)
    {
        return ask("GET", "/api/agents/" + id).json.value("status", "") == "online";
    }

    TempDir dir_;
    std::string token_ = "admin-token-of-this-test", url_, listener_ = "127.0.0.1:0", listener_more_, config_;
    std::unique_ptr<Daemon> daemon_;
};

} // namespace agenthost::test

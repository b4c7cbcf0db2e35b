// A hub and its agents as real processes, driven by curl.
#pragma once

#include "../support/daemon.hpp"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace agenthost::test {

class Hub {
public:
    explicit Hub(bool tls);
    [[nodiscard]] const std::string& url() const { return url_; } // "https://127.0.0.1:4711"
    [[nodiscard]] std::string websocket() const;                  // "wss://127.0.0.1:4711/ws/storage"
    [[nodiscard]] std::string ca() const { return ca_ ? ca_->ca() : ""; }
    [[nodiscard]] const std::string& admin_token() const { return token_; }
    Daemon& daemon() { return *daemon_; }

    std::string add_agent(const std::string& id); // its secret
    bool online(const std::string& id);

    struct Answer {
        int status = 0;
        std::string body;
        nlohmann::json json;
    };
    Answer request(const std::string& method, const std::string& path, const std::string& body = {});
    Answer put_file(const std::string& agent, const std::string& id, const std::filesystem::path& file);
    Answer head_of_file(const std::string& agent, const std::string& id); // body: the lines of the head
    Answer get_file(const std::string& agent, const std::string& id, const std::filesystem::path& to);

private:
    Answer curl(std::vector<std::string> args);
    TempDir dir_;
    std::unique_ptr<TestCa> ca_;
    std::string token_, url_;
    std::unique_ptr<Daemon> daemon_;
};

// YAML of an agent with the storage plugin and one session to the hub. The credential is written into `dir`.
std::string agent_yaml(Hub&, const std::filesystem::path& dir, const std::string& secret,
                       const std::string& plugin_extra = {});

} // namespace agenthost::test

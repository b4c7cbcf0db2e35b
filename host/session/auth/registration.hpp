// Registration over REST and the tokens it returns (the panel protocol): the calls, and storage of their
// answers. Blocking; used on a thread of off_thread.hpp and in `agenthost register`.
//
// Stored in state_dir/servers/NAME/registration.json, 0600, replaced atomically. It is valid for one
// register_url: a different one in the configuration means a different panel and a new registration.
#pragma once

#include "base/file_lock.hpp"
#include "host/config/config.hpp"
#include "host/session/http_call.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace agenthost::host {

struct Registration {
    std::string register_url;
    // Tokens are secret.
    std::string agent_id, token, refresh_token;
    // Empty: the answer had none with the same host and scheme.
    std::string websocket_url;
    // UTC ms: when the token was received.
    std::int64_t refreshed_at = 0;
};

// The parsed `panel:` section of a server.
struct RegistrationSetup {
    std::string register_url;
    SecretSource admin_credential;
    std::uint32_t port = 0;
    std::chrono::milliseconds refresh{0};
};
// nullopt: the server uses a configured credential.
std::optional<RegistrationSetup> registration_setup(const ServerConfig&);

class Registrar {
public:
    // refused: the server rejected our identity (401, 403).
    enum class Outcome { done, refused, failed };
    struct Answer {
        Outcome outcome = Outcome::failed;
        // What, where, how to fix; contains no secret.
        std::string problem;
        Registration registration;
    };
    // `network`: TLS, proxy, insecure. `capabilities`: JSON array of the plugins'
    // capabilities, or an object of capabilities with that array as `features`.
    Registrar(std::filesystem::path state_dir, const ServerConfig&, RegistrationSetup, HttpCall network);

    // Serialises renewals, because a refresh token is valid once. Hold it from load() to the end. Blocks
    // while another holds it.
    [[nodiscard]] base::FileLock lock() const;
    // nullopt with an empty `why`: not registered at this register_url.
    [[nodiscard]] std::optional<Registration> load(std::string& why) const;
    // Both store the result before they return.
    [[nodiscard]] Answer register_agent(const std::string& capabilities) const;
    [[nodiscard]] Answer refresh(const Registration&) const;
    // A refresh is due.
    [[nodiscard]] bool due(const Registration&, std::int64_t utc_ms) const;

private:
    [[nodiscard]] Answer call(const std::string& url, std::string body, const std::string& admin) const;
    [[nodiscard]] std::string save(const Registration&) const;

    std::filesystem::path state_dir_;
    std::string server_, agent_id_;
    RegistrationSetup setup_;
    HttpCall network_;
};

} // namespace agenthost::host

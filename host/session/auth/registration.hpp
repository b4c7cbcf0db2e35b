// Where an agent registers over REST once and then lives on the token it got (the panel protocol): the calls and what is kept of
// their answers. Blocking; on a thread of off_thread.hpp, or in `agenthost register`.
//
// What is kept: state_dir/servers/NAME/registration.json, 0600, replaced atomically. It belongs to one register_url: another one in
// the configuration means another panel, and its registration begins anew.
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
    std::string agent_id, token, refresh_token; // tokens are secret
    std::string websocket_url;                  // empty: the answer had none of the same host and scheme
    std::int64_t refreshed_at = 0;              // UTC ms: when the token came
};

// `panel:` of a server, taken apart.
struct RegistrationSetup {
    std::string register_url;
    SecretSource admin_credential;
    std::uint32_t port = 0;
    std::chrono::milliseconds refresh{0};
};
// nullopt: this server has none (its credential is configured).
std::optional<RegistrationSetup> registration_setup(const ServerConfig&);

class Registrar {
public:
    enum class Outcome { done, refused, failed }; // refused: the server said no to who we are (401, 403)
    struct Answer {
        Outcome outcome = Outcome::failed;
        std::string problem; // what, where, how to fix; no secret in it
        Registration registration;
    };
    // `way`: TLS, proxy, insecure. `capabilities`: JSON array of the plugins' capabilities.
    Registrar(std::filesystem::path state_dir, const ServerConfig&, RegistrationSetup, HttpCall way);

    // One renewal at a time: a refresh token is good once. Hold it from load() to the end; waits for who has it.
    [[nodiscard]] base::FileLock lock() const;
    // nullopt with an empty `why`: not registered (with this register_url).
    [[nodiscard]] std::optional<Registration> load(std::string& why) const;
    // Each keeps what it got before it answers.
    [[nodiscard]] Answer register_agent(const std::string& capabilities) const;
    [[nodiscard]] Answer refresh(const Registration&) const;
    [[nodiscard]] bool due(const Registration&, std::int64_t utc_ms) const; // for a refresh

private:
    [[nodiscard]] Answer call(const std::string& url, std::string body, const std::string& admin) const;
    [[nodiscard]] std::string save(const Registration&) const;

    std::filesystem::path state_dir_;
    std::string server_, agent_id_;
    RegistrationSetup setup_;
    HttpCall way_;
};

} // namespace agenthost::host

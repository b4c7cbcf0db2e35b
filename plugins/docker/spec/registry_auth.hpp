// Chooses the credential of a pull by the exact registry of the parsed image, and encodes it for the engine.
//
// A credential for ghcr.io is never sent for ghcr.io.evil.com, ghcr.io:5000 or docker.io/ghcr.io/x. The
// engine gets it per call in the header X-Registry-Auth; credentials in the docker command's own file are
// unknown to the engine's API.
#pragma once

#include "image_ref.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

struct RegistryCredential {
    std::string registry; // "ghcr.io", "registry.example.com:5000"; "docker.io" for Docker Hub
    std::string username, password;
};

class RegistryCredentials {
public:
    // Throws CONFIG_INVALID at `path`: not a registry, or one that already has a credential.
    void add(RegistryCredential, std::string_view path);

    // The value of X-Registry-Auth: base64url of a JSON object. Empty: the registry has no credential. A
    // secret: never log it.
    [[nodiscard]] std::optional<std::string> header_for(const ImageRef&) const;
    // The password, and what a registry sees of it: encoded alone, with the name, and in the header. Secrets.
    [[nodiscard]] std::vector<std::string> secrets_for(const ImageRef&) const;

private:
    [[nodiscard]] const RegistryCredential* find(const ImageRef&) const;

    std::vector<RegistryCredential> credentials_;
};

// The text of an engine or a registry, which may repeat what it was sent, with *** for each secret.
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

} // namespace agenthost::docker

#include "registry_auth.hpp"

#include "refusal.hpp"

#include "base/base64.hpp"
#include "base/json_writer.hpp"

#include <algorithm>

namespace agenthost::docker {

namespace {

// Docker Hub's credentials are stored under this address, by convention of the engine.
constexpr std::string_view hub_address = "https://index.docker.io/v1/";

std::string normal_registry(std::string_view text, std::string_view path)
{
    if (text == hub_address) return "docker.io";
    if (text.find('/') != std::string_view::npos)
        refuse(path, shown(text) + " is not a registry. Write HOST or HOST:PORT, such as ghcr.io.");
    // Parsed as part of an image, so that one grammar decides what a registry is.
    const ImageRef probe = parse_image(std::string{text} + "/x", path);
    const bool named = probe.registry == text || text == "index.docker.io";
    if (!named) refuse(path, shown(text) + " is not a registry. Write HOST or HOST:PORT, such as ghcr.io.");
    return probe.registry;
}

} // namespace

void RegistryCredentials::add(RegistryCredential credential, std::string_view path)
{
    credential.registry = normal_registry(credential.registry, path);
    for (const RegistryCredential& other : credentials_)
        if (other.registry == credential.registry)
            refuse(path, credential.registry + " is listed twice. Keep one credential for each registry.");
    credentials_.push_back(std::move(credential));
}

std::optional<std::string> RegistryCredentials::header_for(const ImageRef& image) const
{
    const auto at = std::find_if(credentials_.begin(), credentials_.end(),
                                 [&](const auto& each) { return each.registry == image.registry; });
    if (at == credentials_.end()) return std::nullopt;
    const std::string_view address =
        at->registry == "docker.io" ? hub_address : std::string_view{at->registry};
    std::string header = base::base64(
        base::json_object("username", at->username, "password", at->password, "serveraddress", address));
    std::replace(header.begin(), header.end(), '+', '-');
    std::replace(header.begin(), header.end(), '/', '_');
    return header;
}

} // namespace agenthost::docker

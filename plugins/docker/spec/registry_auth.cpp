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

// base64url with its padding.
std::string for_urls(std::string base64)
{
    std::replace(base64.begin(), base64.end(), '+', '-');
    std::replace(base64.begin(), base64.end(), '/', '_');
    return base64;
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

const RegistryCredential* RegistryCredentials::find(const ImageRef& image) const
{
    const auto at = std::find_if(credentials_.begin(), credentials_.end(),
                                 [&](const auto& each) { return each.registry == image.registry; });
    return at == credentials_.end() ? nullptr : &*at;
}

std::optional<std::string> RegistryCredentials::header_for(const ImageRef& image) const
{
    const RegistryCredential* at = find(image);
    if (at == nullptr) return std::nullopt;
    const std::string_view address =
        at->registry == "docker.io" ? hub_address : std::string_view{at->registry};
    return for_urls(base::base64(
        base::json_object("username", at->username, "password", at->password, "serveraddress", address)));
}

std::vector<std::string> RegistryCredentials::secrets_for(const ImageRef& image) const
{
    const RegistryCredential* at = find(image);
    if (at == nullptr || at->password.empty()) return {};
    std::vector<std::string> secrets;
    for (std::string encoded : {base::base64(at->username + ":" + at->password), base::base64(at->password),
                                header_for(image).value_or("")}) {
        while (encoded.ends_with('=')) encoded.pop_back();
        secrets.push_back(for_urls(encoded));
        std::replace(encoded.begin(), encoded.end(), '-', '+');
        std::replace(encoded.begin(), encoded.end(), '_', '/');
        if (encoded != secrets.back()) secrets.push_back(std::move(encoded));
    }
    secrets.push_back(at->password);
    // A password in JSON, as an error's body may quote it.
    const std::string quoted = base::json_object("p", at->password);
    secrets.push_back(quoted.substr(6, quoted.size() - 8));
    // A longer one may contain a shorter one.
    std::sort(secrets.begin(), secrets.end(),
              [](const auto& a, const auto& b) { return a.size() > b.size(); });
    return secrets;
}

std::string without_secrets(std::string text, const std::vector<std::string>& secrets)
{
    constexpr std::string_view hidden = "***";
    for (const std::string& secret : secrets)
        for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos;
             at += hidden.size())
            text.replace(at, secret.size(), hidden);
    return text;
}

} // namespace agenthost::docker

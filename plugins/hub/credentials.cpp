#include "credentials.hpp"

#include "kit/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace agenthost::hub {

namespace {

constexpr std::size_t largest_file = 16 << 20; // 100,000 agents at 160 bytes each

bool same(const kit::Sha256Digest& a, const kit::Sha256Digest& b)
{
    return kit::equal_constant_time({reinterpret_cast<const char*>(a.data()), a.size()},
                                    {reinterpret_cast<const char*>(b.data()), b.size()});
}

// Reads a file that must be nobody else's business.
std::optional<std::string> read_private(const std::string& path, std::string& why)
{
    const auto fail = [&](const std::string& cause) {
        why = path + ": " + cause;
        return std::nullopt;
    };
    const kit::Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0) {
        return fail(std::string{std::strerror(errno)} +
                    ". Create it with mode 0600, readable by the daemon's user.");
    }
    if (!S_ISREG(st.st_mode)) return fail("not a regular file");
    if (st.st_uid != 0 && st.st_uid != ::geteuid())
        return fail("owned by another user. Run: chown root (or the daemon's user) " + path);
    if ((st.st_mode & 0027) != 0) {
        return fail("holds secrets, but others may read it or the group may write it. Run: chmod 0600 " +
                    path);
    }
    if (static_cast<std::size_t>(st.st_size) > largest_file) return fail("larger than 16 MiB");
    std::string content(static_cast<std::size_t>(st.st_size), '\0');
    std::size_t have = 0;
    while (have < content.size()) {
        const ssize_t n = ::read(fd.get(), content.data() + have, content.size() - have);
        if (n < 0) return fail(std::strerror(errno));
        if (n == 0) break;
        have += static_cast<std::size_t>(n);
    }
    content.resize(have);
    return content;
}

std::string trimmed(std::string text)
{
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

} // namespace

void Credentials::put(MintedAgent agent)
{
    auto id = agent.id;
    minted_.insert_or_assign(std::move(id), std::move(agent));
}

void Credentials::put(MintedToken token)
{
    auto id = token.id;
    tokens_.insert_or_assign(std::move(id), std::move(token));
}

void Credentials::remove_agent(std::string_view id)
{
    if (const auto it = minted_.find(id); it != minted_.end()) minted_.erase(it);
}

void Credentials::remove_token(std::string_view id)
{
    if (const auto it = tokens_.find(id); it != tokens_.end()) tokens_.erase(it);
}

bool Credentials::agent_may(std::string_view id, const kit::Sha256Digest& token) const
{
    static const kit::Sha256Digest nobody = kit::sha256(kit::random_token());
    const auto listed = listed_.find(id);
    const auto minted = minted_.find(id);
    const bool by_list = same(listed == listed_.end() ? nobody : listed->second, token);
    const bool by_mint = same(minted == minted_.end() ? nobody : minted->second.token, token);
    return (by_list || by_mint) && !revoked(id);
}

bool Credentials::knows(std::string_view agent) const
{
    return !revoked(agent) && (listed_.contains(agent) || minted_.contains(agent));
}

bool Credentials::revoked(std::string_view agent) const
{
    const auto it = minted_.find(agent);
    return it != minted_.end() && it->second.revoked;
}

bool Credentials::minted(std::string_view agent) const
{
    const auto it = minted_.find(agent);
    return it != minted_.end() && !it->second.revoked;
}

bool Credentials::caller_may(std::string_view bearer) const
{
    if (bearer.empty()) return false;
    const kit::Sha256Digest given = kit::sha256(bearer);
    bool may = admin_ && same(*admin_, given);
    for (const auto& [id, token] : tokens_) may = same(token.token, given) || may;
    return may;
}

std::optional<Credentials::Listed> parse_credentials(const std::string& yaml, const std::string& path,
                                                     std::string& why)
{
    Credentials::Listed listed;
    try {
        const YAML::Node root = YAML::Load(yaml);
        const YAML::Node agents = root.IsMap() ? root["agents"] : YAML::Node{};
        if (root.IsNull()) return listed;
        if (!agents || !agents.IsSequence()) {
            why = path + ": no list \"agents\". Write: agents: [{id: node-01, secret: \"...\"}]";
            return std::nullopt;
        }
        for (const YAML::Node& entry : agents) {
            const std::string where = path + ":" + std::to_string(entry.Mark().line + 1) + ": ";
            if (!entry.IsMap() || !entry["id"] || !entry["secret"]) {
                why = where + "an agent needs \"id\" and \"secret\"";
                return std::nullopt;
            }
            const auto id = entry["id"].as<std::string>();
            const auto secret = entry["secret"].as<std::string>();
            if (!valid_id(id))
                why = where +
                      "\"id\" is empty, longer than 128 bytes, or has a slash or control character in it";
            else if (secret.size() < 8)
                why = where + "the secret of " + id +
                      " is shorter than 8 characters; make one with: openssl rand -hex 32";
            else if (!listed.emplace(id, kit::sha256(secret)).second)
                why = where + id + " is listed twice";
            if (!why.empty()) return std::nullopt;
        }
    } catch (const YAML::Exception& e) {
        why = path + ":" + std::to_string(e.mark.line + 1) +
              ": not readable as YAML"; // its own words may quote the line, with a secret
        return std::nullopt;
    }
    return listed;
}

std::optional<Credentials::Listed> read_credentials_file(const std::string& path, std::string& why)
{
    const auto content = read_private(path, why);
    return content ? parse_credentials(*content, path, why) : std::nullopt;
}

std::string secret_path(const Secret& secret)
{
    if (secret.kind == Secret::Kind::file) return secret.name;
    if (secret.kind == Secret::Kind::systemd) {
        const char* folder = std::getenv(
            "CREDENTIALS_DIRECTORY"); // NOLINT(concurrency-mt-unsafe): set before the process began
        return folder != nullptr ? std::string{folder} + "/" + secret.name
                                 : "/run/credentials/" + secret.name;
    }
    return {};
}

std::optional<std::string> read_secret(const Secret& secret, std::string& why)
{
    if (secret.kind == Secret::Kind::env) {
        const char* value = std::getenv(secret.name.c_str()); // NOLINT(concurrency-mt-unsafe)
        if (value != nullptr && *value != '\0') return value;
        why = "the environment has no " + secret.name;
        return std::nullopt;
    }
    auto content = read_private(secret_path(secret), why);
    if (!content) return std::nullopt;
    auto value = trimmed(std::move(*content));
    if (value.empty()) {
        why = secret_path(secret) + ": empty. Make a token with: openssl rand -hex 32";
        return std::nullopt;
    }
    return value;
}

std::string fingerprint(const std::string& path)
{
    struct stat st {};
    if (path.empty() || ::stat(path.c_str(), &st) != 0) return {};
    std::string out;
    for (const auto part :
         {std::uint64_t{st.st_dev}, std::uint64_t{st.st_ino}, std::uint64_t(st.st_size),
          std::uint64_t(st.st_mode), std::uint64_t(st.st_mtim.tv_sec), std::uint64_t(st.st_mtim.tv_nsec),
          std::uint64_t(st.st_ctim.tv_sec), std::uint64_t(st.st_ctim.tv_nsec)}) {
        out += std::to_string(part) + ".";
    }
    return out;
}

} // namespace agenthost::hub

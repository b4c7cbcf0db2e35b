#include "credentials_file.hpp"

#include "plugins/hub/store/model.hpp"

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <cstdint>

namespace agenthost::hub {

namespace {

constexpr std::size_t max_file = 16 << 20; // 100,000 agents at 160 bytes each

} // namespace

std::optional<ListedAgents> parse_credentials(const std::string& yaml, const std::string& path,
                                              std::string& why)
{
    why.clear(); // checked below, and may still contain a caller's old text
    ListedAgents listed;
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
            else if (secret.size() < min_secret)
                why = where + "the secret of " + id +
                      " is shorter than 8 characters; make one with: openssl rand -hex 32";
            else if (!listed.emplace(id, ListedAgent{secret, base::sha256(secret)}).second)
                why = where + id + " is listed twice";
            if (!why.empty()) return std::nullopt;
        }
    } catch (const YAML::Exception& e) {
        // The parser's message may quote a line with a secret.
        why = path + ":" + std::to_string(e.mark.line + 1) + ": not readable as YAML";
        return std::nullopt;
    }
    return listed;
}

std::string too_short(std::string_view token)
{
    return token.size() < min_secret ? "shorter than 8 characters. Make one with: openssl rand -hex 32" : "";
}

std::optional<ListedAgents> read_credentials_file(const std::string& path, std::string& why)
{
    const auto content = base::read_private_file(path, max_file, why);
    return content ? parse_credentials(*content, path, why) : std::nullopt;
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

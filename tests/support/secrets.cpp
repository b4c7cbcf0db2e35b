#include "secrets.hpp"

#include "support.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <regex>
#include <set>

namespace agenthost::test {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

struct List {
    std::mutex mutex;
    std::set<std::string> secrets;
};
List& list()
{
    static List one;
    return one;
}

void keep_from(const json& value)
{
    static const std::set<std::string> keys{"secret", "token",    "refresh_token", "refreshToken",
                                            "jwt",    "password", "credential"};
    for (const auto& [key, item] : value.items()) {
        if (item.is_structured())
            keep_from(item);
        else if (item.is_string() && value.is_object() && keys.contains(key))
            keep_secret(item.get<std::string>());
    }
}

std::string trimmed(std::string text)
{
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    return text;
}

// A whole file is one secret, but a list of agents (`secret: VALUE`) holds several, and PEM blocks are told
// by their lines.
void keep_file(const fs::path& file)
{
    std::error_code ec;
    if (!fs::is_regular_file(file, ec) || fs::file_size(file, ec) > (64 << 10)) return;
    const std::string text = trimmed(read_file(file));
    static const std::regex member{R"(\bsecret:\s*"?'?([^\s,"'}]+))"};
    bool many = false;
    for (std::sregex_iterator at{text.begin(), text.end(), member}, end; at != end; ++at, many = true)
        keep_secret((*at)[1].str());
    if (many) return;
    if (text.find('\n') == std::string::npos)
        keep_secret(text);
    else if (text.find("PRIVATE KEY") != std::string::npos)
        keep_secret(text.substr(text.find('\n') + 1, 60));
}

} // namespace

void keep_secret(std::string_view secret)
{
    if (secret.size() < 8) return;
    const std::lock_guard lock{list().mutex};
    list().secrets.emplace(secret);
}

void keep_secrets_in_json(std::string_view text)
{
    const json value = json::parse(text, nullptr, false);
    if (value.is_structured()) keep_from(value);
}

void keep_secrets_of(const std::string& yaml, const std::map<std::string, std::string>& env,
                     const fs::path& state)
{
    static const std::regex named{
        R"((?:credential|admin_token|enroll_token|admin_credential|jwt_secret|jwt_key):\s*\{\s*(file|env):\s*['"]?([^'"}\s]+))"};
    for (std::sregex_iterator at{yaml.begin(), yaml.end(), named}, end; at != end; ++at) {
        const std::string name = (*at)[2].str();
        if ((*at)[1] == "file")
            keep_file(name);
        else if (const auto found = env.find(name); found != env.end())
            keep_secret(found->second);
        else if (const char* value = std::getenv(name.c_str()))
            keep_secret(value);
    }
    static const std::regex lists{R"(\bcredentials:\s*['"]?([^'",}\s]+))"};
    for (std::sregex_iterator at{yaml.begin(), yaml.end(), lists}, end; at != end; ++at)
        keep_file((*at)[1].str());
    std::error_code ec;
    for (fs::recursive_directory_iterator at{state / "servers", ec}, end; !ec && at != end; at.increment(ec))
        if (at->path().extension() == ".json") keep_secrets_in_json(read_file(at->path()));
}

std::vector<std::string> leaks(const std::string& log)
{
    std::vector<std::string> found;
    const auto at_line = [&](std::size_t at) {
        const std::size_t begin = log.rfind('\n', at) + 1; // npos + 1 is 0
        return log.substr(begin, std::min(log.find('\n', at), log.size()) - begin);
    };
    {
        const std::lock_guard lock{list().mutex};
        for (const auto& secret : list().secrets)
            if (const auto at = log.find(secret); at != std::string::npos)
                found.push_back("the secret " + secret.substr(0, 6) + "... stands in: " + at_line(at));
    }
    // What looks like a secret, whoever made it.
    static const std::regex looks{
        R"(eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}|[Bb]earer [A-Za-z0-9._~+/=-]{12,}|[?&]token=[A-Za-z0-9._~%-]{12,}|/api/temp/(?:up|down)load/[A-Za-z0-9_-]{16,})"};
    // By lines: std::regex recurses, and a log may be long.
    for (std::size_t begin = 0; begin < log.size();) {
        const std::size_t end = std::min(log.find('\n', begin), log.size());
        const std::string line = log.substr(begin, std::min<std::size_t>(end - begin, 8192));
        if (line.find("eyJ") != std::string::npos || line.find("earer ") != std::string::npos ||
            line.find("token=") != std::string::npos || line.find("/api/temp/") != std::string::npos)
            if (std::smatch match; std::regex_search(line, match, looks))
                found.push_back("what looks like a secret stands in: " + line);
        begin = end + 1;
    }
    return found;
}

} // namespace agenthost::test

// Installs a server's credential: `register NAME` at a panel, `config import FILE` of {wsApiUrl, wsSecret}.
#include "print.hpp"
#include "verbs.hpp"

#include "netclient/control_client.hpp"
#include "netclient/url.hpp"

#include "base/fd.hpp"
#include "base/json_depth.hpp"
#include "host/config/defaults.hpp"
#include "host/plugin/plugin.hpp"
#include "host/session/prepare.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

namespace agenthost::host::cli {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

std::string text_of(const Json& json)
{
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// The capabilities of the enabled plugins, as the daemon would report them.
std::string capabilities(const Context& context, const Config& config)
{
    std::set<std::string> names;
    for (const FoundPlugin& plugin : find_plugins(context.plugin_path())) {
        const bool enabled = std::ranges::any_of(
            config.plugins, [&](const PluginConfig& each) { return each.id == plugin.id && each.enabled; });
        if (enabled && plugin.manifest)
            names.insert(plugin.manifest->capabilities.begin(), plugin.manifest->capabilities.end());
    }
    return Json(names).dump();
}

// Writes a new private file atomically. If root writes it, it gets the owner of `like`.
std::string write_private(const fs::path& file, const std::string& content, const fs::path& like)
{
    const auto because = [&] { return file.string() + ": " + std::strerror(errno); };
    std::error_code ec;
    if (fs::create_directory(file.parent_path(), ec))
        fs::permissions(file.parent_path(), fs::perms::owner_all, ec);
    const fs::path temporary = file.string() + ".new";
    {
        const base::Fd fd{
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (!fd) return because();
        struct stat st {};
        if (::geteuid() == 0 && ::stat(like.c_str(), &st) == 0) {
            [[maybe_unused]] const int given = ::fchown(fd.get(), st.st_uid, st.st_gid);
        }
        for (std::string_view rest = content; !rest.empty();) {
            const ssize_t n = ::write(fd.get(), rest.data(), rest.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return because();
            rest.remove_prefix(static_cast<std::size_t>(n));
        }
        if (::fsync(fd.get()) != 0) return because();
    }
    return ::rename(temporary.c_str(), file.c_str()) == 0 ? std::string{} : because();
}

std::optional<std::string> read_small(const fs::path& file)
{
    std::ifstream in{file, std::ios::binary};
    if (!in) return std::nullopt;
    std::string text(64 << 10, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

struct Import {
    std::string url, secret, problem;
};

Import read_import(const std::string& file)
{
    const auto text = read_small(file);
    if (!text) return {{}, {}, file + ": " + std::strerror(errno)};
    const Json json = base::parse_json<Json>(*text);
    const auto member = [&](const char* key) {
        return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>()
                                                                               : std::string{};
    };
    Import out{member("wsApiUrl"), member("wsSecret"), {}};
    std::string probe = out.url;
    if (const auto at = probe.find("{public_ip}"); at != std::string::npos)
        probe.replace(at, 11, "192.0.2.1");
    const std::string scheme = netclient::scheme_of(probe);
    std::string why;
    if (!json.is_object() || out.url.empty() || out.secret.empty())
        out.problem = file + R"(: expected {"wsApiUrl": "wss://HOST/agent", "wsSecret": "..."})";
    else if ((scheme != "wss" && scheme != "ws") || !netclient::parse_server_url(probe, why))
        out.problem =
            file + ": wsApiUrl is not a WebSocket URL (wss://HOST/PATH)" + (why.empty() ? "" : ": " + why);
    return out;
}

int fail(const Context& context, const std::string& problem, int code = failed)
{
    if (context.json) print_text(text_of({{"error", {{"message", problem}}}}));
    print_error(problem);
    return code;
}

} // namespace

int register_server(const Context& context, const std::string& name)
{
    const LoadResult loaded = load_config(context.load);
    if (!loaded.config) {
        for (const auto& problem : loaded.problems)
            std::fprintf(stderr, "%s\n", printable(problem.text).c_str());
        return bad_config;
    }
    const Config& config = *loaded.config;
    const auto server = std::ranges::find(config.servers, name, &ServerConfig::name);
    if (server == config.servers.end())
        return fail(context, "no server named \"" + printable(name) + "\" in the configuration");
    std::error_code ignored;
    fs::create_directories(config.state_dir.parent_path(), ignored);
    ::mkdir(config.state_dir.c_str(), 0700);
    const auto answer = register_by_hand(*server, config.state_dir.string(), capabilities(context, config));
    if (answer.outcome != Registrar::Outcome::done) return fail(context, answer.problem);
    const std::string id = printable(answer.registration.agent_id);
    // A running daemon uses the new token at once; without one nobody needs to be notified.
    const bool told = netclient::ControlClient{context.control_socket()}
                          .request("POST", "/v1/reconnect", Json{{"name", name}}.dump())
                          .good();
    const std::string kept = (config.state_dir / "servers" / name / "registration.json").string();
    if (context.json)
        print_text(text_of({{"agent_id", id}, {"file", kept}, {"reconnecting", told}}));
    else
        print_text("registered with " + name + " as " + id + "; its tokens are in " + kept + "\n" +
                   (told ? "the daemon connects with them now\n" : ""));
    return ok;
}

int config_import(const Context& context, const ImportOptions& options)
{
    const Import import = read_import(options.file);
    if (!import.problem.empty()) return fail(context, import.problem);
    const fs::path config_file = context.load.file.empty() ? default_config_file() : context.load.file;
    const fs::path folder = fs::absolute(config_file).parent_path();
    const fs::path secret_file = folder / "credentials" / options.name;
    const LoadResult loaded = load_config(context.load);
    const fs::path like = loaded.config ? loaded.config->state_dir : folder;

    if (const auto old = read_small(secret_file); old && *old != import.secret && !options.replace)
        return fail(context,
                    secret_file.string() +
                        " holds another secret. Choose another --name, or overwrite it with --replace");
    if (auto problem = write_private(secret_file, import.secret, like); !problem.empty())
        return fail(context, problem);

    const auto quoted = [](const std::string& text) { return Json(text).dump(); };
    const std::string section = "servers:\n  - name: " + options.name +
                                "\n    protocol: signed\n    url: " + quoted(import.url) +
                                "\n    credential: {file: " + quoted(secret_file.string()) + "}\n";
    const fs::path added = folder / "conf.d" / (options.name + ".yaml");
    if (options.add) {
        if (const auto old = read_small(added); old && *old != section && !options.replace)
            return fail(context, added.string() + " is there already. Overwrite it with --replace");
        if (auto problem = write_private(added, section, like); !problem.empty())
            return fail(context, problem);
    }
    if (context.json)
        print_text(text_of({{"credential", secret_file.string()},
                            {"section", section},
                            {"added", options.add ? Json(added.string()) : Json(nullptr)}}));
    else if (options.add)
        print_text("the secret is in " + secret_file.string() + ", the server in " + added.string() +
                   "\nnext: agenthost config check && agenthost reload; then remove " + options.file + "\n");
    else
        print_text("# the secret is in " + secret_file.string() +
                   "; add this to the configuration, then remove " + options.file + "\n" + section);
    return ok;
}

} // namespace agenthost::host::cli

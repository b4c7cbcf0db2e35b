#include "print.hpp"
#include "verbs.hpp"

#include "netclient/tls.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>

namespace agenthost::host::cli {

using Json = nlohmann::ordered_json;

namespace {

std::string text_of(const Json& json)
{
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void complain_of(const LoadResult& loaded)
{
    const bool colours = is_terminal(STDERR_FILENO);
    for (const auto& problem : loaded.problems) std::fprintf(stderr, "%s\n", printable(problem.text).c_str());
    for (const auto& warning : loaded.warnings)
        std::fprintf(stderr, "%s %s\n", paint("warning:", Colour::doubtful, colours).c_str(),
                     printable(warning).c_str());
}

} // namespace

int config_check(const Context& context)
{
    LoadRequest request = context.load;
    request.try_client_tls = [](const TlsClientConfig& tls) {
        return netclient::make_client_context(tls).problem;
    };
    request.try_server_tls = [](const TlsServerConfig& tls) {
        return netclient::make_server_context(tls).problem;
    };
    LoadResult loaded = load_config(request);
    if (loaded.config)
        for (const PluginProblem& problem : plugin_problems(*loaded.config, false)) {
            if (problem.warning)
                loaded.warnings.push_back(problem.text);
            else
                loaded.problems.push_back({problem.text});
        }
    if (context.json) {
        Json out{{"ok", loaded.problems.empty()}, {"problems", Json::array()}, {"warnings", loaded.warnings}};
        for (const auto& problem : loaded.problems) out["problems"].push_back(problem.text);
        out["files"] = loaded.config ? Json(loaded.config->files) : Json::array();
        print_text(text_of(out));
        return loaded.problems.empty() ? ok : bad_config;
    }
    complain_of(loaded);
    if (!loaded.problems.empty()) {
        std::fprintf(stderr, "%zu problem%s\n", loaded.problems.size(),
                     loaded.problems.size() == 1 ? "" : "s");
        return bad_config;
    }
    std::string files;
    for (const std::string& file : loaded.config->files) files += (files.empty() ? "" : ", ") + file;
    if (files.empty()) files = "no file, only defaults";
    // A plugin that is not enabled is the usual reason why nothing happens, so the line shows how many are.
    const auto count = [](std::size_t n, const char* what) {
        return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
    };
    const auto& plugins = loaded.config->plugins;
    const auto enabled = static_cast<std::size_t>(std::ranges::count(plugins, true, &PluginConfig::enabled));
    print_text("ok: " + files + " (" + count(loaded.config->servers.size(), "server") + ", " +
               count(loaded.config->listeners.size(), "listener") + ", " +
               (enabled == plugins.size() ? "" : std::to_string(enabled) + " enabled of ") +
               count(plugins.size(), "plugin") + ")\n");
    return ok;
}

int config_show(const Context& context)
{
    const LoadResult loaded = load_config(context.load);
    complain_of(loaded);
    if (!loaded.config) return bad_config;
    print_text(show_config(*loaded.config));
    return ok;
}

int config_schema_verb()
{
    print_text(config_schema());
    return ok;
}

} // namespace agenthost::host::cli

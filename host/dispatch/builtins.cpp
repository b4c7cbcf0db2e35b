// What the host answers itself: is it there, how is it, what may I ask for.
#include "dispatcher_impl.hpp"

#include "json.hpp"

#include <array>

namespace agenthost::host {

namespace {

// What protocols call the host's own actions. Words for plugins' actions come from manifests.
struct BuiltinAlias {
    const char *protocol, *word, *action;
};
constexpr std::array builtin_aliases{
    BuiltinAlias{"print", "task_ping", "host.ping"},
    BuiltinAlias{"signed", "ping", "host.ping"},
};

} // namespace

void Dispatcher::Impl::add_builtins()
{
    const auto add = [this](const char* name, const char* summary) {
        ActionManifest action;
        action.name = name;
        action.summary = summary;
        registry.add_builtin(std::move(action));
    };
    add("host.ping", "Answers at once, without a plugin");
    add("host.status", "What the agent is doing");
    add("host.actions", "The actions this server may run");
    for (const auto& [protocol, word, action] : builtin_aliases)
        registry.alias_builtin(protocol, word, action);
}

void Dispatcher::Impl::builtin(const Incoming& in, const Action& action)
{
    std::string data;
    if (action.name == "host.ping")
        data = R"({"pong":true,"agent_id":)" + json::quoted(options.agent_id) + R"(,"version":)" +
               json::quoted(options.version) + R"(,"time":)" + std::to_string(utc_ms()) + "}";
    else if (action.name == "host.status")
        data = options.status_json ? options.status_json() : "{}";
    else if (action.name == "host.actions") {
        const Policy& policy = in.record->policy();
        data = R"({"actions":[)";
        for (const Action* a : registry.all()) {
            if (!allowed(policy, *a)) continue;
            if (data.back() == '}') data += ',';
            data += R"({"name":)" + json::quoted(a->name) + R"(,"summary":)" +
                    json::quoted(a->manifest->summary) + R"(,"effects":)" +
                    (a->manifest->effects ? "true" : "false");
            if (!a->manifest->params_json.empty()) data += R"(,"params":)" + a->manifest->params_json;
            data += '}';
        }
        data += "]}";
    } else
        return refuse(in, wire::Outcome::error, code::unknown_action, "Unknown action: " + action.name,
                      "The host offers host.ping, host.status and host.actions.");
    ++stats.succeeded;
    const wire::Result result{.id = in.command.id,
                              .outcome = wire::Outcome::success,
                              .data = data,
                              .error = {},
                              .action = in.command.action};
    respond(in, result);
}

} // namespace agenthost::host

#include "builtins.hpp"

#include "permissions.hpp"
#include "utc.hpp"

#include "base/json_writer.hpp"
#include "host/plugin/host_actions.hpp"
#include "wire/protocol_traits.hpp"

#include <algorithm>

namespace agenthost::host {

Builtins::Builtins(Core& core, Responder& responder) : core_{core}, responder_{responder}
{
    for (const HostActionInfo& own : host_actions) {
        ActionManifest action;
        action.name = own.name;
        action.summary = own.summary;
        core_.registry.add_builtin(std::move(action));
    }
    // The words for plugins' actions come from manifests.
    for (const wire::ProtocolTraits& row : wire::protocols())
        if (!row.ping_word.empty())
            core_.registry.alias_builtin(std::string{row.name}, std::string{row.ping_word}, "host.ping");
}

std::string Builtins::actions_json(const Policy& policy) const
{
    std::string data;
    base::JsonWriter writer{data};
    writer.object().array("actions");
    for (const Action* a : core_.registry.all()) {
        if (!allowed(policy, *a)) continue;
        writer.object().member("name", a->name).member("summary", a->manifest->summary);
        writer.member("effects", a->manifest->effects);
        if (!a->manifest->params_json.empty())
            writer.member("params", base::RawJson{a->manifest->params_json});
        writer.end();
    }
    writer.end().end();
    return data;
}

void Builtins::run(const Incoming& in)
{
    // The registry has no other actions without a plugin.
    const auto own =
        std::ranges::find(host_actions, std::string_view{in.action->name}, &HostActionInfo::name);
    const Dispatcher::Options& options = core_.options;
    std::string data;
    switch (own->action) {
    case HostAction::ping:
        data = base::json_object("pong", true, "agent_id", options.agent_id, "version", options.version,
                                 "time", utc_ms());
        break;
    case HostAction::status: data = options.status_json ? options.status_json() : "{}"; break;
    case HostAction::actions: data = actions_json(in.record->policy()); break;
    }
    ++core_.stats.succeeded;
    responder_.respond(in, {.id = in.command.id,
                            .outcome = wire::Outcome::success,
                            .data = data,
                            .error = {},
                            .action = in.command.action});
}

} // namespace agenthost::host

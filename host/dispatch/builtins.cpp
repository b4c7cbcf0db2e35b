// What the host answers itself: is it there, how is it, what may I ask for.
#include "dispatcher_impl.hpp"

#include "base/json_writer.hpp"
#include "host/plugin/host_actions.hpp"
#include "wire/protocol_traits.hpp"

#include <algorithm>

namespace agenthost::host {

void Dispatcher::Impl::add_builtins()
{
    for (const HostActionInfo& own : host_actions) {
        ActionManifest action;
        action.name = own.name;
        action.summary = own.summary;
        registry.add_builtin(std::move(action));
    }
    // Words for plugins' actions come from manifests.
    for (const wire::ProtocolTraits& row : wire::protocols())
        if (!row.ping_word.empty())
            registry.alias_builtin(std::string{row.name}, std::string{row.ping_word}, "host.ping");
}

std::string Dispatcher::Impl::actions_json(const Policy& policy) const
{
    std::string data;
    base::JsonWriter writer{data};
    writer.object().array("actions");
    for (const Action* a : registry.all()) {
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

void Dispatcher::Impl::builtin(const Incoming& in, const Action& action)
{
    // The registry has no other actions without a plugin.
    const auto own = std::ranges::find(host_actions, std::string_view{action.name}, &HostActionInfo::name);
    std::string data;
    switch (own->action) {
    case HostAction::ping:
        data = base::json_object("pong", true, "agent_id", options.agent_id, "version", options.version,
                                 "time", utc_ms());
        break;
    case HostAction::status: data = options.status_json ? options.status_json() : "{}"; break;
    case HostAction::actions: data = actions_json(in.record->policy()); break;
    }
    ++stats.succeeded;
    const wire::Result result{.id = in.command.id,
                              .outcome = wire::Outcome::success,
                              .data = data,
                              .error = {},
                              .action = in.command.action};
    respond(in, result);
}

} // namespace agenthost::host

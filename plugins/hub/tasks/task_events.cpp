#include "task_events.hpp"

#include "base/json_writer.hpp"
#include "wire/codes.hpp"
#include "wire/json/fields.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

namespace {

// The codecs keep an outcome apart from an error's data; callers see the data only, and must know that part may
// have been done.
std::string with_unknown_outcome(std::string_view data)
{
    std::string out, why;
    const auto members = wire::json::split(data, why);
    base::JsonWriter json{out};
    json.object().member("outcome", "unknown");
    if (members) {
        for (const wire::json::Member& m : *members)
            if (m.key != "outcome") wire::write_member(json, m);
    } else if (!data.empty()) {
        json.member("data", base::RawJson{data});
    }
    json.end();
    return out;
}

} // namespace

void TaskEvents::agent_ready(const AgentRecord& agent)
{
    absence_.ended(agent.id);
    sender_.connected(agent);
    sender_.pump(agent.id);
}

void TaskEvents::agent_lost(std::string_view name)
{
    const std::string agent{name};
    sender_.disconnected(agent);
    if (open_.tasks().open(agent) == 0) return;
    open_.tasks().lost(agent, core_.utc());
    for (const std::string& id : open_.tasks().of(agent)) open_.save(id);
    absence_.began(agent);
}

void TaskEvents::agent_revoked(std::string_view agent)
{
    sender_.revoked(agent);
    for (const std::string& id : open_.tasks().of(agent))
        open_.fail(id, "AGENT_NOT_FOUND", "The agent was revoked");
}

void TaskEvents::too_large(std::string_view agent)
{
    const auto open = open_.tasks().unanswered(agent);
    const auto in_flight = std::count_if(open.begin(), open.end(), [](const auto* t) { return !t->adrift; });
    if (in_flight != 1) return; // it is unknown which command's message it was
    TaskRecord outcome;
    outcome.state = TaskState::error;
    outcome.code = wire::code::too_large;
    outcome.message =
        "The command or its answer is larger than the other side accepts: the session ended with 1009 "
        "(plugins.hub.config.message_bytes is " +
        std::to_string(core_.config.message_bytes) + ")";
    outcome.detail = "The agent may have run the command. Request less at a time, or raise "
                     "plugins.hub.config.message_bytes.";
    open_.finish(agent, std::string{open.front()->id}, std::move(outcome));
}

void TaskEvents::result(std::string_view name, const wire::Result& result)
{
    const std::string id = sender_.id_of(name, result);
    if (!open_.tasks().awaits(name, id)) return sender_.pump(name);
    const std::string agent{name}; // the name's owner may be destroyed meanwhile
    TaskRecord outcome;
    const bool success = result.outcome == wire::Outcome::success;
    outcome.state = success ? TaskState::success : TaskState::error;
    outcome.data = success ? result.data : result.error.data;
    if (result.outcome == wire::Outcome::unknown) outcome.data = with_unknown_outcome(result.error.data);
    outcome.code = result.error.code;
    outcome.message = result.error.message;
    outcome.detail = result.error.detail;
    open_.finish(agent, id, std::move(outcome));
    sender_.pump(agent);
}

void TaskEvents::progress(std::string_view agent, std::string_view id)
{
    open_.tasks().progress(agent, id, core_.utc());
}

void TaskEvents::expired(const std::string& id)
{
    if (const auto dead = open_.fail(id, "TIMEOUT", sender_.why_unanswered(id))) sender_.pump(dead->agent);
}

} // namespace agenthost::hub

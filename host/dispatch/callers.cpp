#include "callers.hpp"

#include "base/json_writer.hpp"

#include <utility>

namespace agenthost::host {

Callers::Callers(Slots& slots, std::string agent_id) : slots_{slots}, agent_id_{std::move(agent_id)} {}

CallerRecord* Callers::look_up(const Caller& caller)
{
    const auto at = by_caller_.find(&caller);
    if (at == by_caller_.end()) return nullptr;
    last_caller_ = &caller;
    return last_record_ = at->second;
}

CallerRecord* Callers::named(std::string_view name)
{
    const auto at = records_.find(name);
    return at == records_.end() ? nullptr : at->second.get();
}

CallerRecord& Callers::record(std::string_view name)
{
    if (CallerRecord* existing = named(name)) return *existing;
    auto record = std::make_unique<CallerRecord>();
    record->name = std::make_unique<const std::string>(name);
    record->json = base::json_object("server", name);
    return *records_.emplace(std::string{name}, std::move(record)).first->second;
}

void Callers::describe(CallerRecord& record) const
{
    const Policy& policy = record.caller->policy();
    const std::string& agent_id = policy.agent_id.empty() ? agent_id_ : policy.agent_id;
    record.json.clear();
    base::JsonWriter writer{record.json};
    writer.object().member("server", policy.name).member("protocol", policy.protocol);
    if (!agent_id.empty()) writer.member("agent_id", agent_id);
    writer.end();
}

CallerRecord& Callers::attach(std::shared_ptr<Caller> caller)
{
    CallerRecord& found = record(caller->policy().name);
    if (found.caller) by_caller_.erase(found.caller.get());
    last_caller_ = nullptr;
    found.caller = std::move(caller);
    by_caller_[found.caller.get()] = &found;
    describe(found);
    return found;
}

std::shared_ptr<Caller> Callers::detach(CallerRecord& record)
{
    by_caller_.erase(record.caller.get());
    last_caller_ = nullptr;
    record.last_policy = record.caller->policy();
    return std::exchange(record.caller, nullptr);
}

void Callers::drop_if_idle(CallerRecord& record)
{
    if (record.caller || record.in_flight) return;
    auto name = std::move(record.name);
    records_.erase(records_.find(*name));
    slots_.retire_name(std::move(name));
    slots_.free_retired();
    last_caller_ = nullptr;
}

} // namespace agenthost::host

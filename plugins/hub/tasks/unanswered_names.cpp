#include "unanswered_names.hpp"

namespace agenthost::hub {

void UnansweredNames::repeats_ids(std::string_view agent)
{
    if (one_by_one_.empty()) return; // most agents repeat ids
    if (const auto it = one_by_one_.find(agent); it != one_by_one_.end()) {
        one_by_one_.erase(it);
        forget(agent);
    }
}

void UnansweredNames::sent(std::string_view agent, std::string_view name, std::string_view id)
{
    agents_[std::string{agent}].insert_or_assign(std::string{name}, Sent{.id = std::string{id}});
}

void UnansweredNames::not_sent(std::string_view agent, std::string_view id)
{
    const auto held = agents_.find(agent);
    if (held == agents_.end()) return;
    std::erase_if(held->second, [&](const auto& name) { return name.second.id == id; });
    if (held->second.empty()) agents_.erase(held);
}

bool UnansweredNames::holds(std::string_view agent, std::string_view name, std::string_view id) const
{
    const auto held = agents_.find(agent);
    if (held == agents_.end()) return false;
    const auto found = held->second.find(name);
    if (found == held->second.end()) return held->second.size() >= max_names;
    return found->second.id != id;
}

std::string UnansweredNames::answered(std::string_view agent, std::string_view name)
{
    const auto held = agents_.find(agent);
    if (held == agents_.end()) return {};
    const auto found = held->second.find(name);
    if (found == held->second.end()) return {};
    std::string id = std::move(found->second.id);
    held->second.erase(found);
    if (held->second.empty()) agents_.erase(held);
    return id;
}

std::string UnansweredNames::only(std::string_view agent) const
{
    const auto held = agents_.find(agent);
    return held == agents_.end() || held->second.size() != 1 ? std::string{}
                                                             : held->second.begin()->second.id;
}

bool UnansweredNames::lost(std::string_view agent, Time until)
{
    one_by_one_.erase(std::string{agent});
    const auto held = agents_.find(agent);
    if (held == agents_.end()) return false;
    for (auto& [name, sent] : held->second) {
        if (sent.until == Time::max()) sent.until = until; // else it belongs to an earlier session
    }
    return true;
}

void UnansweredNames::expire(std::string_view agent, Time now)
{
    const auto held = agents_.find(agent);
    if (held == agents_.end()) return;
    std::erase_if(held->second, [&](const auto& name) { return name.second.until <= now; });
    if (held->second.empty()) agents_.erase(held);
}

void UnansweredNames::inherited(std::string_view agent, std::string_view name, std::string_view id,
                                Time until)
{
    const auto [found, added] =
        agents_[std::string{agent}].try_emplace(std::string{name}, Sent{std::string{id}, until});
    if (!added && found->second.id != id) found->second.id.clear();
}

void UnansweredNames::forget(std::string_view agent) { agents_.erase(std::string{agent}); }

} // namespace agenthost::hub

#include "lanes.hpp"

namespace agenthost::hub {

void Lanes::repeats_ids(std::string_view agent)
{
    if (const auto it = one_by_one_.find(agent); it != one_by_one_.end()) {
        one_by_one_.erase(it);
        forget(agent);
    }
}

void Lanes::sent(std::string_view agent, std::string_view word, std::string_view id)
{
    agents_[std::string{agent}].insert_or_assign(std::string{word}, Sent{.id = std::string{id}});
}

void Lanes::not_sent(std::string_view agent, std::string_view id)
{
    const auto lane = agents_.find(agent);
    if (lane == agents_.end()) return;
    std::erase_if(lane->second, [&](const auto& word) { return word.second.id == id; });
    if (lane->second.empty()) agents_.erase(lane);
}

bool Lanes::holds(std::string_view agent, std::string_view word, std::string_view id) const
{
    const auto lane = agents_.find(agent);
    if (lane == agents_.end()) return false;
    const auto found = lane->second.find(word);
    if (found == lane->second.end()) return lane->second.size() >= max_words;
    return found->second.id != id;
}

std::string Lanes::answered(std::string_view agent, std::string_view word)
{
    const auto lane = agents_.find(agent);
    if (lane == agents_.end()) return {};
    const auto found = lane->second.find(word);
    if (found == lane->second.end()) return {};
    std::string id = std::move(found->second.id);
    lane->second.erase(found);
    if (lane->second.empty()) agents_.erase(lane);
    return id;
}

std::string Lanes::only(std::string_view agent) const
{
    const auto lane = agents_.find(agent);
    return lane == agents_.end() || lane->second.size() != 1 ? std::string{}
                                                             : lane->second.begin()->second.id;
}

bool Lanes::lost(std::string_view agent, Time until)
{
    one_by_one_.erase(std::string{agent});
    const auto lane = agents_.find(agent);
    if (lane == agents_.end()) return false;
    for (auto& [word, sent] : lane->second) {
        if (sent.until == Time::max()) sent.until = until; // else it belongs to an earlier session
    }
    return true;
}

void Lanes::expire(std::string_view agent, Time now)
{
    const auto lane = agents_.find(agent);
    if (lane == agents_.end()) return;
    std::erase_if(lane->second, [&](const auto& word) { return word.second.until <= now; });
    if (lane->second.empty()) agents_.erase(lane);
}

void Lanes::inherited(std::string_view agent, std::string_view word, std::string_view id, Time until)
{
    const auto [found, added] =
        agents_[std::string{agent}].try_emplace(std::string{word}, Sent{std::string{id}, until});
    if (!added && found->second.id != id) found->second.id.clear();
}

void Lanes::forget(std::string_view agent) { agents_.erase(std::string{agent}); }

} // namespace agenthost::hub

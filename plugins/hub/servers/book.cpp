#include "book.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <tuple>

namespace agenthost::hub {

namespace {

bool has_part(std::string_view text, std::string_view part)
{
    return std::search(text.begin(), text.end(), part.begin(), part.end(),
                       [](char a, char b) { return base::to_lower(a) == base::to_lower(b); }) != text.end();
}

bool passes(const ServerFilter& filter, const ServerRecord& server, const ServerBook::View& view)
{
    if (!filter.status.empty() && filter.status != (server.status.empty() ? "unknown" : server.status))
        return false;
    if (!filter.name.empty() && !has_part(server.name.empty() ? server.id : server.name, filter.name))
        return false;
    if (!filter.image.empty() && !has_part(server.image, filter.image)) return false;
    return !filter.healthy ||
           *filter.healthy == health_of(server, view.online(server.agent), view.now).healthy;
}

} // namespace

ServerRecord* ServerBook::edit(std::string_view agent, std::string_view id)
{
    if (ServerRecord* there = find(agent, id)) return there;
    const auto of_agent = agents_.find(agent);
    if (size_ >= max_servers_ || (of_agent != agents_.end() && of_agent->second.size() >= max_of_agent_)) {
        ++not_kept_;
        return nullptr;
    }
    ++size_;
    Servers& servers = of_agent == agents_.end() ? agents_[std::string{agent}] : of_agent->second;
    ServerRecord& made = servers[std::string{id}];
    made.agent = agent;
    made.id = id;
    return &made;
}

const ServerRecord* ServerBook::find(std::string_view agent, std::string_view id) const
{
    const Servers& servers = of(agent);
    const auto at = servers.find(id);
    return at == servers.end() ? nullptr : &at->second;
}

ServerRecord* ServerBook::find(std::string_view agent, std::string_view id)
{
    const auto of_agent = agents_.find(agent);
    if (of_agent == agents_.end()) return nullptr;
    const auto at = of_agent->second.find(id);
    return at == of_agent->second.end() ? nullptr : &at->second;
}

bool ServerBook::erase(std::string_view agent, std::string_view id)
{
    const auto of_agent = agents_.find(agent);
    if (of_agent == agents_.end()) return false;
    const auto at = of_agent->second.find(id);
    if (at == of_agent->second.end()) return false;
    of_agent->second.erase(at);
    if (of_agent->second.empty()) agents_.erase(of_agent);
    --size_;
    return true;
}

const ServerBook::Servers& ServerBook::of(std::string_view agent) const
{
    static const Servers none;
    const auto at = agents_.find(agent);
    return at == agents_.end() ? none : at->second;
}

std::vector<std::string> ServerBook::agents_of(std::string_view id) const
{
    std::vector<std::string> out;
    for (const auto& [agent, servers] : agents_)
        if (servers.contains(id)) out.push_back(agent);
    return out;
}

ServerBook::Page ServerBook::page(const ServerFilter& filter, const View& view, std::string_view after,
                                  std::size_t limit) const
{
    const auto slash = after.find('/');
    const std::string_view after_agent = after.substr(0, slash);
    const std::string_view after_id = slash == std::string_view::npos ? "" : after.substr(slash + 1);
    Page out;
    bool more = false;
    for (const auto& [agent, servers] : agents_) {
        if ((!filter.agent.empty() && filter.agent != agent) || !view.sees(agent)) continue;
        for (const auto& [id, server] : servers) {
            if (!passes(filter, server, view)) continue;
            ++out.total;
            if (std::tuple{std::string_view{agent}, std::string_view{id}} <=
                std::tuple{after_agent, after_id})
                continue;
            if (out.servers.size() < limit)
                out.servers.push_back(&server);
            else
                more = true;
        }
    }
    if (more && !out.servers.empty()) out.next = out.servers.back()->agent + "/" + out.servers.back()->id;
    return out;
}

} // namespace agenthost::hub

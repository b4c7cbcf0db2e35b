#include "groups.hpp"

#include "base/json_writer.hpp"
#include "wire/codec.hpp"
#include "wire/dashboard/client.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

namespace dashboard_client = wire::dashboard_client;

namespace {

dashboard_client::Agent shown(const AgentRecord& agent, bool online)
{
    return {.id = agent.id,
            .name = agent.name,
            .version = agent.version,
            .platform = agent.platform,
            .capabilities = agent.capabilities,
            .online = online,
            .last_seen = agent.last_seen};
}

} // namespace

std::string sight(const Caller& caller)
{
    if (caller.role == Role::admin || !caller.agents) return "*";
    std::vector<std::string> sorted = *caller.agents;
    std::sort(sorted.begin(), sorted.end());
    std::string key = "=";
    for (const std::string& agent : sorted) key += agent + "\n";
    return key;
}

void DashboardGroups::join(Conn conn, const Caller& caller, std::shared_ptr<ClientSendQueue> send_queue)
{
    leave(conn);
    std::string key = sight(caller);
    Group& group = groups_[key];
    group.caller = caller;
    group.members.push_back(conn);
    group.send_queues.reset();
    core_.strand.post([to = send_queue, list = list_for(group)] { to->send_list(list); });
    members_[conn] = {std::move(key), caller, std::move(send_queue), change_};
}

void DashboardGroups::leave(Conn conn)
{
    const auto member = members_.extract(conn);
    if (!member) return;
    const auto at = groups_.find(member.mapped().group);
    Group& group = at->second;
    std::erase(group.members, conn);
    group.send_queues.reset();
    if (group.members.empty())
        groups_.erase(at);
    else
        group.caller = members_.at(group.members.front()).caller;
}

bool DashboardGroups::seen(std::string_view agent) const
{
    return std::any_of(groups_.begin(), groups_.end(),
                       [&](const auto& group) { return group.second.caller.sees(agent); });
}

const std::shared_ptr<const DashboardGroups::SendQueues>& DashboardGroups::send_queues(Group& group)
{
    if (!group.send_queues) {
        auto made = std::make_shared<SendQueues>();
        made->reserve(group.members.size());
        for (const Conn conn : group.members) made->push_back(members_.at(conn).send_queue);
        group.send_queues = std::move(made);
    }
    return group.send_queues;
}

void DashboardGroups::tell(std::string_view agent, std::string frame)
{
    const Text text = std::make_shared<const std::string>(std::move(frame));
    for (auto& [key, group] : groups_) {
        if (!group.caller.sees(agent)) continue;
        core_.strand.post([to = send_queues(group), text] {
            for (const auto& send_queue : *to) send_queue->send(text);
        });
    }
}

bool DashboardGroups::tell(std::string_view agent, const ClientSendQueue::OfRun& item, Conn except)
{
    const std::size_t size = item.frame->size();
    if (item.output && on_the_way_->load() + size > max_on_the_way) return false;
    const ClientSendQueue* not_to = nullptr;
    if (const auto it = members_.find(except); it != members_.end()) not_to = it->second.send_queue.get();
    for (auto& [key, group] : groups_) {
        if (!group.caller.sees(agent)) continue;
        *on_the_way_ += size;
        core_.strand.post([to = send_queues(group), item, not_to, size, counter = on_the_way_] {
            for (const auto& send_queue : *to) {
                if (send_queue.get() != not_to) send_queue->send(item);
            }
            *counter -= size;
        });
    }
    return true;
}

void DashboardGroups::agent_changed(const AgentRecord& agent, bool online)
{
    ++change_;
    if (groups_.empty()) return;
    std::string frame;
    dashboard_client::write_agent_status(frame, core_.utc(), shown(agent, online));
    tell(agent.id, std::move(frame));
    if (std::exchange(lists_due_, true)) return;
    core_.after(list_spacing, [this]() UNDER_LOCK { send_lists(); });
}

void DashboardGroups::send_lists()
{
    lists_due_ = false;
    for (auto& [key, group] : groups_) {
        SendQueues behind;
        for (const Conn conn : group.members) {
            Member& member = members_.at(conn);
            if (std::exchange(member.list_of, change_) != change_) behind.push_back(member.send_queue);
        }
        if (behind.empty()) continue;
        core_.strand.post([behind = std::move(behind), list = list_for(group)] {
            for (const auto& send_queue : behind) send_queue->send_list(list);
        });
    }
}

Text DashboardGroups::list_for(Group& group)
{
    if (group.list && group.list_of == change_) return group.list;
    std::string agents, frame;
    base::JsonWriter json{agents};
    json.array();
    std::size_t left_out = 0;
    const auto add = [&](const std::string& id) UNDER_LOCK {
        const AgentRecord* agent = fanout_.find(id);
        if (agent == nullptr || !group.caller.sees(id)) return;
        if (agents.size() >= max_list - 4096) {
            ++left_out;
            return;
        }
        dashboard_client::write_agent(json, shown(*agent, true));
    };
    if (group.caller.role != Role::admin && group.caller.agents) {
        for (const std::string& id : *group.caller.agents) add(id);
    } else {
        for (const wire::ProtocolTraits& row : wire::protocols()) {
            if (!row.dialect.empty()) continue; // its agents are listed under the same name
            for (const std::string& id : fanout_.connected(row.name)) add(id);
        }
    }
    json.end();
    dashboard_client::write_list(frame, core_.utc(), agents, left_out);
    group.list = std::make_shared<const std::string>(std::move(frame));
    group.list_of = change_;
    return group.list;
}

} // namespace agenthost::hub

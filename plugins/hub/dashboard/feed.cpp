#include "feed.hpp"

#include "base/json_writer.hpp"
#include "wire/codes.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

namespace dashboard_client = wire::dashboard_client;

namespace {

// Agents of some protocols send the plugin's name with the topic.
std::string_view short_topic(std::string_view topic)
{
    const std::size_t dot = topic.find('.');
    return dot == std::string_view::npos ? topic : topic.substr(dot + 1);
}

} // namespace

bool DashboardFeed::Wish::covers(std::string_view topic, std::string_view of) const
{
    if (!server.empty() && server != of) return false;
    return topics.empty() || std::find(topics.begin(), topics.end(), topic) != topics.end();
}

void DashboardFeed::subscribe(DashboardSession& session, const dashboard_client::Subscribe& asked)
{
    const auto answer = [&](const dashboard_client::Fault& fault) UNDER_LOCK {
        if (asked.request_id.empty()) {
            if (!fault.code.empty()) session.fault(fault);
            return;
        }
        std::string frame;
        dashboard_client::write_response(frame, core_.utc(), asked.request_id, fault);
        session.say(std::move(frame));
    };
    if (asked.agent_id != "*" && !session.caller.sees(asked.agent_id)) {
        const std::string text = "Agent " + std::string{asked.agent_id} + " is not connected";
        return answer({.code = wire::code::agent_offline, .message = text});
    }
    std::vector<Wish>& wishes = wishes_[session.conn];
    const auto same = std::find_if(wishes.begin(), wishes.end(), [&](const Wish& wish) {
        return wish.agent == asked.agent_id && wish.server == asked.server_id;
    });
    if (!asked.on) {
        if (same != wishes.end()) wishes.erase(same);
        const bool more = std::any_of(wishes.begin(), wishes.end(),
                                      [&](const Wish& wish) { return wish.agent == asked.agent_id; });
        if (!more) unindex(asked.agent_id, session.conn);
        return answer({});
    }
    if (same == wishes.end() && wishes.size() >= max_subscriptions)
        return answer({.code = wire::code::rate_limit,
                       .message = "A dashboard has at most 256 subscriptions; unsubscribe from some, or "
                                  "subscribe to agentId \"*\""});
    Wish& wish = same == wishes.end() ? wishes.emplace_back() : *same;
    wish = {std::string{asked.agent_id},
            std::string{asked.server_id},
            {asked.topics.begin(), asked.topics.end()}};
    std::vector<Conn>& index = by_agent_[wish.agent];
    if (std::find(index.begin(), index.end(), session.conn) == index.end()) index.push_back(session.conn);
    answer({});
}

void DashboardFeed::unindex(std::string_view agent, Conn conn)
{
    const auto at = by_agent_.find(agent);
    if (at == by_agent_.end()) return;
    std::erase(at->second, conn);
    if (at->second.empty()) by_agent_.erase(at);
}

void DashboardFeed::leave(Conn conn)
{
    const auto wishes = wishes_.extract(conn);
    if (!wishes) return;
    for (const Wish& wish : wishes.mapped()) unindex(wish.agent, conn);
}

std::size_t DashboardFeed::subscriptions(Conn conn) const
{
    const auto at = wishes_.find(conn);
    return at == wishes_.end() ? 0 : at->second.size();
}

void DashboardFeed::collect(std::string_view key, std::string_view agent, const wire::Event& event,
                            std::string_view topic, Recipients& to)
{
    const auto index = by_agent_.find(key);
    if (index == by_agent_.end()) return;
    for (const Conn conn : index->second) {
        DashboardSession* session = find_(conn);
        if (session == nullptr || !session->caller.sees(agent)) continue;
        const std::vector<Wish>& wishes = wishes_.at(conn);
        const auto covered = [&](std::string_view by) {
            return std::any_of(wishes.begin(), wishes.end(), [&](const Wish& wish) {
                return wish.agent == by && wish.covers(topic, event.target);
            });
        };
        // A subscription to this agent was served before one to all agents.
        if (covered(key) && (key == agent || !covered(agent))) to.push_back(session->send_queue);
    }
}

void DashboardFeed::agent_lost(std::string_view agent)
{
    const auto at = rates_.find(agent);
    if (at == rates_.end()) return;
    for (const Rate& rate : at->second) core_.timers.cancel(rate.notice);
    rates_.erase(at);
}

// Reports the number even if no other event follows.
void DashboardFeed::skip(std::string_view agent, std::size_t kind, std::shared_ptr<const Recipients> to)
{
    Rate& rate = rates_.find(agent)->second.at(kind);
    rate.to = std::move(to);
    if (rate.skipped++ > 0) return;
    rate.notice = core_.after(notice_after, [this, agent = std::string{agent}, kind]()
                                                UNDER_LOCK { tell_skipped(agent, kind); });
}

void DashboardFeed::tell_skipped(std::string_view agent, std::size_t kind)
{
    const auto at = rates_.find(agent);
    if (at == rates_.end() || at->second.at(kind).skipped == 0) return;
    Rate& rate = at->second.at(kind);
    core_.timers.cancel(std::exchange(rate.notice, {}));
    core_.strand.post([to = std::exchange(rate.to, nullptr), agent = std::string{agent},
                       skipped = std::exchange(rate.skipped, 0), now = core_.utc()] {
        for (const auto& send_queue : *to) send_queue->left_out(agent, skipped, now);
    });
}

void DashboardFeed::event(std::string_view agent, const wire::Event& event, std::string_view task)
{
    if (by_agent_.empty()) return;
    const std::string_view topic = short_topic(event.topic);
    auto to = std::make_shared<Recipients>();
    collect(agent, agent, event, topic, *to);
    collect("*", agent, event, topic, *to);
    if (to->empty()) return;
    const std::size_t kind = topic == "server_log" ? 1 : 0;
    Rate& rate = rates_[std::string{agent}].at(kind);
    if (!rate.allowance.take(core_.now()) || on_the_way_->load() > max_on_the_way)
        return skip(agent, kind, std::move(to));
    tell_skipped(agent, kind);
    const std::string omitted =
        event.json.size() > max_data ? base::json_object("omittedBytes", event.json.size()) : std::string{};
    std::string frame;
    dashboard_client::write_event(frame, core_.utc(),
                                  {.agent_id = agent,
                                   .server_id = event.target,
                                   .topic = topic,
                                   .data = omitted.empty() ? event.json : std::string_view{omitted},
                                   .task_id = task});
    const std::size_t size = frame.size();
    ClientSendQueue::OfAgent item{.frame = std::make_shared<const std::string>(std::move(frame)),
                                  .agent = std::string{agent},
                                  .at = core_.utc()};
    *on_the_way_ += size;
    core_.strand.post([to = std::move(to), item = std::move(item), size, counter = on_the_way_] {
        for (const auto& send_queue : *to) send_queue->send(item);
        *counter -= size;
    });
}

} // namespace agenthost::hub

#include "followers.hpp"

#include "actions.hpp"
#include "log_page.hpp"

#include "base/json_writer.hpp"

#include <utility>
#include <vector>

namespace agenthost::hub {

namespace {

constexpr std::size_t batch = 64U << 10;

} // namespace

void ServerFollowers::add(const ReplyPtr& reply, Wish wish)
{
    if (followers_.size() >= max_followers) {
        core_.strand.post([reply] { reply->fail("BUSY", "256 consoles are being followed; end one first"); });
        return;
    }
    const auto follower = std::make_shared<Follower>();
    follower->reply = reply;
    follower->wish = std::move(wish);
    followers_[reply.get()] = follower;
    ask(follower);
}

void ServerFollowers::left(const Reply* key)
{
    const auto it = followers_.find(key);
    if (it == followers_.end()) return;
    const FollowerPtr follower = it->second;
    follower->over = true;
    followers_.erase(it);
    core_.strand.post([follower] { follower->reply->fail("CANCELLED", "The caller is gone"); });
}

void ServerFollowers::drain()
{
    std::vector<FollowerPtr> all;
    for (const auto& [key, follower] : followers_) all.push_back(follower);
    for (const FollowerPtr& follower : all) fail(follower, "BUSY", "The hub is shutting down");
}

void ServerFollowers::gone(std::string_view agent)
{
    std::vector<FollowerPtr> of;
    for (const auto& [key, follower] : followers_)
        if (follower->wish.agent == agent) of.push_back(follower);
    for (const FollowerPtr& follower : of)
        fail(follower, "AGENT_NOT_FOUND",
             "Agent " + std::string{agent} + " was revoked, or is no longer in the credentials file");
}

std::vector<std::string> ServerFollowers::absent() const
{
    std::vector<std::string> agents;
    for (const auto& [key, follower] : followers_)
        if (!fanout_.online(follower->wish.agent)) agents.push_back(follower->wish.agent);
    return agents;
}

void ServerFollowers::fail(const FollowerPtr& follower, const std::string& code, const std::string& message)
{
    if (std::exchange(follower->over, true)) return;
    followers_.erase(follower->reply.get());
    core_.strand.post([follower, code, message] { follower->reply->fail(code, message); });
}

void ServerFollowers::say(const Follower& follower, std::string json)
{
    core_.strand.post([reply = follower.reply, json = std::move(json)] { reply->progress(json); });
}

void ServerFollowers::lost(const Follower& follower, std::uint64_t lines)
{
    if (lines > 0) say(follower, base::json_object("lost", lines));
}

// ---- lines of the agent ----

void ServerFollowers::ask(const FollowerPtr& follower)
{
    if (follower->over || std::exchange(follower->asking, true)) return;
    follower->again = false;
    const Wish& wish = follower->wish;
    TaskRecord named{.agent = wish.agent, .action = std::string{server_action::logs}};
    named.params = follower->next ? base::json_object("offset", *follower->next, "limit", page)
                                  : base::json_object("tail", wish.tail);
    const AgentRecord* agent = fanout_.find(wish.agent);
    name_server(named, wish.server, agent == nullptr ? "" : agent->protocol);
    requests_.ask(
        wish.agent, server_action::logs, named.params,
        [this, follower](const Requests::Answer& answer) UNDER_LOCK { answered(follower, answer); },
        named.target);
}

void ServerFollowers::answered(const FollowerPtr& follower, const Requests::Answer& answer)
{
    follower->asking = false;
    if (follower->over) return;
    bool more = false;
    if (!answer.ok) {
        // An absent agent is asked in its next session. For one without the action, its events are enough.
        const bool wait = answer.code == "AGENT_OFFLINE" || answer.code == "TIMEOUT" || answer.code == "BUSY";
        const bool events = answer.code == "UNKNOWN_ACTION";
        if (!follower->wish.follow || (!wait && !events) || (wait && !follower->begun))
            return fail(follower, answer.code, answer.message);
        if (events) follower->begun = true;
    } else if (!take_page(*follower, answer.data, more)) {
        return fail(follower, "INTERNAL", "The agent's answer has no lines");
    }
    wake(follower);
    const bool space = follower->unsent.size() < max_unsent;
    if ((more || follower->again) && space && answer.ok) ask(follower);
}

bool ServerFollowers::take_page(Follower& follower, std::string_view data, bool& more)
{
    const auto lines = read_log_page(data);
    if (!lines) return false;
    if (follower.next && lines->from && *lines->from > *follower.next)
        lost(follower, *lines->from - *follower.next);
    // Events may have been passed on before the agent numbered them.
    if (!(follower.next && lines->next && *lines->next <= *follower.next)) follower.unsent += lines->text;
    const bool first = !std::exchange(follower.begun, true);
    if (lines->next && (!follower.next || *lines->next > *follower.next)) {
        // Without follow, what is printed meanwhile is not waited for.
        more = lines->end && *lines->end > *lines->next && (follower.wish.follow || !first);
        follower.next = lines->next;
    }
    return true;
}

void ServerFollowers::event(std::string_view agent, const wire::Event& event)
{
    std::vector<FollowerPtr> of;
    for (const auto& [key, follower] : followers_)
        if (follower->wish.agent == agent && follower->wish.server == event.target && follower->wish.follow)
            of.push_back(follower);
    if (of.empty()) return;
    const std::string_view topic = short_topic(event.topic);
    for (const FollowerPtr& follower : of) {
        if (topic == "server_log")
            take_event(follower, event);
        else if (topic == "server_status_changed")
            say(*follower, base::json_object("event", topic, "data", base::RawJson{event.json}));
    }
}

void ServerFollowers::take_event(const FollowerPtr& follower, const wire::Event& event)
{
    const auto line = read_log_event(event.json);
    if (!line) return;
    const bool space = follower->unsent.size() < max_unsent;
    if (!line->position) {
        // Nothing else will deliver it.
        if (!follower->begun || !space) return lost(*follower, line->lines);
        follower->unsent += line->text;
        return wake(follower);
    }
    if (follower->next && *line->position < *follower->next) return; // it has this line
    const bool next = follower->next && *line->position == *follower->next && line->dropped == 0;
    if (!next || follower->asking || !space) {
        follower->again = true;
        if (space) ask(follower);
        return;
    }
    follower->unsent += line->text;
    follower->next = *line->position + line->lines;
    wake(follower);
}

void ServerFollowers::ready(std::string_view agent)
{
    std::vector<FollowerPtr> of;
    for (const auto& [key, follower] : followers_)
        if (follower->wish.agent == agent) of.push_back(follower);
    for (const FollowerPtr& follower : of)
        if (follower->next) ask(follower);
}

// ---- to the caller ----

void ServerFollowers::writable(const Reply* key)
{
    if (const auto it = followers_.find(key); it != followers_.end()) wake(it->second);
}

void ServerFollowers::wake(const FollowerPtr& follower)
{
    follower->woken = true;
    if (follower->over || std::exchange(follower->pumping, true)) return;
    core_.strand.post([this, follower] { pump(follower); });
}

bool ServerFollowers::fetch(const FollowerPtr& follower)
{
    if (follower->over) return false;
    follower->woken = false;
    follower->piece = follower->unsent.substr(0, batch);
    follower->unsent.erase(0, follower->piece.size());
    if (!follower->piece.empty()) {
        // What was left with the agent while there was no space.
        if (follower->again && follower->unsent.size() < max_unsent / 2) ask(follower);
        return true;
    }
    follower->pumping = false;
    if (follower->next && follower->told != follower->next) {
        follower->told = follower->next;
        say(*follower, base::json_object("next", *follower->next));
    }
    if (follower->wish.follow || !follower->begun || follower->asking) return false;
    follower->over = true;
    followers_.erase(follower->reply.get());
    core_.strand.post([follower] { follower->reply->ok("{}"); });
    return false;
}

void ServerFollowers::pump(const FollowerPtr& follower)
{
    while (true) {
        if (follower->piece.empty()) {
            bool more = false;
            core_.strand.run([&]() UNDER_LOCK { more = fetch(follower); });
            if (!more) return;
        }
        const agh_status status = follower->reply->stream(1, follower->sent, follower->piece);
        if (status == AGH_E_BUSY) {
            bool stop = false;
            core_.strand.run([&] {
                stop = !std::exchange(follower->woken, false); // it may have become writable meanwhile
                if (stop) follower->pumping = false;
            });
            if (stop) return;
            continue;
        }
        follower->sent += follower->piece.size(); // even if the caller is gone: left() follows
        follower->piece.clear();
    }
}

} // namespace agenthost::hub

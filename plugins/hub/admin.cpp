#include "admin.hpp"

#include "kit/hash.hpp"
#include "wire/json.hpp"

#include <agenthost/json.hpp>

#include <algorithm>
#include <set>

namespace agenthost::hub {

namespace {

constexpr std::size_t page = 1'000;

struct Params {
    std::string id, label, after;
    bool rotate = false;
};

Params read(std::string_view text)
{
    Params params;
    std::string why;
    if (const auto members = wire::json::split(text, why)) {
        for (const auto& m : *members) {
            if (m.key == "id")
                params.id = m.text;
            else if (m.key == "label")
                params.label = m.text;
            else if (m.key == "after")
                params.after = m.text;
            else if (m.key == "rotate")
                params.rotate = m.raw == "true";
        }
    }
    return params;
}

} // namespace

void Admin::call(std::string_view action, std::string_view text, ReplyPtr reply)
{
    const Params params = read(text);
    const bool names_agent = action == "hub.agent_add" || action == "hub.agent_revoke";
    if (names_agent && !valid_id(params.id)) {
        return fail(reply, "INVALID_REQUEST",
                    "An agent's id has 1 to 128 characters, no slash and no control character");
    }
    if (action == "hub.agent_add")
        agent_add(params.id, params.rotate, std::move(reply));
    else if (action == "hub.agent_list")
        agent_list(params.after, std::move(reply));
    else if (action == "hub.agent_revoke")
        agent_revoke(params.id, std::move(reply));
    else if (action == "hub.token_new")
        token_new(params.label, std::move(reply));
    else if (action == "hub.token_list")
        token_list(std::move(reply));
    else if (action == "hub.token_revoke")
        token_revoke(params.id, std::move(reply));
    else
        fail(reply, "UNKNOWN_ACTION", "Unknown action: " + std::string{action});
}

std::function<void(bool)> Admin::saved(ReplyPtr reply, std::function<void()> then)
{
    return [this, reply = std::move(reply), then = std::move(then)](bool ok) {
        core_.enter([&] {
            if (ok)
                then();
            else
                fail(reply, "DISK_FULL",
                     "The hub could not write its database; nothing was changed. See: agenthost health");
        });
    };
}

void Admin::agent_add(const std::string& id, bool rotate, ReplyPtr reply)
{
    if (credentials_.minted(id) && !rotate) {
        return fail(reply, "INVALID_REQUEST",
                    "Agent " + id + " has a token already. Replace it with: agenthost hub agent add " + id +
                        " --rotate");
    }
    if (credentials_.minted_agents().size() >= Credentials::most_minted) {
        return fail(reply, "BUSY", "100,000 agents have minted tokens already; revoke some first");
    }
    const std::string token = kit::random_token();
    const MintedAgent minted{.id = id, .token = kit::sha256(token), .created = core_.utc()};
    const bool taken =
        table_.save(minted, saved(reply, [this, minted, token, reply] {
                        credentials_.put(minted);
                        core_.log(AGH_LOG_INFO, "a secret was minted for agent " + minted.id);
                        sessions_.check_credentials(); // a session with the replaced token ends
                        ok(reply, "{\"id\":" + json_string(minted.id) + ",\"secret\":\"" + token + "\"}");
                    }));
    if (!taken) fail(reply, "BUSY", "The hub has too much to write; try again later");
}

void Admin::agent_list(const std::string& after, ReplyPtr reply)
{
    std::set<std::string_view> ids;
    const auto add = [&](const auto& from) {
        std::size_t added = 0;
        for (auto it = from.upper_bound(after); it != from.end() && added <= page; ++it, ++added)
            ids.insert(it->first);
    };
    add(credentials_.listed());
    add(credentials_.minted_agents());
    std::string list, next = "null", last;
    std::size_t n = 0;
    for (const std::string_view id : ids) {
        if (n++ == page) {
            next = json_string(last);
            break;
        }
        last = id;
        const std::string agent{id};
        const bool listed = credentials_.listed().contains(agent);
        const char* source = credentials_.revoked(agent)   ? "revoked"
                             : !credentials_.minted(agent) ? "file"
                             : listed                      ? "file and minted"
                                                           : "minted";
        list += (list.empty() ? "" : ",") +
                ("{\"id\":" + json_string(agent) + ",\"credential\":\"" + source + "\",\"status\":\"" +
                 (sessions_.online(agent) ? "online" : "offline") + "\"}");
    }
    ok(reply, "{\"agents\":[" + list + "],\"next\":" + next + "}");
}

void Admin::agent_revoke(const std::string& id, ReplyPtr reply)
{
    if (!credentials_.knows(id))
        return fail(reply, "AGENT_NOT_FOUND", "There is no agent " + id + " with a valid credential");
    // The credentials file is not ours to edit: an id it lists is refused by a row of our own, until `agent add`.
    const bool listed = credentials_.listed().contains(id);
    const MintedAgent stone{.id = id, .created = core_.utc(), .revoked = true};
    const auto then = saved(reply, [this, id, listed, stone, reply] {
        if (listed)
            credentials_.put(stone);
        else
            credentials_.remove_agent(id);
        core_.log(AGH_LOG_INFO, "agent " + id + " was revoked");
        sessions_.cut(id, "revoked");
        commands_.agent_revoked(id);
        registry_.forget(id);
        ok(reply, "{\"id\":" + json_string(id) + "}");
    });
    if (!(listed ? table_.save(stone, then) : table_.remove_agent(id, then))) {
        fail(reply, "BUSY", "The hub has too much to write; try again later");
    }
}

void Admin::token_new(const std::string& label, ReplyPtr reply)
{
    if (credentials_.tokens().size() >= Credentials::most_tokens) {
        return fail(reply, "BUSY", "There are 1,000 tokens already; revoke some first");
    }
    const std::string token = kit::random_token();
    const MintedToken minted{.id = "tok_" + kit::random_token(6),
                             .label = label,
                             .token = kit::sha256(token),
                             .created = core_.utc()};
    const bool taken =
        table_.save(minted, saved(reply, [this, minted, token, reply] {
                        credentials_.put(minted);
                        core_.log(AGH_LOG_INFO, "bearer token " + minted.id + " was minted");
                        ok(reply, "{\"id\":\"" + minted.id + "\",\"token\":\"" + token + "\"}");
                    }));
    if (!taken) fail(reply, "BUSY", "The hub has too much to write; try again later");
}

void Admin::token_list(ReplyPtr reply)
{
    std::string list;
    for (const auto& [id, token] : credentials_.tokens()) {
        list += (list.empty() ? "" : ",") +
                ("{\"id\":" + json_string(id) + ",\"label\":" + json_string(token.label) +
                 ",\"created\":" + std::to_string(token.created) + "}");
    }
    ok(reply, "{\"tokens\":[" + list + "]}");
}

void Admin::token_revoke(const std::string& id, ReplyPtr reply)
{
    if (!credentials_.tokens().contains(id))
        return fail(reply, "NOT_FOUND",
                    "There is no token " + id + ". List them with: agenthost hub token list");
    const bool taken = table_.remove_token(id, saved(reply, [this, id, reply] {
                                               credentials_.remove_token(id);
                                               core_.log(AGH_LOG_INFO, "bearer token " + id + " was revoked");
                                               ok(reply, "{\"id\":" + json_string(id) + "}");
                                           }));
    if (!taken) fail(reply, "BUSY", "The hub has too much to write; try again later");
}

} // namespace agenthost::hub

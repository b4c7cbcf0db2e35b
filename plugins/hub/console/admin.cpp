#include "admin.hpp"

#include "base/json_writer.hpp"
#include "plugins/hub/http/not_saved.hpp"

#include "plugins/hub/agents/registration.hpp"

#include "base/hash.hpp"
#include "base/json_depth.hpp"
#include "base/json_units.hpp"
#include "wire/protocol_traits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace agenthost::hub {

namespace {

constexpr std::size_t page = 1'000;
constexpr milliseconds day{24 * 3600 * 1000};
constexpr milliseconds dashboard_agent_lives = 365 * day; // nothing renews it
constexpr milliseconds caller_lives = 30 * day;

bool has_jwt(std::string_view protocol)
{
    const wire::ProtocolTraits* row = wire::find_traits(protocol);
    return row != nullptr && row->jwt;
}

bool renews(std::string_view protocol)
{
    const wire::ProtocolTraits* row = wire::find_traits(protocol);
    return row != nullptr && row->enrolment == wire::Enrolment::registered;
}

} // namespace

Admin::Params Admin::read(std::string_view text)
{
    using nlohmann::json;
    Params params;
    const json root = base::parse_json<json>(text);
    if (!root.is_object()) throw std::invalid_argument{"the parameters are not an object"};
    for (const auto& [name, to] :
         {std::pair{"id", &params.id}, std::pair{"label", &params.label}, std::pair{"after", &params.after},
          std::pair{"protocol", &params.protocol}, std::pair{"role", &params.role}}) {
        if (root.contains(name)) *to = root.at(name).get<std::string>();
    }
    params.rotate = root.value("rotate", false);
    if (root.contains("agents")) params.agents = root.at("agents").get<std::vector<std::string>>();
    if (root.contains("expires")) {
        std::string why;
        params.expires = base::duration_in(root.at("expires"), why);
        if (params.expires && *params.expires > std::chrono::days{366}) why = "at most 366d";
        if (!why.empty()) throw std::invalid_argument{"\"expires\": " + why};
        if (*params.expires < milliseconds{1'000}) throw std::invalid_argument{"\"expires\" is at least 1s"};
    }
    return params;
}

void Admin::call(std::string_view action, std::string_view text, ReplyPtr reply)
{
    Params params;
    try {
        params = read(text);
    } catch (const std::exception& e) {
        return fail(reply, "INVALID_REQUEST", e.what());
    }
    try {
        dispatch(action, params, reply);
    } catch (const std::exception& e) { // no entropy, no signature
        fail(reply, "INTERNAL", e.what());
    }
}

void Admin::dispatch(std::string_view action, const Params& params, const ReplyPtr& reply)
{
    const bool names_agent = action == "hub.agent_add" || action == "hub.agent_revoke";
    if (names_agent && !valid_id(params.id)) {
        return fail(reply, "INVALID_REQUEST",
                    "An agent's id has 1 to 128 characters, no slash and no control character");
    }
    if (action == "hub.agent_add")
        agent_add(params, reply);
    else if (action == "hub.agent_list")
        agent_list(params.after, reply);
    else if (action == "hub.agent_revoke")
        agent_revoke(params.id, reply);
    else if (action == "hub.token_new" && !params.role.empty())
        jwt_new(params, reply);
    else if (action == "hub.token_new" && (params.agents || params.expires))
        fail(reply, "INVALID_REQUEST",
             "\"agents\" and \"expires\" are for tokens with a role; add --role dashboard");
    else if (action == "hub.token_new")
        token_new(params.label, reply);
    else if (action == "hub.token_list")
        token_list(reply);
    else if (action == "hub.token_revoke")
        token_revoke(params.id, reply);
    else
        fail(reply, "UNKNOWN_ACTION", "Unknown action: " + std::string{action});
}

std::function<void(bool)> Admin::saved(ReplyPtr reply, std::function<void()> then)
{
    return [this, reply = std::move(reply), then = std::move(then)](bool ok) {
        core_.strand.run([&]() UNDER_LOCK {
            if (ok) return then();
            const auto why = why_not_saved(core_.config.database);
            fail(reply, why.code, "The hub could not write its database; nothing was changed. " + why.text);
        });
    };
}

bool Admin::mint(const Params& params, const Enrolment* old, Enrolment& made, std::string& answer,
                 std::string& refused) const
{
    const bool has_one = old != nullptr && !old->is_tombstone() && !old->foreign;
    if (has_one && !params.rotate) {
        refused = "Agent " + params.id +
                  " has a credential already. Replace it with: agenthost hub agent add " + params.id +
                  " --rotate";
        return false;
    }
    const std::int64_t now = core_.utc();
    made = {.id = params.id, .protocol = params.protocol, .created = now};
    if (old != nullptr) {
        made.tokens_until = old->tokens_until;
        made.valid_from = old->valid_from;
        // Keeps its earlier JWTs rejected: none was issued later than this second, or than the previous
        // valid_from.
        if (old->revoked || params.rotate) made.valid_from = std::max(now / 1000, old->valid_from) + 1;
    }
    // Until now the row for all ids without an enrolment rejected its JWTs; it no longer applies to this id.
    if (!has_one) made.valid_from = std::max(made.valid_from, credentials_.enrolments.floor());
    answer.clear();
    base::JsonWriter writer{answer};
    writer.object().member("id", made.id);
    if (!has_jwt(params.protocol)) {
        made.salt = base::random_token(16);
        const std::string secret = credentials_.agents.derived_secret(made.id, made.salt);
        made.secret = base::sha256(secret);
        writer.member("secret", secret).end();
        return true;
    }
    made.jwt = true;
    const bool renewable = renews(params.protocol);
    const std::int64_t lives_s = renewable && !params.expires
                                     ? agent_jwt_s
                                     : params.expires.value_or(dashboard_agent_lives).count() / 1000;
    const Claims claims = agent_claims(made, now, lives_s);
    made.tokens_until = std::max(made.tokens_until, claims.exp);
    writer.member("token", credentials_.agents.jwt()->sign(claims)).member("expires", claims.exp * 1000);
    if (renewable) writer.member("refreshToken", rotate(made, now));
    writer.end();
    return true;
}

void Admin::agent_add(const Params& params, ReplyPtr reply)
{
    if (credentials_.enrolments.find(params.id) == nullptr &&
        credentials_.enrolments.counts().ours >= Enrolments::max_enrolled)
        return fail(reply, "BUSY", "100,000 agents have minted credentials already; revoke some first");
    if (params.expires && !has_jwt(params.protocol))
        return fail(reply, "INVALID_REQUEST",
                    "Only JWTs expire; add --protocol " + wire::list_protocols(&wire::ProtocolTraits::jwt));
    const auto answer = std::make_shared<std::string>(), refused = std::make_shared<std::string>();
    book_.change(
        params.id,
        [this, params, answer, refused](const Enrolment* old, Enrolment& made) {
            return mint(params, old, made, *answer, *refused);
        },
        [this, id = params.id, answer, refused, reply](const EnrolmentBook::Outcome& outcome) UNDER_LOCK {
            if (!outcome.committed && outcome.code.empty()) return fail(reply, "INVALID_REQUEST", *refused);
            if (!outcome.committed) return fail(reply, outcome.code, outcome.message);
            core_.log(AGH_LOG_INFO, "a credential was minted for agent " + id);
            sessions_.check_credentials(); // a session with the replaced one ends
            ok(reply, *answer);
        });
}

void Admin::agent_list(const std::string& after, ReplyPtr reply)
{
    std::set<std::string_view> ids;
    const auto add = [&](const auto& from) {
        std::size_t added = 0;
        for (auto it = from.upper_bound(after); it != from.end() && added <= page; ++it, ++added)
            ids.insert(it->first);
    };
    add(credentials_.agents.listed());
    add(credentials_.enrolments.rows());
    std::string out;
    base::JsonWriter writer{out};
    writer.object().array("agents");
    std::optional<std::string> next;
    std::string last;
    std::size_t n = 0;
    for (const std::string_view id : ids) {
        if (n++ == page) {
            next = last;
            break;
        }
        last = id;
        const std::string agent{id};
        const bool listed = credentials_.agents.listed().contains(agent);
        const Enrolment* e = credentials_.enrolments.find(agent);
        if (e != nullptr && e->is_tombstone() && !e->revoked && !listed) continue; // forgotten
        const char* source = e == nullptr || (listed && e->is_tombstone() && !e->revoked) ? "file"
                             : e->revoked                                                 ? "revoked"
                             : e->foreign       ? (listed ? "file" : "token")
                             : listed           ? "file and minted"
                             : !e->name.empty() ? "registered"
                                                : "minted";
        writer.object().member("id", agent).member("credential", source);
        writer.member("status", sessions_.online(agent) ? "online" : "offline");
        const AgentRecord* live = sessions_.find(agent);
        const std::string protocol = live != nullptr ? live->protocol
                                     : e != nullptr  ? e->protocol
                                                     : std::string{};
        if (!protocol.empty()) writer.member("protocol", protocol);
        if (e != nullptr && !e->name.empty()) writer.member("name", e->name);
        writer.end();
    }
    writer.end().member("next", next).end();
    ok(reply, out);
}

void Admin::agent_revoke(const std::string& id, ReplyPtr reply)
{
    const auto unknown = [this, id, reply]() UNDER_LOCK {
        fail(reply, "AGENT_NOT_FOUND",
             "Agent " + id + " has no valid credential. List agents with: agenthost hub agent list");
    };
    if (credentials_.enrolments.revoked(id)) return unknown();
    if (credentials_.agents.knows(id) || sessions_.online(id)) return revoke(id, reply);
    // It has connected before, perhaps with a JWT that is still valid.
    const bool asked = registry_.find(id, [this, id, reply, unknown](bool ok, const auto& found) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) {
                const auto why = why_not_saved(core_.config.database);
                fail(reply, why.code,
                     "The hub could not read its database; nothing was changed. " + why.text);
            } else if (found)
                revoke(id, reply);
            else
                unknown();
        });
    });
    if (!asked) fail(reply, "BUSY", "The hub is overloaded; try again later");
}

// The row stays as a tombstone: it rejects the id whatever it presents (a secret of the file, JWTs signed
// elsewhere, trust in shops) until `agent add`. EnrolmentBook::upkeep() decides when to delete it.
void Admin::revoke(const std::string& id, const ReplyPtr& reply)
{
    if (credentials_.enrolments.find(id) == nullptr &&
        credentials_.enrolments.counts().tombstones >= Enrolments::max_tombstones)
        return fail(reply, "BUSY", "200,000 agents are revoked already; change the JWT key instead");
    book_.change(
        id,
        [this, id](const Enrolment* now, Enrolment& next) {
            if (now != nullptr && now->revoked) return false;
            next = {.id = id,
                    .protocol = next.protocol,
                    .valid_from = next.valid_from,
                    .created = core_.utc(),
                    .revoked = true,
                    .tokens_until = next.tokens_until};
            return true;
        },
        [this, id, reply](const EnrolmentBook::Outcome& outcome) UNDER_LOCK {
            if (!outcome.committed && outcome.code.empty())
                return fail(reply, "AGENT_NOT_FOUND", "Agent " + id + " is already revoked");
            if (!outcome.committed) return fail(reply, outcome.code, outcome.message);
            core_.log(AGH_LOG_INFO, "agent " + id + " was revoked");
            sessions_.revoked(id);
            registry_.forget(id);
            ok(reply, base::json_object("id", id));
        });
}

void Admin::token_new(const std::string& label, ReplyPtr reply)
{
    if (credentials_.minted.tokens().size() >= MintedTokens::max_tokens) {
        return fail(reply, "BUSY", "There are 1,000 tokens already; revoke some first");
    }
    const std::string token = base::random_token();
    const MintedToken minted{.id = "tok_" + base::random_token(6),
                             .label = label,
                             .token = base::sha256(token),
                             .created = core_.utc()};
    const bool taken = tokens_.save(minted, saved(reply, [this, minted, token, reply]() UNDER_LOCK {
                                        credentials_.minted.put(minted);
                                        core_.log(AGH_LOG_INFO, "bearer token " + minted.id + " was minted");
                                        ok(reply, base::json_object("id", minted.id, "token", token));
                                    }));
    if (!taken) fail(reply, "BUSY", "The hub's database queue is full; try again later");
}

void Admin::jwt_new(const Params& params, ReplyPtr reply)
{
    const auto wanted = role(params.role);
    if (!wanted || *wanted == Role::agent) {
        return fail(reply, "INVALID_REQUEST",
                    "A token's role is dashboard or admin; agents get theirs from: agenthost hub agent add");
    }
    if (*wanted == Role::admin && params.agents)
        return fail(reply, "INVALID_REQUEST", "\"agents\" limits a dashboard; an admin sees all");
    if (credentials_.minted.jwts().size() >= MintedTokens::max_jwts)
        return fail(reply, "BUSY",
                    "10,000 tokens have not expired yet; wait, or change the JWT key to refuse all");
    const std::int64_t now_s = core_.utc() / 1000;
    const Claims claims{.sub = params.label.empty() ? params.role : params.label,
                        .role = *wanted,
                        .agents = params.agents,
                        .iat = now_s,
                        .exp = now_s + params.expires.value_or(caller_lives).count() / 1000,
                        .jti = "jwt_" + base::random_token(8)};
    const MintedJwt minted{.jti = claims.jti,
                           .label = params.label,
                           .subject = claims.sub,
                           .role = *wanted,
                           .agents = params.agents,
                           .created = core_.utc(),
                           .expires = claims.exp * 1000};
    const std::string token = credentials_.agents.jwt()->sign(claims);
    if (token.size() > Jwt::max_token)
        return fail(reply, "INVALID_REQUEST", "So many agents make the token larger than 8 KiB; name fewer");
    const bool taken = table_.save(
        minted, saved(reply, [this, minted, token, reply]() UNDER_LOCK {
            credentials_.minted.put(minted);
            core_.log(AGH_LOG_INFO, "token " + minted.jti + " was minted");
            ok(reply, base::json_object("id", minted.jti, "token", token, "expires", minted.expires));
        }));
    if (!taken) fail(reply, "BUSY", "The hub's database queue is full; try again later");
}

void Admin::token_list(ReplyPtr reply)
{
    std::string out;
    base::JsonWriter writer{out};
    writer.object().array("tokens");
    const auto add = [&writer](const std::string& id, const std::string& label, std::string_view role_name,
                               std::int64_t created) {
        writer.object().member("id", id).member("label", label);
        writer.member("role", role_name).member("created", created);
    };
    for (const auto& [id, token] : credentials_.minted.tokens()) {
        add(id, token.label, to_string(Role::admin), token.created);
        writer.end();
    }
    for (const auto& [jti, jwt] : credentials_.minted.jwts()) {
        if (jwt.revoked || jwt.expires <= core_.utc()) continue;
        add(jti, jwt.label, to_string(jwt.role), jwt.created);
        writer.member("expires", jwt.expires);
        if (jwt.agents) writer.member("agents", *jwt.agents);
        writer.end();
    }
    writer.end().end();
    ok(reply, out);
}

void Admin::token_revoke(const std::string& id, ReplyPtr reply)
{
    const auto gone = [this, id, reply]() UNDER_LOCK {
        core_.log(AGH_LOG_INFO, "token " + id + " was revoked");
        sessions_.check_credentials();
        ok(reply, base::json_object("id", id));
    };
    const auto jwt = credentials_.minted.jwts().find(id);
    bool taken = false;
    if (jwt != credentials_.minted.jwts().end() && !jwt->second.revoked) {
        MintedJwt denied = jwt->second;
        denied.revoked = true; // the row stays until the token expires
        taken = table_.save(denied, saved(reply, [this, denied, gone]() UNDER_LOCK {
                                credentials_.minted.put(denied);
                                gone();
                            }));
    } else if (credentials_.minted.tokens().contains(id)) {
        taken = tokens_.remove_token(id, saved(reply, [this, id, gone]() UNDER_LOCK {
                                         credentials_.minted.remove_token(id);
                                         gone();
                                     }));
    } else {
        return fail(reply, "NOT_FOUND",
                    "There is no token " + id + ". List them with: agenthost hub token list");
    }
    if (!taken) fail(reply, "BUSY", "The hub's database queue is full; try again later");
}

} // namespace agenthost::hub

#include "reports.hpp"

#include "base/json_writer.hpp"
#include "peer_json.hpp"
#include "plugins/hub/http/not_saved.hpp"
#include "plugins/hub/store/machine_report.hpp"

#include "wire/codec.hpp"
#include "wire/json/json.hpp"

#include <algorithm>
#include <charconv>

namespace agenthost::hub {

namespace {

constexpr std::size_t page = 100, max_page = 500;
constexpr int missed_heartbeats = 3; // missing heartbeats until health is degraded

// Entries as JSON objects that start with their number and time.
void write_entries(base::JsonWriter& json, std::string_view name,
                   const std::vector<const Reports::Entry*>& entries)
{
    json.array(name);
    for (const Reports::Entry* e : entries) {
        json.object().member("seq", e->seq).member("at", e->at);
        write_peer_members(json, e->json, {"seq", "at"});
        json.end();
    }
    json.end();
}

std::string with_time(std::int64_t at, const std::string& peer)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("at", at);
    write_peer_members(json, peer, {"at"});
    json.end();
    return out;
}

// null for "never".
std::optional<std::int64_t> time_or_null(std::int64_t at)
{
    return at == 0 ? std::nullopt : std::optional{at};
}

// The state in the agent's own heartbeat; empty: none.
std::string reported_status(const std::string& facts)
{
    std::string why;
    const auto members = wire::json::split(facts, why);
    if (!members) return {};
    const auto m = std::find_if(members->begin(), members->end(),
                                [](const auto& x) { return x.key == "agent_status" || x.key == "status"; });
    return m == members->end() || m->kind != wire::json::Kind::string ? std::string{} : std::string{m->text};
}

} // namespace

std::string ReportsRest::agent_json(const AgentRecord& row, const std::string& machine) const
{
    const AgentRecord* live = fanout_.find(row.id);
    const AgentRecord& a = live != nullptr ? *live : row;
    std::string out;
    base::JsonWriter json{out};
    json.object().member("id", row.id).member("status", live != nullptr ? "online" : "offline");
    json.member("protocol", a.protocol);
    if (!a.name.empty()) json.member("name", a.name);
    if (!a.version.empty()) json.member("version", a.version);
    if (!a.platform.empty()) json.member("platform", a.platform);
    json.member("capabilities", base::RawJson{a.capabilities.empty() ? "[]" : a.capabilities});
    if (!machine.empty()) json.member("machine", base::RawJson{machine});
    if (row.first_seen != 0) {
        json.member("first_seen", row.first_seen);
        json.member("last_seen", live != nullptr ? core_.utc() : row.last_seen);
    }
    const Reports::Entry* beat = reports_.last_heartbeat(row.id);
    const std::int64_t at = beat != nullptr ? beat->at : row.last_heartbeat;
    json.member("last_heartbeat", time_or_null(at));
    if (const IdentityConflicts::Conflict* conflict = fanout_.conflict(row.id)) {
        json.object("conflict").member("since", conflict->since).member("takeovers", conflict->takeovers);
        json.member("refused", conflict->refused).member("peers", conflict->peers).end();
    }
    json.member("open_tasks", commands_.open(row.id)).end();
    return out;
}

std::string ReportsRest::failing_json(const Caller& caller, std::string_view protocol) const
{
    std::string out;
    base::JsonWriter json{out};
    json.array();
    for (const Attempts::Attempt& a : attempts_.all()) {
        const bool seen =
            a.agent.empty() ? caller.role == Role::admin || !caller.agents : caller.sees(a.agent);
        if (!seen || (!protocol.empty() && a.protocol != protocol)) continue;
        json.object();
        if (!a.agent.empty()) json.member("id", a.agent);
        json.member("protocol", a.protocol).member("address", a.address).member("reason", a.reason);
        json.member("count", a.count).member("first", a.first).member("last", a.last).end();
    }
    json.end();
    return out;
}

std::vector<Route> ReportsRest::routes()
{
    return {
        {"GET", "/api/agents", Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { agents(r); }},
        {"GET", "/api/agents/:agent", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { agent(r); }},
        {"GET", "/api/agents/:agent/health", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { health(r); }},
        {"GET", "/api/agents/:agent/metrics", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { metrics(r); }},
        {"GET", "/api/agents/:agent/events", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { history(r, Reports::Kind::events, "events"); }},
        {"GET", "/api/agents/:agent/logs", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { history(r, Reports::Kind::logs, "logs"); }},
    };
}

void ReportsRest::agents(const HttpRequest& request)
{
    const Exchange& exchange = request.exchange;
    const Head& head = request.head;
    const Caller& caller = request.caller;
    const auto limit = parse_limit(head.query, page, max_page);
    if (!limit) return exchange.refuse(400, "INVALID_REQUEST", "\"limit\" is a number from 1 to 500");
    const std::string protocol = query_value(head.query, "protocol").value_or("");
    if (!protocol.empty() && !wire::protocol(protocol)) {
        return exchange.refuse(400, "INVALID_REQUEST",
                               "\"protocol\" is " + wire::list_protocols([](const auto&) { return true; }));
    }
    const bool asked = registry_.list(
        {.after = query_value(head.query, "after").value_or(""),
         .max_rows = *limit + 1,
         .protocol = protocol,
         .among = caller.sight()},
        [this, exchange, caller, protocol, limit = *limit](bool ok, const std::vector<AgentRecord>& rows) {
            core_.strand.run([&]() UNDER_LOCK {
                if (!ok) return exchange.answer(not_read(core_.config.database));
                std::string out;
                base::JsonWriter json{out};
                json.object().array("agents");
                for (std::size_t i = 0; i < rows.size() && i < limit; ++i)
                    json.value(base::RawJson{agent_json(rows[i])});
                json.end();
                if (rows.size() > limit)
                    json.member("next", rows[limit - 1].id);
                else
                    json.member("next", nullptr);
                json.member("failing", base::RawJson{failing_json(caller, protocol)}).end();
                exchange.answer(json_answer(200, out));
            });
        });
    if (!asked) exchange.busy();
}

void ReportsRest::with_record(const Exchange& exchange, const std::string& id,
                              std::function<void(const AgentRecord&)> then)
{
    const auto answer = [this, exchange, id, then = std::move(then)](bool ok, const auto& found) {
        core_.strand.run([&]() UNDER_LOCK {
            if (!ok) return exchange.answer(not_read(core_.config.database));
            if (found) return then(*found);
            if (!credentials_.knows(id)) return Calls::no_agent(exchange, id);
            AgentRecord never; // has a credential but has never connected
            never.id = id;
            then(never);
        });
    };
    const bool asked = registry_.find(id, answer);
    if (!asked) exchange.busy();
}

void ReportsRest::agent(const HttpRequest& request)
{
    with_record(request.exchange, request.arguments[0],
                [this, exchange = request.exchange](const AgentRecord& a) UNDER_LOCK {
                    const auto answer = [this, exchange, a](bool ok, const std::vector<Report>& reports) {
                        core_.strand.run([&]() UNDER_LOCK {
                            if (!ok) return exchange.answer(not_read(core_.config.database));
                            exchange.answer(json_answer(200, agent_json(a, machine_of(reports))));
                        });
                    };
                    if (!table_.find({a.id}, answer)) exchange.busy();
                });
}

std::string ReportsRest::health_json(const AgentRecord& row, std::int64_t at, const std::string& facts) const
{
    const AgentRecord* live = fanout_.find(row.id);
    const std::string& name = live != nullptr ? live->protocol : row.protocol;
    const auto protocol = wire::protocol(name);
    std::string health = "healthy", reason;
    const std::string told = reported_status(facts);
    const std::int64_t silent = core_.utc() - at;
    if (live == nullptr) {
        health = "offline";
        reason = row.last_seen == 0 ? "It has never been connected" : "It is not connected";
    } else if (const IdentityConflicts::Conflict* conflict = fanout_.conflict(row.id)) {
        health = "degraded";
        reason = "Two machines use this identity, at " + conflict->peers[0] + " and " + conflict->peers[1] +
                 ". Give each machine its own id and credential";
    } else if (told == "degraded" || told == "error") {
        health = "degraded";
        reason = "Its heartbeat says " + told;
    } else if (at != 0 && protocol &&
               silent > missed_heartbeats * wire::traits(*protocol).heartbeat.count()) {
        health = "degraded";
        reason = "No heartbeat for " + std::to_string(silent / 1000) + " s";
    }
    std::string out;
    base::JsonWriter json{out};
    json.object().member("agent", row.id).member("status", live != nullptr ? "online" : "offline");
    json.member("health", health);
    if (!reason.empty()) json.member("reason", reason);
    if (!name.empty()) json.member("protocol", name);
    json.member("last_heartbeat", time_or_null(at));
    json.member("facts", base::RawJson{facts.empty() ? "{}" : facts});
    json.member("open_tasks", commands_.open(row.id)).end();
    return out;
}

void ReportsRest::health(const HttpRequest& request)
{
    with_record(request.exchange, request.arguments[0],
                [this, exchange = request.exchange](const AgentRecord& a) UNDER_LOCK {
                    if (const Reports::Entry* beat = reports_.last_heartbeat(a.id))
                        return exchange.answer(json_answer(200, health_json(a, beat->at, beat->json)));
                    const auto from_table = [this, exchange, a](bool ok, const std::vector<Report>& reports) {
                        core_.strand.run([&]() UNDER_LOCK {
                            if (!ok) return exchange.answer(not_read(core_.config.database));
                            const auto beat =
                                std::find_if(reports.begin(), reports.end(),
                                             [](const Report& r) { return r.kind == "heartbeat"; });
                            const bool known = beat != reports.end();
                            exchange.answer(json_answer(
                                200, health_json(a, known ? beat->at : 0, known ? beat->json : "")));
                        });
                    };
                    if (!table_.find({a.id}, from_table)) exchange.busy();
                });
}

void ReportsRest::metrics(const HttpRequest& request)
{
    const Exchange& exchange = request.exchange;
    const auto limit = parse_limit(request.head.query, page, max_page);
    if (!limit) return exchange.refuse(400, "INVALID_REQUEST", "\"limit\" is a number from 1 to 500");
    with_record(
        exchange, request.arguments[0], [this, exchange, limit = *limit](const AgentRecord& a) UNDER_LOCK {
            const auto answer = [this, exchange, id = a.id, limit](const std::string& latest) UNDER_LOCK {
                std::string out;
                base::JsonWriter json{out};
                json.object().member("agent", id).member("latest", base::RawJson{latest});
                write_entries(json, "samples",
                              reports_.histories().after(id, Reports::Kind::metrics, 0, limit));
                json.end();
                exchange.answer(json_answer(200, out));
            };
            if (const Reports::Entry* last = reports_.last_metrics(a.id))
                return answer(with_time(last->at, last->json));
            const auto from_table = [this, exchange, answer](bool ok, const std::vector<Report>& reports) {
                core_.strand.run([&]() UNDER_LOCK {
                    if (!ok) return exchange.answer(not_read(core_.config.database));
                    const auto last = std::find_if(reports.begin(), reports.end(),
                                                   [](const Report& r) { return r.kind == "metrics"; });
                    answer(last == reports.end() ? "null" : with_time(last->at, last->json));
                });
            };
            if (!table_.find({a.id}, from_table)) exchange.busy();
        });
}

void ReportsRest::history(const HttpRequest& request, Reports::Kind kind, std::string_view name)
{
    const Exchange& exchange = request.exchange;
    const auto limit = parse_limit(request.head.query, page, max_page);
    std::uint64_t after = 0;
    const std::string text = query_value(request.head.query, "after").value_or("0");
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), after);
    if (!limit || bad != std::errc{} || end != text.data() + text.size()) {
        return exchange.refuse(400, "INVALID_REQUEST",
                               "\"limit\" is a number from 1 to 500, \"after\" the seq of an entry");
    }
    with_record(exchange, request.arguments[0],
                [this, exchange, after, limit = *limit, kind, name](const AgentRecord& a) UNDER_LOCK {
                    const auto entries = reports_.histories().after(a.id, kind, after, limit);
                    std::string out;
                    base::JsonWriter json{out};
                    json.object().member("agent", a.id);
                    write_entries(json, name, entries);
                    json.member("last_seq", entries.empty() ? after : entries.back()->seq).end();
                    exchange.answer(json_answer(200, out));
                });
}

} // namespace agenthost::hub

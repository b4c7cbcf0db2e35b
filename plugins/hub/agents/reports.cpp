#include "reports.hpp"

#include "base/json_writer.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr std::size_t rows_at_once = 256;
// In bytes; longer text is cut.
constexpr std::size_t max_name = 256, max_level = 32, max_message = 4096;

// Returns the JSON object, or {} if `json` is empty. Keeps only the size of one that is too large.
std::string bounded(std::string_view json, std::size_t max_bytes)
{
    if (json.empty()) return "{}";
    if (json.size() > max_bytes) return base::json_object("dropped_bytes", json.size());
    return std::string{json};
}

// The last heartbeat that was not too large, with the size of one that is.
std::string dropping(std::string_view last, std::size_t bytes)
{
    std::string why, out;
    const auto members = wire::json::split(last, why);
    base::JsonWriter json{out};
    json.object();
    if (members)
        for (const wire::json::Member& m : *members)
            if (m.key != "dropped_bytes") wire::write_member(json, m);
    json.member("dropped_bytes", bytes).end();
    return out;
}

std::string clipped(std::string_view text, std::size_t max_bytes)
{
    return text.size() <= max_bytes ? std::string{text} : std::string{text.substr(0, max_bytes)} + "...";
}

// Converts the system_load of other protocols' heartbeats to the metrics of the signed protocol.
std::string metrics_of_load(std::string_view load)
{
    std::string why, out;
    const auto members = wire::json::split(load, why);
    if (!members) return {};
    bool any = false;
    base::JsonWriter json{out};
    json.object();
    struct Name {
        std::string_view of_load, of_metrics;
    };
    for (const Name& name :
         {Name{"cpu", "cpu_percent"}, Name{"memory", "mem_percent"}, Name{"disk", "disk_percent"}}) {
        const auto m = std::find_if(members->begin(), members->end(),
                                    [&](const auto& x) { return x.key == name.of_load; });
        if (m == members->end() || m->kind != wire::json::Kind::number) continue;
        json.member(name.of_metrics, base::RawJson{m->raw});
        any = true;
    }
    json.end();
    return any ? out : std::string{};
}

std::string metrics_in(std::string_view facts)
{
    std::string why;
    const auto members = wire::json::split(facts, why);
    if (!members) return {};
    std::string load;
    for (const wire::json::Member& m : *members) {
        if (m.kind != wire::json::Kind::object) continue;
        if (m.key == "metrics") return std::string{m.raw};
        if (m.key == "system_load") load = m.raw;
    }
    return load.empty() ? load : metrics_of_load(load);
}

} // namespace

Reports::Agent* Reports::agent(std::string_view id)
{
    if (const auto it = agents_.find(id); it != agents_.end()) return &it->second;
    if (agents_.size() >= limits_.agents) {
        if (away_.empty()) return nullptr;
        erase(agents_.find(away_.begin()->second));
    }
    return &agents_[std::string{id}];
}

void Reports::erase(Agents::iterator it)
{
    if (it->second.away != 0) away_.erase(it->second.away);
    excess_ -= excess(it->second);
    histories_.forget(it->first);
    agents_.erase(it);
}

void Reports::dirty(std::string_view id, Agent& agent)
{
    if (std::exchange(agent.waits, true)) return;
    dirty_.emplace_back(id);
    if (std::exchange(flush_armed_, true)) return;
    core_.after(flush_every, [this]() UNDER_LOCK {
        flush_armed_ = false;
        flush();
    });
}

void Reports::flush()
{
    std::vector<Report> rows;
    std::vector<std::pair<const std::string*, Agent*>> batch;
    const auto save = [&]() UNDER_LOCK {
        const bool taken = rows.empty() || table_.save(std::exchange(rows, {}));
        for (const auto& [id, agent] : batch) {
            if (taken)
                agent->new_heartbeat = agent->new_metrics = false;
            else
                dirty(*id, *agent); // the disk is slow: retry later
        }
        batch.clear();
    };
    const auto names = std::exchange(dirty_, {});
    for (const std::string& id : names) {
        const auto it = agents_.find(id);
        if (it == agents_.end()) continue; // removed meanwhile
        Agent& a = it->second;
        a.waits = false;
        if (a.new_heartbeat) rows.push_back({id, "heartbeat", a.heartbeat.at, a.heartbeat.json});
        if (a.new_metrics) rows.push_back({id, "metrics", a.metrics->at, a.metrics->json});
        batch.emplace_back(&id, &a);
        if (rows.size() >= rows_at_once) save();
    }
    save();
}

std::size_t Reports::excess(const Agent& a) const
{
    return a.heartbeat.json.size() - std::min(a.heartbeat.json.size(), limits_.entry_bytes);
}

// Returns false if it is too large.
bool Reports::keep(Agent& a, std::string_view facts)
{
    const std::size_t others = excess_ - excess(a);
    const std::size_t own = facts.size() - std::min(facts.size(), limits_.entry_bytes);
    const bool fits = facts.size() <= limits_.heartbeat_bytes && others + own <= limits_.large_heartbeats;
    a.heartbeat.json =
        fits ? std::string{facts.empty() ? "{}" : facts} : dropping(a.heartbeat.json, facts.size());
    a.heartbeat.json.shrink_to_fit();
    excess_ = others + excess(a);
    return fits;
}

void Reports::heartbeat(std::string_view id, const wire::Heartbeat& beat)
{
    Agent* a = agent(id);
    if (a == nullptr) return;
    a->heartbeat.at = core_.utc();
    ++a->heartbeat.seq;
    const bool kept = keep(*a, beat.facts);
    a->new_heartbeat = true;
    dirty(id, *a);
    if (!kept) return;
    if (std::string load = metrics_in(a->heartbeat.json); !load.empty())
        sample(id, *a, bounded(load, limits_.entry_bytes));
}

void Reports::sample(std::string_view id, Agent& a, std::string json)
{
    if (!a.metrics) a.metrics = std::make_unique<Entry>();
    a.metrics->at = core_.utc();
    ++a.metrics->seq;
    a.metrics->json = json;
    a.new_metrics = true;
    dirty(id, a);
    histories_.add(id, Kind::metrics, core_.utc(), std::move(json));
}

void Reports::metrics(std::string_view id, const wire::Metrics& m)
{
    if (Agent* a = agent(id)) sample(id, *a, bounded(m.json, limits_.entry_bytes));
}

void Reports::event(std::string_view id, const wire::Event& e)
{
    if (agent(id) == nullptr) return;
    std::string out;
    base::JsonWriter json{out};
    json.object().member("topic", clipped(e.topic, max_name));
    if (!e.target.empty()) json.member("target", clipped(e.target, max_name));
    if (e.at != 0) json.member("sent", e.at);
    json.member("data", base::RawJson{bounded(e.json, limits_.entry_bytes)}).end();
    histories_.add(id, Kind::events, core_.utc(), std::move(out));
}

void Reports::log(std::string_view id, const wire::Log& l)
{
    if (agent(id) == nullptr) return;
    std::string out;
    base::JsonWriter json{out};
    json.object()
        .member("level", clipped(l.level, max_level))
        .member("message", clipped(l.message, max_message));
    if (!l.source.empty()) json.member("source", clipped(l.source, max_name));
    if (l.at != 0) json.member("sent", l.at);
    json.end();
    histories_.add(id, Kind::logs, core_.utc(), std::move(out));
}

void Reports::stream(std::string_view id, const wire::Stream& s)
{
    if (agent(id) == nullptr) return;
    std::string out;
    base::JsonWriter json{out};
    json.object().member("topic", "output").object("data").member("id", clipped(s.id, max_name));
    json.member("stream", s.channel == 2 ? "stderr" : "stdout").member("offset", s.offset);
    json.member("text", clipped(s.bytes, limits_.entry_bytes)).end().end();
    histories_.add(id, Kind::events, core_.utc(), std::move(out));
}

void Reports::ready(std::string_view id)
{
    const auto it = agents_.find(id);
    if (it != agents_.end()) away_.erase(std::exchange(it->second.away, 0));
}

void Reports::lost(std::string_view id)
{
    const auto it = agents_.find(id);
    if (it == agents_.end() || it->second.away != 0) return;
    it->second.away = ++last_away_;
    away_.emplace(last_away_, it->first);
}

void Reports::forget(std::string_view id)
{
    if (const auto it = agents_.find(id); it != agents_.end()) erase(it);
}

const Reports::Entry* Reports::last_heartbeat(std::string_view id) const
{
    const auto it = agents_.find(id);
    return it == agents_.end() || it->second.heartbeat.seq == 0 ? nullptr : &it->second.heartbeat;
}

const Reports::Entry* Reports::last_metrics(std::string_view id) const
{
    const auto it = agents_.find(id);
    return it == agents_.end() ? nullptr : it->second.metrics.get();
}

} // namespace agenthost::hub

#include "reports.hpp"

#include "base/json_writer.hpp"
#include "wire/json/json.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr std::size_t rows_at_once = 256;
// In bytes; longer text is cut.
constexpr std::size_t max_name = 256, max_level = 32, max_message = 4096;

// One JSON object, or {} when it is none; what is too large is only mentioned.
std::string bounded(std::string_view json, std::size_t most)
{
    if (json.empty()) return "{}";
    if (json.size() > most) return base::json_object("dropped_bytes", json.size());
    return std::string{json};
}

std::string clipped(std::string_view text, std::size_t most)
{
    return text.size() <= most ? std::string{text} : std::string{text.substr(0, most)} + "...";
}

// Metrics as signed has them, of the system_load that other protocols' heartbeats carry.
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
    if (it->second.history) {
        for (const auto& list : it->second.history->entries) {
            for (const Entry& e : list) bytes_ -= cost(e);
        }
    }
    agents_.erase(it);
}

void Reports::add(Agent& agent, Kind kind, std::string json)
{
    if (!agent.history) agent.history = std::make_unique<History>();
    const auto k = static_cast<std::size_t>(kind);
    std::list<Entry>& list = agent.history->entries[k];
    const std::size_t most = kind == Kind::metrics ? limits_.samples : limits_.entries;
    Entry entry{++agent.history->seq[k], core_.utc(), std::move(json)};
    while (!list.empty() && (list.size() >= most || bytes_ + cost(entry) > limits_.memory)) {
        bytes_ -= cost(list.front());
        list.pop_front();
    }
    if (bytes_ + cost(entry) > limits_.memory) {
        ++dropped_;
        return;
    }
    bytes_ += cost(entry);
    list.push_back(std::move(entry));
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
                dirty(*id, *agent); // the disk is behind: again later
        }
        batch.clear();
    };
    const auto names = std::exchange(dirty_, {});
    for (const std::string& id : names) {
        const auto it = agents_.find(id);
        if (it == agents_.end()) continue; // forgotten meanwhile
        Agent& a = it->second;
        a.waits = false;
        if (a.new_heartbeat) rows.push_back({id, "heartbeat", a.heartbeat.at, a.heartbeat.json});
        if (a.new_metrics) rows.push_back({id, "metrics", a.history->metrics.at, a.history->metrics.json});
        batch.emplace_back(&id, &a);
        if (rows.size() >= rows_at_once) save();
    }
    save();
}

void Reports::heartbeat(std::string_view id, const wire::Heartbeat& beat)
{
    Agent* a = agent(id);
    if (a == nullptr) return;
    a->heartbeat.at = core_.utc();
    ++a->heartbeat.seq;
    a->heartbeat.json = bounded(beat.facts, limits_.entry_bytes);
    a->heartbeat.json.shrink_to_fit();
    a->new_heartbeat = true;
    dirty(id, *a);
    if (std::string load = metrics_in(a->heartbeat.json); !load.empty()) sample(id, *a, std::move(load));
}

void Reports::sample(std::string_view id, Agent& a, std::string json)
{
    if (!a.history) a.history = std::make_unique<History>();
    a.history->metrics.at = core_.utc();
    ++a.history->metrics.seq;
    a.history->metrics.json = json;
    a.new_metrics = true;
    dirty(id, a);
    add(a, Kind::metrics, std::move(json));
}

void Reports::metrics(std::string_view id, const wire::Metrics& m)
{
    if (Agent* a = agent(id)) sample(id, *a, bounded(m.json, limits_.entry_bytes));
}

void Reports::event(std::string_view id, const wire::Event& e)
{
    Agent* a = agent(id);
    if (a == nullptr) return;
    std::string out;
    base::JsonWriter json{out};
    json.object().member("topic", clipped(e.topic, max_name));
    if (!e.target.empty()) json.member("target", clipped(e.target, max_name));
    if (e.at != 0) json.member("sent", e.at);
    json.member("data", base::RawJson{bounded(e.json, limits_.entry_bytes)}).end();
    add(*a, Kind::events, std::move(out));
}

void Reports::log(std::string_view id, const wire::Log& l)
{
    Agent* a = agent(id);
    if (a == nullptr) return;
    std::string out;
    base::JsonWriter json{out};
    json.object()
        .member("level", clipped(l.level, max_level))
        .member("message", clipped(l.message, max_message));
    if (!l.source.empty()) json.member("source", clipped(l.source, max_name));
    if (l.at != 0) json.member("sent", l.at);
    json.end();
    add(*a, Kind::logs, std::move(out));
}

void Reports::stream(std::string_view id, const wire::Stream& s)
{
    Agent* a = agent(id);
    if (a == nullptr) return;
    std::string out;
    base::JsonWriter json{out};
    json.object().member("topic", "output").object("data").member("id", clipped(s.id, max_name));
    json.member("stream", s.channel == 2 ? "stderr" : "stdout").member("offset", s.offset);
    json.member("text", clipped(s.bytes, limits_.entry_bytes)).end().end();
    add(*a, Kind::events, std::move(out));
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
    it->second.away = ++left_;
    away_.emplace(left_, it->first);
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
    if (it == agents_.end() || !it->second.history || it->second.history->metrics.seq == 0) return nullptr;
    return &it->second.history->metrics;
}

std::vector<const Reports::Entry*> Reports::history(std::string_view id, Kind kind, std::uint64_t seq,
                                                    std::size_t most) const
{
    std::vector<const Entry*> found;
    const auto it = agents_.find(id);
    if (it == agents_.end() || !it->second.history) return found;
    for (const Entry& e : it->second.history->entries[static_cast<std::size_t>(kind)]) {
        if (e.seq > seq) found.push_back(&e);
    }
    if (found.size() > most) {
        if (seq == 0)
            found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(most));
        else
            found.resize(most);
    }
    return found;
}

} // namespace agenthost::hub

#include "status.hpp"
#include "base/json_depth.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::host {

using json = nlohmann::json;

namespace {

std::string_view to_string(PluginState state)
{
    switch (state) {
    case PluginState::loaded: return "loaded";
    case PluginState::starting: return "starting";
    case PluginState::running: return "running";
    case PluginState::draining: return "draining";
    case PluginState::stopped: return "stopped";
    case PluginState::stuck: return "stuck";
    case PluginState::failed: break;
    }
    return "failed";
}

json to_json(const PluginStatus& p)
{
    return {{"id", p.id},
            {"version", p.version},
            {"file", p.file},
            {"state", to_string(p.state)},
            {"isolated", p.isolated},
            {"healthy", p.healthy},
            {"degraded", p.degraded},
            {"problem", p.problem},
            {"queued", p.queued},
            {"invoked", p.invoked},
            {"inline_overruns", p.inline_overruns},
            {"demoted", p.demoted},
            {"runner_pid", p.runner_pid},
            {"restarts", p.restarts},
            {"held_workers", p.held},
            {"file_identity", p.file_identity},
            {"disk_version", p.disk_version}};
}

json to_json(const SessionStatus& s)
{
    return {{"name", s.name},
            {"protocol", s.protocol},
            {"url", s.url},
            {"state", s.state},
            {"problem", s.problem},
            {"problem_at", s.problem_at},
            {"first_problem", s.first_problem},
            {"first_problem_at", s.first_problem_at},
            {"contested", s.in_conflict},
            {"failures", s.failures},
            {"connected_since", s.connected_since},
            {"next_attempt", s.next_attempt},
            {"frames_in", s.frames_in},
            {"frames_out", s.frames_out},
            {"bytes_in", s.bytes_in},
            {"bytes_out", s.bytes_out},
            {"reconnects", s.reconnects},
            {"send_queue_bytes", s.send_queue_bytes},
            {"dropped", s.dropped},
            {"malformed", s.malformed},
            {"malformed_last", s.malformed_last},
            {"unspoken", s.unspoken},
            {"too_large", s.too_large},
            {"notice", s.notice},
            {"clock_offset_ms", s.clock_offset_ms ? json(*s.clock_offset_ms) : json()}};
}

json to_json(const ListenerStatus& l)
{
    return {{"name", l.name},           {"address", l.address},
            {"addresses", l.addresses}, {"connections", l.connections},
            {"accepted", l.accepted},   {"refused", l.refused},
            {"requests", l.requests},   {"websockets", l.websockets}};
}

json to_json(const DispatchStats& d)
{
    return {{"submitted", d.submitted},
            {"succeeded", d.succeeded},
            {"failed", d.failed},
            {"refused", d.refused},
            {"timed_out", d.timed_out},
            {"cancelled", d.cancelled},
            {"attached", d.attached},
            {"replayed", d.replayed},
            {"dropped_results", d.dropped_results},
            {"dropped_events", d.dropped_events},
            {"in_flight", d.in_flight}};
}

json to_json(const Condition& c)
{
    return {{"id", c.id}, {"reason", c.reason}, {"grade", to_string(c.grade)}, {"since", c.since}};
}

template <typename T> json list(const std::vector<T>& items)
{
    json all = json::array();
    for (const auto& item : items) all.push_back(to_json(item));
    return all;
}

std::string text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

} // namespace

std::string status_json(const StatusParts& s)
{
    json facts = base::parse_json<json>(s.facts, base::max_json_depth + 2); // by plugin and key
    return text({{"agent_id", s.agent_id},
                 {"version", s.version},
                 {"pid", s.pid},
                 {"uptime_s", s.uptime_s},
                 {"ready", s.ready},
                 {"draining", s.draining},
                 {"health", health_name(s.conditions)},
                 {"conditions", list(s.conditions)},
                 {"servers", list(s.servers)},
                 {"listeners", list(s.listeners)},
                 {"plugins", list(s.plugins)},
                 {"dispatch", to_json(s.dispatch)},
                 {"journal",
                  {{"rows", s.journal.rows},
                   {"undelivered", s.journal.undelivered},
                   {"commits", s.journal.commits},
                   {"waiting", s.journal.waiting},
                   {"rows_max", s.journal.max_rows},
                   {"bytes", s.journal.bytes},
                   {"full", s.journal.full},
                   {"failures", s.journal.failures},
                   {"result_bytes", s.journal.result_bytes},
                   {"result_bytes_max", s.journal.max_result_bytes}}},
                 {"audit",
                  {{"written", s.audit.written}, {"dropped", s.audit.dropped}, {"waiting", s.audit.waiting}}},
                 {"process",
                  {{"rss_bytes", s.process.rss},
                   {"cpu_s", s.process.cpu_s},
                   {"threads", s.process.threads},
                   {"open_fds", s.process.open_fds},
                   {"max_fds", s.process.max_fds}}},
                 {"facts", facts.is_discarded() ? json::object() : std::move(facts)}});
}

std::string_view health_name(const std::vector<Condition>& conditions)
{
    if (conditions.empty()) return "healthy";
    const bool unhealthy =
        std::ranges::any_of(conditions, [](const Condition& c) { return c.grade == Grade::unhealthy; });
    return to_string(unhealthy ? Grade::unhealthy : Grade::degraded);
}

std::string health_json(const std::vector<Condition>& conditions, bool ready)
{
    std::vector<std::string> problems;
    for (const auto& c : conditions) problems.push_back(c.text());
    return text({{"healthy", conditions.empty()},
                 {"status", health_name(conditions)},
                 {"ready", ready},
                 {"problems", problems},
                 {"conditions", list(conditions)}});
}

std::string plugins_json(const std::vector<PluginStatus>& plugins) { return text(list(plugins)); }

} // namespace agenthost::host

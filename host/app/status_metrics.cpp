#include "status_metrics.hpp"

#include <map>

namespace agenthost::host {

namespace {

double number(std::uint64_t n) { return static_cast<double>(n); }

void sessions(Sheet& sheet, const std::vector<SessionStatus>& all)
{
    std::map<std::string_view, double> by_state;
    for (const char* state :
         {"idle", "connecting", "authenticating", "ready", "draining", "closing", "waiting", "stopped"})
        by_state[state] = 0; // always reported, so that graphs have no gaps
    for (const auto& s : all) ++by_state[s.state];
    for (const auto& [state, count] : by_state)
        sheet.gauge("agenthost_sessions", "Servers by the state of their session.", count,
                    {{"state", state}});
    for (const auto& s : all) {
        const Sheet::Labels labels{{"server", s.name}, {"protocol", s.protocol}};
        sheet.gauge("agenthost_session_ready", "1: connected and authenticated.", s.state == "ready", labels);
        sheet.gauge("agenthost_session_failures", "Failed attempts since the session was last ready.",
                    s.failures, labels);
        sheet.counter("agenthost_session_reconnects_total", "Attempts after the first.", number(s.reconnects),
                      labels);
        sheet.counter("agenthost_session_received_frames_total", "Frames received.", number(s.frames_in),
                      labels);
        sheet.counter("agenthost_session_sent_frames_total", "Frames sent.", number(s.frames_out), labels);
        sheet.counter("agenthost_session_received_bytes_total", "Bytes received.", number(s.bytes_in),
                      labels);
        sheet.counter("agenthost_session_sent_bytes_total", "Bytes sent.", number(s.bytes_out), labels);
        sheet.counter("agenthost_session_malformed_total", "Invalid frames received.", number(s.malformed),
                      labels);
        sheet.counter("agenthost_session_too_large_total",
                      "Messages larger than the server accepts: results that became errors, others dropped.",
                      number(s.too_large), labels);
        sheet.gauge("agenthost_session_contested", "1: another agent takes the session from this one.",
                    s.in_conflict ? 1 : 0, labels);
        sheet.counter("agenthost_session_dropped_total", "Messages dropped because the send queue was full.",
                      number(s.dropped), labels);
        sheet.counter("agenthost_session_unspoken_total", "Messages that the protocol cannot express.",
                      number(s.unspoken), labels);
        sheet.gauge("agenthost_session_send_queue_bytes", "Bytes waiting to be sent.",
                    number(s.send_queue_bytes), labels);
    }
}

void commands(Sheet& sheet, const DispatchStats& d)
{
    sheet.gauge("agenthost_commands_in_flight", "Commands admitted and not yet answered.",
                number(d.in_flight));
    const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        sheet.counter(name, help, number(value));
    };
    counter("agenthost_commands_submitted_total", "Commands received.", d.submitted);
    counter("agenthost_commands_refused_total", "Commands refused before they ran.", d.refused);
    counter("agenthost_commands_timed_out_total", "Commands that reached their deadline.", d.timed_out);
    counter("agenthost_commands_cancelled_total", "Commands cancelled by their caller.", d.cancelled);
    counter("agenthost_commands_attached_total", "Repeats that joined a running command.", d.attached);
    counter("agenthost_commands_replayed_total", "Repeats answered from the journal.", d.replayed);
    counter("agenthost_results_dropped_total", "Results dropped because their caller was gone.",
            d.dropped_results);
    counter("agenthost_events_dropped_total",
            "Events dropped: the send queue was full, or the protocol cannot express them.",
            d.dropped_events);
}

void journal(Sheet& sheet, const JournalStats& j)
{
    sheet.gauge("agenthost_journal_rows", "Rows in the journal.", number(j.rows));
    sheet.gauge("agenthost_journal_rows_max", "journal.rows of the configuration.", number(j.max_rows));
    sheet.gauge("agenthost_journal_bytes", "The journal's file and write-ahead log.", number(j.bytes));
    sheet.gauge("agenthost_journal_result_bytes", "Bytes of the rows, as journal.bytes counts them.",
                number(j.result_bytes));
    sheet.gauge("agenthost_journal_result_bytes_max", "journal.bytes of the configuration.",
                number(j.max_result_bytes));
    sheet.gauge("agenthost_journal_undelivered", "Results that no server has confirmed.",
                number(j.undelivered));
    sheet.gauge("agenthost_journal_waiting", "Operations waiting for the disk.", number(j.waiting));
    sheet.counter("agenthost_journal_commits_total", "Commits.", number(j.commits));
    sheet.counter("agenthost_journal_failures_total", "Commits that failed.", number(j.failures));
    sheet.counter("agenthost_journal_full_total", "Commands refused because the journal was full.",
                  number(j.full));
}

void conditions(Sheet& sheet, const std::vector<Condition>& all)
{
    sheet.gauge("agenthost_healthy", "1: no current problems.", all.empty());
    for (const auto& c : all)
        sheet.gauge("agenthost_condition",
                    "Current problems. 1: the agent works in part; 2: it does not work.",
                    c.grade == Grade::unhealthy ? 2 : 1, {{"id", c.id}});
}

void plugins(Sheet& sheet, const std::vector<PluginStatus>& all)
{
    for (const auto& p : all) {
        const Sheet::Labels labels{{"plugin", p.id}};
        sheet.gauge("agenthost_plugin_running", "1: accepts requests.",
                    p.state == PluginState::running || p.state == PluginState::stuck, labels);
        sheet.gauge("agenthost_plugin_healthy", "1: no current problems.",
                    p.healthy && p.state != PluginState::failed, labels);
        sheet.gauge("agenthost_plugin_queued", "Requests waiting for a worker.", number(p.queued), labels);
        sheet.gauge("agenthost_plugin_held_workers",
                    "Worker threads blocked by requests that did not end when cancelled.", number(p.held),
                    labels);
        sheet.counter("agenthost_plugin_restarts_total", "Restarts of its runner.", number(p.restarts),
                      labels);
        sheet.counter("agenthost_plugin_invoked_total", "Requests passed to it.", number(p.invoked), labels);
        sheet.counter("agenthost_plugin_inline_overruns_total", "Calls that blocked the I/O thread.",
                      number(p.inline_overruns), labels);
    }
}

void listeners(Sheet& sheet, const std::vector<ListenerStatus>& all)
{
    for (const auto& l : all) {
        const Sheet::Labels labels{{"listener", l.name}};
        sheet.gauge("agenthost_listener_connections", "Open connections.", number(l.connections), labels);
        sheet.gauge("agenthost_listener_websockets", "Open WebSockets.", number(l.websockets), labels);
        sheet.counter("agenthost_listener_accepted_total", "Connections accepted.", number(l.accepted),
                      labels);
        sheet.counter("agenthost_listener_refused_total", "Connections refused because of a limit.",
                      number(l.refused), labels);
        sheet.counter("agenthost_listener_requests_total", "HTTP requests.", number(l.requests), labels);
    }
}

// Uses the names of the Prometheus client libraries.
void process(Sheet& sheet, const ProcessCost& p)
{
    sheet.counter("process_cpu_seconds_total", "User and system time of all threads.", p.cpu_s);
    sheet.gauge("process_resident_memory_bytes", "Memory in RAM.", number(p.rss));
    sheet.gauge("process_virtual_memory_bytes", "Address space.", number(p.virtual_bytes));
    sheet.gauge("process_open_fds", "Open descriptors.", number(p.open_fds));
    sheet.gauge("process_max_fds", "Maximum number of open descriptors.", number(p.max_fds));
    sheet.gauge("process_threads", "Threads.", number(p.threads));
    sheet.gauge("process_start_time_seconds", "Start time since the epoch.", p.started_s);
}

} // namespace

void write_status_metrics(Sheet& sheet, const StatusMetrics& parts)
{
    const StatusParts& s = parts.status;
    sheet.gauge("agenthost_build_info", "Always 1. The label has the version.", 1, {{"version", s.version}});
    sheet.gauge("agenthost_ready", "1: plugins run and sessions have been started.", s.ready && !s.draining);
    sheet.gauge("agenthost_uptime_seconds", "Time since the daemon started.",
                static_cast<double>(s.uptime_s));
    sheet.gauge("agenthost_loop_age_seconds",
                "Age of the oldest event loop iteration. Above 5, something blocks a loop.",
                parts.loop_age_s);
    sessions(sheet, s.servers);
    commands(sheet, s.dispatch);
    journal(sheet, s.journal);
    conditions(sheet, s.conditions);
    plugins(sheet, s.plugins);
    listeners(sheet, s.listeners);
    sheet.counter("agenthost_audit_lines_total", "Audit lines written.", number(parts.audit.written));
    sheet.counter("agenthost_audit_dropped_total", "Audit lines lost.", number(parts.audit.dropped));
    sheet.counter("agenthost_log_lost_total", "Log lines lost: too many at once, or stderr was blocked.",
                  number(parts.log_lost));
    process(sheet, parts.process);
}

} // namespace agenthost::host

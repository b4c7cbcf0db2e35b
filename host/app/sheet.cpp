#include "sheet.hpp"

#include <map>

namespace agenthost::host {

namespace {

double number(std::uint64_t n) { return static_cast<double>(n); }

void sessions(Sheet& sheet, const std::vector<SessionStatus>& all)
{
    std::map<std::string_view, double> by_state;
    for (const char* state :
         {"idle", "connecting", "authenticating", "ready", "draining", "closing", "waiting", "stopped"})
        by_state[state] = 0; // there from the start, so that a graph has no holes
    for (const auto& s : all) ++by_state[s.state];
    for (const auto& [state, count] : by_state)
        sheet.gauge("agenthost_sessions", "Servers by the state of their session.", count,
                    {{"state", state}});
    for (const auto& s : all) {
        const Sheet::Labels labels{{"server", s.name}, {"protocol", s.protocol}};
        sheet.gauge("agenthost_session_ready", "1: connected and authenticated.", s.state == "ready", labels);
        sheet.gauge("agenthost_session_failures", "Attempts that failed since it was last ready.", s.failures,
                    labels);
        sheet.counter("agenthost_session_reconnects_total", "Attempts after the first.", number(s.reconnects),
                      labels);
        sheet.counter("agenthost_session_received_frames_total", "Frames that came.", number(s.frames_in),
                      labels);
        sheet.counter("agenthost_session_sent_frames_total", "Frames that went.", number(s.frames_out),
                      labels);
        sheet.counter("agenthost_session_received_bytes_total", "Bytes that came.", number(s.bytes_in),
                      labels);
        sheet.counter("agenthost_session_sent_bytes_total", "Bytes that went.", number(s.bytes_out), labels);
        sheet.counter("agenthost_session_malformed_total", "Frames that could not be used.",
                      number(s.malformed), labels);
        sheet.counter("agenthost_session_too_large_total",
                      "Messages larger than the server accepts: results that became errors, others dropped.",
                      number(s.too_large), labels);
        sheet.gauge("agenthost_session_contested", "1: another agent takes the session from this one.",
                    s.contested ? 1 : 0, labels);
        sheet.counter("agenthost_session_dropped_total", "Messages dropped: its send queue was full.",
                      number(s.dropped), labels);
        sheet.counter("agenthost_session_unspoken_total", "Messages its protocol has no words for.",
                      number(s.unspoken), labels);
        sheet.gauge("agenthost_session_send_queue_bytes", "Bytes that wait for the server.",
                    number(s.send_queue_bytes), labels);
    }
}

void commands(Sheet& sheet, const DispatchStats& d)
{
    sheet.gauge("agenthost_commands_in_flight", "Commands admitted and not answered.", number(d.in_flight));
    const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
        sheet.counter(name, help, number(value));
    };
    counter("agenthost_commands_submitted_total", "Commands that came.", d.submitted);
    counter("agenthost_commands_refused_total", "Refused before they ran.", d.refused);
    counter("agenthost_commands_timed_out_total", "Answered in the plugin's place: their time was up.",
            d.timed_out);
    counter("agenthost_commands_cancelled_total", "Cancelled by who asked.", d.cancelled);
    counter("agenthost_commands_attached_total", "Repeats of a command that ran.", d.attached);
    counter("agenthost_commands_replayed_total", "Repeats answered from the journal.", d.replayed);
    counter("agenthost_results_dropped_total", "Results nobody was there for.", d.dropped_results);
    counter("agenthost_events_dropped_total", "Events that found no room or no words.", d.dropped_events);
}

void journal(Sheet& sheet, const JournalStats& j)
{
    sheet.gauge("agenthost_journal_rows", "Rows in the journal.", number(j.rows));
    sheet.gauge("agenthost_journal_rows_max", "journal.rows of the configuration.", number(j.max_rows));
    sheet.gauge("agenthost_journal_bytes", "The journal's file and write-ahead log.", number(j.bytes));
    sheet.gauge("agenthost_journal_result_bytes", "Of the rows, as journal.bytes counts them.",
                number(j.result_bytes));
    sheet.gauge("agenthost_journal_result_bytes_max", "journal.bytes of the configuration.",
                number(j.max_result_bytes));
    sheet.gauge("agenthost_journal_undelivered", "Results no server has confirmed.", number(j.undelivered));
    sheet.gauge("agenthost_journal_waiting", "Operations that wait for the disk.", number(j.waiting));
    sheet.counter("agenthost_journal_commits_total", "Commits.", number(j.commits));
    sheet.counter("agenthost_journal_failures_total", "Commits the disk refused.", number(j.failures));
    sheet.counter("agenthost_journal_full_total", "Commands refused because the journal was full.",
                  number(j.full));
}

void conditions(Sheet& sheet, const std::vector<Condition>& all)
{
    sheet.gauge("agenthost_healthy", "1: nothing degrades the agent.", all.empty());
    for (const auto& c : all)
        sheet.gauge("agenthost_condition", "What degrades the agent; 1: in part, 2: it does not work.",
                    c.grade == Grade::unhealthy ? 2 : 1, {{"id", c.id}});
}

void plugins(Sheet& sheet, const std::vector<PluginStatus>& all)
{
    for (const auto& p : all) {
        const Sheet::Labels labels{{"plugin", p.id}};
        sheet.gauge("agenthost_plugin_running", "1: it takes requests.",
                    p.state == PluginState::running || p.state == PluginState::stuck, labels);
        sheet.gauge("agenthost_plugin_healthy", "1: nothing is wrong with it.",
                    p.healthy && p.state != PluginState::failed, labels);
        sheet.gauge("agenthost_plugin_queued", "Requests that wait for its workers.", number(p.queued),
                    labels);
        sheet.gauge("agenthost_plugin_held_workers",
                    "Worker threads held by requests that did not end when they were told to.",
                    number(p.held), labels);
        sheet.counter("agenthost_plugin_restarts_total", "Times its runner was started again.",
                      number(p.restarts), labels);
        sheet.counter("agenthost_plugin_invoked_total", "Requests given to it.", number(p.invoked), labels);
        sheet.counter("agenthost_plugin_inline_overruns_total", "Times it held up the I/O thread.",
                      number(p.inline_overruns), labels);
    }
}

void listeners(Sheet& sheet, const std::vector<ListenerStatus>& all)
{
    for (const auto& l : all) {
        const Sheet::Labels labels{{"listener", l.name}};
        sheet.gauge("agenthost_listener_connections", "Open connections.", number(l.connections), labels);
        sheet.gauge("agenthost_listener_websockets", "Open WebSockets.", number(l.websockets), labels);
        sheet.counter("agenthost_listener_accepted_total", "Connections taken.", number(l.accepted), labels);
        sheet.counter("agenthost_listener_refused_total", "Connections over a limit.", number(l.refused),
                      labels);
        sheet.counter("agenthost_listener_requests_total", "HTTP requests.", number(l.requests), labels);
    }
}

// The names every Prometheus client library gives them.
void process(Sheet& sheet, const ProcessCost& p)
{
    sheet.counter("process_cpu_seconds_total", "User and system time of all threads.", p.cpu_s);
    sheet.gauge("process_resident_memory_bytes", "Memory in RAM.", number(p.rss));
    sheet.gauge("process_virtual_memory_bytes", "Address space.", number(p.virtual_bytes));
    sheet.gauge("process_open_fds", "Open descriptors.", number(p.open_fds));
    sheet.gauge("process_max_fds", "Descriptors it may open.", number(p.max_fds));
    sheet.gauge("process_threads", "Threads.", number(p.threads));
    sheet.gauge("process_start_time_seconds", "When it started, since the epoch.", p.started_s);
}

} // namespace

void fill_sheet(Sheet& sheet, const SheetParts& parts)
{
    const StatusParts& s = parts.status;
    sheet.gauge("agenthost_build_info", "1; the version stands in the label.", 1, {{"version", s.version}});
    sheet.gauge("agenthost_ready", "1 when plugins run and sessions were started.", s.ready && !s.draining);
    sheet.gauge("agenthost_uptime_seconds", "Since the daemon started.", static_cast<double>(s.uptime_s));
    sheet.gauge("agenthost_loop_age_seconds", "Since an event loop last turned; above 5 something blocks it.",
                parts.loop_age_s);
    sessions(sheet, s.servers);
    commands(sheet, s.dispatch);
    journal(sheet, s.journal);
    conditions(sheet, s.conditions);
    plugins(sheet, s.plugins);
    listeners(sheet, s.listeners);
    sheet.counter("agenthost_audit_lines_total", "Lines of the audit written.", number(parts.audit.written));
    sheet.counter("agenthost_audit_dropped_total", "Lines of the audit lost.", number(parts.audit.dropped));
    sheet.counter("agenthost_log_lost_total",
                  "Lines of the log lost: they came too fast, or stderr took none.", number(parts.log_lost));
    process(sheet, parts.process);
}

} // namespace agenthost::host

#include "status_text.hpp"

#include "print.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::host::cli {

using nlohmann::json;

namespace {

// Tolerant: another version of the daemon may send more or fewer members.
std::string text(const json& object, const char* key)
{
    const auto at = object.find(key);
    return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}
std::uint64_t number(const json& object, const char* key)
{
    const auto at = object.find(key);
    return at != object.end() && at->is_number() && at->get<double>() > 0 ? at->get<std::uint64_t>() : 0;
}
bool flag(const json& object, const char* key)
{
    const auto at = object.find(key);
    return at != object.end() && at->is_boolean() && at->get<bool>();
}
const json& list(const json& object, const char* key)
{
    static const json none = json::array();
    const auto at = object.find(key);
    return at != object.end() && at->is_array() ? *at : none;
}

Colour colour_of(const std::string& state)
{
    if (state == "ready" || state == "running") return Colour::good;
    if (state == "failed" || state == "stopped" || state == "refused") return Colour::bad;
    return Colour::doubtful;
}

std::string since(const json& server, std::int64_t now)
{
    const auto connected = static_cast<std::int64_t>(number(server, "connected_since"));
    const auto next = static_cast<std::int64_t>(number(server, "next_attempt"));
    if (connected > 0) return human_span((now - connected) / 1000);
    const std::string failures = number(server, "failures") > 0
                                     ? ", " + std::to_string(number(server, "failures")) +
                                           (number(server, "failures") == 1 ? " failure" : " failures")
                                     : "";
    if (next > 0) return "next try in " + human_span((next - now) / 1000) + failures;
    return failures.empty() ? "" : failures.substr(2);
}

// The first cause of a continuing outage, if the problem shown is a later one.
std::string outage_of(const json& server, std::int64_t now)
{
    const auto since = static_cast<std::int64_t>(number(server, "first_problem_at"));
    const std::string first = text(server, "first_problem");
    if (since == 0 || text(server, "state") == "ready") return {};
    const std::string span = "offline for " + human_span((now - since) / 1000);
    return first.empty() || first == text(server, "problem") ? span : span + "; the first cause: " + first;
}

std::string heading(const char* title, bool colours)
{
    return "\n" + paint(title, Colour::strong, colours) + "\n";
}

std::string servers(const json& status, std::int64_t now, bool colours)
{
    Table table;
    table.row({{"NAME", Colour::quiet},
               {"PROTOCOL", Colour::quiet},
               {"STATE", Colour::quiet},
               {"SINCE", Colour::quiet},
               {"IN", Colour::quiet},
               {"OUT", Colour::quiet},
               {"SERVER", Colour::quiet}});
    std::string notes;
    for (const json& s : list(status, "servers")) {
        if (!s.is_object()) continue;
        const std::string state = text(s, "state"), problem = text(s, "problem"), name = text(s, "name");
        table.row({name,
                   text(s, "protocol"),
                   {state, colour_of(state)},
                   since(s, now),
                   human_size(number(s, "bytes_in")),
                   human_size(number(s, "bytes_out")),
                   text(s, "url")});
        if (!problem.empty())
            notes += "  " + paint("! ", Colour::bad, colours) + printable(name + ": " + problem) + "\n";
        if (const auto outage = outage_of(s, now); !outage.empty())
            notes += "  " + paint("! ", Colour::bad, colours) + printable(name + ": " + outage) + "\n";
        const auto doubt = [&](const std::string& what) {
            notes += "  " + paint("! ", Colour::doubtful, colours) + printable(name + ": " + what) + "\n";
        };
        if (const auto notice = text(s, "notice"); !notice.empty()) doubt(notice);
        if (const auto dropped = number(s, "dropped"); dropped > 0)
            doubt(std::to_string(dropped) + " messages dropped because its send queue was full");
        if (const auto malformed = number(s, "malformed"); malformed > 0)
            doubt(std::to_string(malformed) + (malformed == 1 ? " frame" : " frames") +
                  " of it could not be used" +
                  (text(s, "malformed_last").empty() ? "" : "; the last: " + text(s, "malformed_last")));
        if (const auto large = number(s, "too_large"); large > 0)
            doubt(std::to_string(large) + (large == 1 ? " message was" : " messages were") +
                  " larger than the server accepts (limits.peer_message_bytes): results became TOO_LARGE "
                  "errors, "
                  "events and output were dropped");
    }
    return heading("Servers", colours) + table.text(colours) + notes;
}

std::string listeners(const json& status, bool colours)
{
    Table table;
    table.row({{"NAME", Colour::quiet},
               {"ADDRESS", Colour::quiet},
               {"CONNECTIONS", Colour::quiet},
               {"WEBSOCKETS", Colour::quiet},
               {"REQUESTS", Colour::quiet},
               {"REFUSED", Colour::quiet}});
    bool any = false;
    for (const json& l : list(status, "listeners")) {
        if (!l.is_object() || text(l, "name") == "control") continue; // always there
        any = true;
        table.row({text(l, "name"), text(l, "address"), std::to_string(number(l, "connections")),
                   std::to_string(number(l, "websockets")), std::to_string(number(l, "requests")),
                   std::to_string(number(l, "refused"))});
    }
    return any ? heading("Listeners", colours) + table.text(colours) : "";
}

std::string count(std::uint64_t n, const char* one, const char* many)
{
    return std::to_string(n) + " " + (n == 1 ? one : many);
}

std::string plugins(const json& status, bool colours)
{
    Table table;
    table.row({{"ID", Colour::quiet},
               {"VERSION", Colour::quiet},
               {"STATE", Colour::quiet},
               {"WAITING", Colour::quiet},
               {"CALLS", Colour::quiet},
               {"", Colour::quiet}});
    std::string notes;
    for (const json& p : list(status, "plugins")) {
        if (!p.is_object()) continue;
        const std::string state = text(p, "state"), problem = text(p, "problem"), id = text(p, "id");
        const bool sick = p.contains("healthy") && !flag(p, "healthy");
        const bool degraded = sick && flag(p, "degraded");
        std::string how;
        if (flag(p, "isolated"))
            how = "own process" +
                  (number(p, "runner_pid") ? " " + std::to_string(number(p, "runner_pid")) : "");
        if (const auto n = number(p, "restarts"); n > 0) how += ", restarted " + count(n, "time", "times");
        if (flag(p, "demoted"))
            how += std::string{how.empty() ? "" : ", "} + "moved off the I/O thread: it blocked";
        table.row({id,
                   text(p, "version"),
                   {!sick || state != "running" ? state
                    : degraded                  ? "degraded"
                                                : "unhealthy",
                    degraded ? Colour::doubtful
                    : sick   ? Colour::bad
                             : colour_of(state)},
                   std::to_string(number(p, "queued")),
                   std::to_string(number(p, "invoked")),
                   how});
        if (const std::string disk = text(p, "disk_version"); !disk.empty())
            notes += "  " + paint("! ", Colour::doubtful, colours) +
                     printable(id + ": another file (version " + disk +
                               ") is on disk; restart agenthost to run it") +
                     "\n";
        if (!problem.empty())
            notes += "  " + paint("! ", degraded ? Colour::doubtful : Colour::bad, colours) +
                     printable(id + ": " + problem) + "\n";
    }
    return heading("Plugins", colours) + table.text(colours) + notes;
}

std::string work(const json& status, bool colours)
{
    const json none = json::object();
    const json dispatch = status.value("dispatch", none), journal = status.value("journal", none);
    const json process = status.value("process", none), audit = status.value("audit", none);
    std::string out = heading("Work", colours) +
                      "  commands: " + std::to_string(number(dispatch, "in_flight")) + " running, " +
                      std::to_string(number(dispatch, "succeeded")) + " succeeded, " +
                      std::to_string(number(dispatch, "failed")) + " failed";
    for (const auto& [key, word] : {std::pair{"refused", "refused"},
                                    {"timed_out", "timed out"},
                                    {"cancelled", "cancelled"},
                                    {"replayed", "answered again from the journal"}})
        if (const auto n = number(dispatch, key); n > 0) out += ", " + std::to_string(n) + " " + word;
    out += "\n  journal:  " + count(number(journal, "rows"), "row", "rows");
    if (const auto max_rows = number(journal, "rows_max"); max_rows > 0)
        out += " of " + std::to_string(max_rows);
    if (const auto bytes = number(journal, "bytes"); bytes > 0) out += ", " + human_size(bytes);
    if (const auto n = number(journal, "undelivered"); n > 0)
        out += ", " + count(n, "result waits for its server", "results wait for their server");
    if (const auto rss = number(process, "rss_bytes"); rss > 0) {
        out += "\n  process:  " + human_size(rss) + " of memory, " +
               std::to_string(number(process, "open_fds")) + " descriptors, " +
               std::to_string(number(process, "threads")) + " threads, " +
               human_span(static_cast<std::int64_t>(number(process, "cpu_s"))) + " of CPU";
    }
    out += "\n";
    const auto alarm = [&](std::uint64_t n, const std::string& what) {
        if (n > 0)
            out += "  " + paint("! ", Colour::doubtful, colours) + std::to_string(n) + " " + what + "\n";
    };
    alarm(number(dispatch, "dropped_events"),
          "events dropped: queue full, or not supported by the server's protocol");
    alarm(number(dispatch, "dropped_results"), "results dropped: no connection to deliver them on");
    alarm(number(journal, "full"),
          "commands refused because the journal was full; see journal.rows and journal.keep");
    alarm(number(journal, "failures"), "failed journal commits since the start");
    alarm(number(audit, "dropped"), "audit lines lost; see the log");
    return out;
}

// Problems of the agent itself; those of plugins and servers are in their own tables.
std::string conditions(const json& status, std::int64_t now, bool colours)
{
    std::string out;
    for (const json& c : list(status, "conditions")) {
        if (!c.is_object()) continue;
        const std::string id = text(c, "id");
        if (id.starts_with("plugin ") || id.starts_with("server ")) continue;
        const auto since = static_cast<std::int64_t>(number(c, "since"));
        out += "  " + paint("! ", text(c, "grade") == "degraded" ? Colour::doubtful : Colour::bad, colours) +
               printable(id + ": " + text(c, "reason")) +
               (since > 0 ? " (for " + human_span((now - since) / 1000) + ")" : "") + "\n";
    }
    return out.empty() ? "" : heading("Trouble", colours) + out;
}

// One line with the overall state.
std::string summary(const json& status, bool colours)
{
    const auto well = [](const json& list, auto is_well) {
        return static_cast<std::size_t>(std::count_if(list.begin(), list.end(), is_well));
    };
    const json& servers = list(status, "servers");
    const json& plugins = list(status, "plugins");
    const auto connected =
        well(servers, [](const json& s) { return s.is_object() && text(s, "state") == "ready"; });
    const auto healthy = well(plugins, [](const json& p) {
        return p.is_object() && text(p, "state") == "running" &&
               (!p.contains("healthy") || flag(p, "healthy"));
    });
    const auto part = [&](std::size_t good, std::size_t all, const char* one, const char* many,
                          const char* how) {
        return paint(std::to_string(good) + " of " + count(all, one, many) + " " + how,
                     good == all ? Colour::good : Colour::bad, colours);
    };
    std::string out;
    if (!servers.empty()) out += part(connected, servers.size(), "server", "servers", "connected");
    if (!plugins.empty())
        out += (out.empty() ? "" : ", ") + part(healthy, plugins.size(), "plugin", "plugins", "healthy");
    return out.empty() ? "" : out + "\n";
}

} // namespace

std::string status_text(const json& status, std::int64_t now_ms, bool colours)
{
    const bool ready = flag(status, "ready"), draining = flag(status, "draining");
    std::string out = paint(printable(text(status, "agent_id")), Colour::strong, colours) + "  " +
                      (draining ? paint("shutting down", Colour::doubtful, colours)
                       : ready  ? paint("ready", Colour::good, colours)
                                : paint("starting", Colour::doubtful, colours)) +
                      "  agenthost " + printable(text(status, "version")) + ", pid " +
                      std::to_string(number(status, "pid")) + ", up " +
                      human_span(static_cast<std::int64_t>(number(status, "uptime_s"))) + "\n" +
                      summary(status, colours) + conditions(status, now_ms, colours);
    if (list(status, "servers").empty())
        out += "\nNo server is configured (servers: in agenthost.yaml).\n";
    else
        out += servers(status, now_ms, colours);
    out += listeners(status, colours);
    if (list(status, "plugins").empty())
        out += "\nNo plugin is enabled (plugins: in agenthost.yaml; `agenthost plugin list` lists what is "
               "installed).\n";
    else
        out += plugins(status, colours);
    return out + work(status, colours);
}

} // namespace agenthost::host::cli

// `agenthost status`: the daemon at a glance.
#include "control_client.hpp"
#include "print.hpp"
#include "verbs.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

namespace agenthost::host::cli {

using nlohmann::json;

namespace {

std::int64_t now_ms()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// Tolerant: a daemon of another version may say more or less.
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

std::string since(const json& server)
{
    const auto connected = static_cast<std::int64_t>(number(server, "connected_since"));
    const auto next = static_cast<std::int64_t>(number(server, "next_attempt"));
    if (connected > 0) return human_span((now_ms() - connected) / 1000);
    const std::string failures =
        number(server, "failures") > 0 ? ", " + std::to_string(number(server, "failures")) + " failures" : "";
    if (next > 0) return "next try in " + human_span((next - now_ms()) / 1000) + failures;
    return failures.empty() ? "" : failures.substr(2);
}

std::string heading(const char* title, bool colours)
{
    return "\n" + paint(title, Colour::strong, colours) + "\n";
}

std::string servers(const json& status, bool colours)
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
                   since(s),
                   human_size(number(s, "bytes_in")),
                   human_size(number(s, "bytes_out")),
                   text(s, "url")});
        if (!problem.empty())
            notes += "  " + paint("! ", Colour::bad, colours) + printable(name + ": " + problem) + "\n";
        if (const auto dropped = number(s, "dropped"); dropped > 0)
            notes += "  " + paint("! ", Colour::doubtful, colours) + printable(name) + ": " +
                     std::to_string(dropped) + " messages dropped because its send queue was full\n";
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
        if (!l.is_object() || text(l, "name") == "control") continue;
        any = true;
        table.row({text(l, "name"), text(l, "address"), std::to_string(number(l, "connections")),
                   std::to_string(number(l, "websockets")), std::to_string(number(l, "requests")),
                   std::to_string(number(l, "refused"))});
    }
    return any ? heading("Listeners", colours) + table.text(colours) : "";
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
        std::string how;
        if (flag(p, "isolated"))
            how = "own process" +
                  (number(p, "runner_pid") ? " " + std::to_string(number(p, "runner_pid")) : "");
        if (flag(p, "demoted"))
            how += std::string{how.empty() ? "" : ", "} + "moved off the I/O thread: it blocked";
        table.row({id,
                   text(p, "version"),
                   {sick && state == "running" ? "unhealthy" : state, sick ? Colour::bad : colour_of(state)},
                   std::to_string(number(p, "queued")),
                   std::to_string(number(p, "invoked")),
                   how});
        if (!problem.empty())
            notes += "  " + paint("! ", Colour::bad, colours) + printable(id + ": " + problem) + "\n";
    }
    return heading("Plugins", colours) + table.text(colours) + notes;
}

std::string work(const json& status, bool colours)
{
    const json none = json::object();
    const json dispatch = status.value("dispatch", none), journal = status.value("journal", none);
    std::string out = heading("Work", colours) + "  " + std::to_string(number(dispatch, "in_flight")) +
                      " running, " + std::to_string(number(dispatch, "succeeded")) + " succeeded, " +
                      std::to_string(number(dispatch, "failed")) + " failed";
    for (const auto& [key, word] : {std::pair{"refused", "refused"},
                                    {"timed_out", "timed out"},
                                    {"cancelled", "cancelled"},
                                    {"replayed", "answered again from the journal"},
                                    {"dropped_results", "results dropped"}})
        if (const auto n = number(dispatch, key); n > 0) out += ", " + std::to_string(n) + " " + word;
    out += "\n  journal: " + std::to_string(number(journal, "rows")) + " rows";
    if (const auto n = number(journal, "undelivered"); n > 0)
        out += ", " + std::to_string(n) + " results wait for their server";
    return out + "\n";
}

} // namespace

int status(const Context& context)
{
    const ControlAnswer answer = ControlClient{context.control_socket()}.request("GET", "/v1/status");
    if (!answer.good()) {
        complain(answer.error());
        return failed;
    }
    if (context.json) {
        say(answer.body.ends_with('\n') ? answer.body : answer.body + "\n");
        return ok;
    }
    const json status = answer.json();
    if (!status.is_object()) {
        complain("the daemon's answer is no JSON; is it of another version?");
        return failed;
    }
    const bool colours = is_terminal(STDOUT_FILENO);
    const bool ready = flag(status, "ready"), draining = flag(status, "draining");
    std::string out = paint(printable(text(status, "agent_id")), Colour::strong, colours) + "  " +
                      (draining ? paint("shutting down", Colour::doubtful, colours)
                       : ready  ? paint("ready", Colour::good, colours)
                                : paint("starting", Colour::doubtful, colours)) +
                      "  agenthost " + printable(text(status, "version")) + ", pid " +
                      std::to_string(number(status, "pid")) + ", up " +
                      human_span(static_cast<std::int64_t>(number(status, "uptime_s"))) + "\n";
    if (list(status, "servers").empty())
        out += "\nNo server is configured (servers: in agenthost.yaml).\n";
    else
        out += servers(status, colours);
    out += listeners(status, colours);
    if (list(status, "plugins").empty())
        out += "\nNo plugin is enabled (plugins: in agenthost.yaml; `agenthost plugin list` names what is "
               "installed).\n";
    else
        out += plugins(status, colours);
    out += work(status, colours);
    say(out);
    return ok;
}

} // namespace agenthost::host::cli

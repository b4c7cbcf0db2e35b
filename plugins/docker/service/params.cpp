#include "params.hpp"

#include "plugins/docker/console/input.hpp"
#include "plugins/docker/spec/document.hpp"
#include "plugins/docker/spec/egg.hpp"
#include "plugins/docker/spec/refusal.hpp"

#include "base/iso8601.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace agenthost::docker::service {

namespace {

// Signals that end a program or tell it something; not SIGSTOP, which would suspend it.
constexpr std::array<std::string_view, 9> signals{"SIGTERM", "SIGINT",  "SIGQUIT", "SIGHUP",  "SIGUSR1",
                                                  "SIGUSR2", "SIGABRT", "SIGKILL", "SIGWINCH"};
constexpr double max_timeout_s = 3600;

[[noreturn]] void invalid(const std::string& what) { throw Error{"INVALID_REQUEST", what}; }

Json parsed(std::string_view params)
{
    Json json = parse_document(params, "payload");
    if (!json.is_object()) invalid("the payload is not an object");
    return json;
}

std::string signal_of(const Json& value)
{
    if (!value.is_string()) invalid("signal is not a string. Write it as SIGTERM.");
    std::string name = value.get<std::string>();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (!name.starts_with("SIG")) name.insert(0, "SIG");
    if (std::find(signals.begin(), signals.end(), name) == signals.end())
        invalid("signal " + shown(name) +
                " is not one to stop a server with. Use SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, "
                "SIGABRT, SIGWINCH or SIGKILL.");
    return name;
}

template <class Number> std::optional<Number> whole(const Json& params, const char* key, std::uint64_t most)
{
    const auto at = params.find(key);
    if (at == params.end() || at->is_null()) return std::nullopt;
    if (!at->is_number_unsigned() || at->get<std::uint64_t>() > most)
        invalid(std::string{key} + " is not a whole number from 0 to " + std::to_string(most));
    return static_cast<Number>(at->get<std::uint64_t>());
}

// Two names of one server must be the same.
void refuse_other_server(const Request& request, const Json& params)
{
    const auto at = params.find("serverId");
    if (at != params.end() && !at->is_null() && *at != request.target())
        invalid("the payload's serverId differs from the command's. Send only one of them, or the same id in "
                "both.");
}

} // namespace

std::string server_id(const Request& request)
{
    if (!request.target().empty()) {
        // Most payloads have none, and those of files are large.
        if (request.params().find("\"serverId\"") != std::string_view::npos)
            refuse_other_server(request, parsed(request.params()));
        return std::string{request.target()};
    }
    return text_param(request, "serverId", 256);
}

std::string text_param(const Request& request, const char* key, std::size_t max)
{
    const Json params = parsed(request.params());
    const auto at = params.find(key);
    if (at == params.end() || !at->is_string()) invalid(std::string{key} + " is missing");
    std::string text = at->get<std::string>();
    if (text.size() > max) invalid(std::string{key} + " is longer than " + std::to_string(max) + " bytes");
    return text;
}

std::string create_payload(const Request& request)
{
    std::string params{request.params()};
    if (request.target().empty()) return params;
    Json json = parsed(params);
    refuse_other_server(request, json);
    if (json.contains("serverId") && !json["serverId"].is_null()) return params;
    json["serverId"] = std::string{request.target()};
    return json.dump();
}

bool wants_start(const std::string& params)
{
    const Json json = parsed(params);
    const auto at = json.find("start");
    return at != json.end() && at->is_boolean() && at->get<bool>();
}

server::Power stop_options(const Request& request)
{
    const Json params = parsed(request.params());
    server::Power power;
    if (const auto at = params.find("signal"); at != params.end() && !at->is_null())
        power.stop.signal = signal_of(*at);
    if (const auto at = params.find("timeout"); at != params.end() && !at->is_null()) {
        const double seconds = at->is_number() ? at->get<double>() : -1;
        if (!(seconds >= 0 && seconds <= max_timeout_s))
            invalid("timeout is not a number of seconds from 0 to 3600");
        power.stop.timeout = server::milliseconds{std::llround(seconds * 1000)};
    }
    return power;
}

std::string command_line(const Request& request)
{
    std::string line = text_param(request, "command", console::Input::max_line);
    while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
    const auto control = [](unsigned char c) { return c < 0x20 && c != '\t'; };
    if (std::any_of(line.begin(), line.end(), control))
        invalid("command has control characters or several lines. Send one line for each command.");
    return line;
}

LogQuestion log_question(const Request& request)
{
    const Json params = parsed(request.params());
    LogQuestion out;
    out.query.offset = whole<std::uint64_t>(params, "offset", std::uint64_t{1} << 62);
    out.query.tail = whole<std::uint32_t>(params, "tail", 1'000'000);
    if (const auto limit = whole<std::uint32_t>(params, "limit", console::Query::max_limit))
        out.query.limit = std::max(1u, *limit);
    if (const auto at = params.find("since"); at != params.end() && !at->is_null()) {
        const auto ms = at->is_string()            ? base::from_iso8601(at->get<std::string>())
                        : at->is_number_unsigned() ? std::optional{at->get<std::int64_t>()}
                                                   : std::nullopt;
        constexpr std::int64_t most_ms = std::int64_t{1} << 42;
        if (!ms || *ms < 0 || *ms > most_ms)
            invalid("since is not a time. Write it as 2026-01-01T00:00:00Z or in milliseconds.");
        out.query.since_ns = *ms * 1'000'000;
    }
    out.install = params.value("source", "console") == "install";
    return out;
}

ListQuestion list_question(const Request& request)
{
    const Json params = parsed(request.params());
    ListQuestion out;
    if (const auto at = params.find("after"); at != params.end() && at->is_string())
        out.after = at->get<std::string>();
    if (const auto limit = whole<std::uint32_t>(params, "limit", ListQuestion::max_limit))
        out.limit = std::max(1u, *limit);
    return out;
}

} // namespace agenthost::docker::service

#include "rest.hpp"

#include "actions.hpp"

#include "base/hash.hpp"
#include "base/utf8.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

constexpr std::size_t max_line = 8 * 1024; // typed into a server's console
constexpr std::uint64_t max_lines = 1'000; // of one page

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> powers{
    {{"start", server_action::start},
     {"stop", server_action::stop},
     {"restart", server_action::restart},
     {"kill", server_action::kill}}};

// The action of a power request, and its parameters; `why` has the problem.
std::optional<ServerCall> read_power(const std::string& body, std::string& why)
{
    const auto members = json::split(body, why);
    if (!members) {
        why = "the body is not a JSON object: " + why;
        return std::nullopt;
    }
    ServerCall call;
    call.params.clear();
    base::JsonWriter params{call.params};
    params.object();
    for (const json::Member& m : *members) {
        if (m.key == "action") {
            const auto* row = std::find_if(powers.begin(), powers.end(),
                                           [&](const auto& power) { return power.first == m.text; });
            if (row == powers.end())
                why = "\"action\" is one of start, stop, restart, kill";
            else
                call.action = row->second;
        } else if (m.key == "signal") {
            if (m.kind != json::Kind::string || m.text.empty() || m.text.size() > 32)
                why = "\"signal\" is a name such as \"SIGTERM\"";
            params.member("signal", m.text);
        } else if (m.key == "timeout") {
            double seconds = 0;
            if (m.kind != json::Kind::number || !parse_wait(m.raw, seconds))
                why = "\"timeout\" is a number of seconds from 0 to 3600, after which the server is killed";
            params.member("timeout", base::RawJson{m.raw});
        } else {
            why = "unknown key \"" + std::string{m.key.substr(0, 64)} +
                  "\"; a power request has action, signal and timeout";
        }
        if (!why.empty()) return std::nullopt;
    }
    params.end();
    const bool may_wait = call.action == server_action::stop || call.action == server_action::restart;
    if (call.action.empty()) why = "\"action\" is missing: start, stop, restart or kill";
    if (why.empty() && !may_wait && call.params != "{}")
        why = "only stop and restart have a signal and a timeout";
    return why.empty() ? std::optional{std::move(call)} : std::nullopt;
}

// Returns the error; empty: none.
std::string read_line(const std::string& body, std::string& params)
{
    std::string why;
    const auto members = json::split(body, why);
    if (!members) return "the body is not a JSON object: " + why;
    const json::Member* line = wire::find(*members, "command");
    if (members->size() != 1 || line == nullptr || line->kind != json::Kind::string)
        return "the body is {\"command\":\"TEXT\"}, one line for the server's console";
    if (line->text.size() > max_line) return "\"command\" is longer than 8 KiB";
    if (line->text.find_first_of(std::string_view{"\n\r\0", 3}) != std::string_view::npos)
        return "\"command\" is one line, without line breaks and NUL";
    params = base::json_object("command", line->text);
    return {};
}

} // namespace

std::optional<CreateBody> read_create(const std::string& body, bool placed, std::string& code,
                                      std::string& why)
{
    code = "INVALID_REQUEST";
    const auto members = json::split(body, why);
    if (!members) {
        why = "the body is not a JSON object: " + why;
        return std::nullopt;
    }
    CreateBody out;
    bool named = false;
    base::JsonWriter params{out.params};
    params.object();
    for (const json::Member& m : *members) {
        if (m.key == "agents" && placed) {
            auto ids = parse_ids(m.raw);
            if (!ids || ids->empty())
                why = "\"agents\" is not a list of agents' ids with at least one. Leave it out to allow "
                      "every agent";
            else
                out.agents = std::move(*ids);
        } else if (m.key == "start") {
            if (m.kind != json::Kind::boolean) why = "\"start\" is neither true nor false";
            wire::write_member(params, m);
        } else if (m.key == "serverId" || m.key == "name") {
            named = named || m.key == "serverId";
            if (m.kind != json::Kind::string && (m.key == "serverId" || m.raw != "null"))
                why = "\"" + std::string{m.key} + "\" is not text; leave it out, or send text";
            wire::write_member(params, m);
        } else if (m.key == "eggConfig") {
            wire::write_member(params, m);
        } else {
            why = "unknown key \"" + std::string{m.key.substr(0, 64)} +
                  "\"; a server has serverId, name, eggConfig" +
                  (placed ? ", start and agents" : " and start");
        }
        if (!why.empty()) return std::nullopt;
    }
    if (!named) params.member("serverId", "srv-" + base::random_token(8));
    params.end();
    auto needs = read_needs(out.params, why);
    if (!needs) {
        code = "CONFIG_INVALID";
        return std::nullopt;
    }
    out.needs = std::move(*needs);
    return out;
}

void QueryParams::add(std::string_view key, std::string_view value)
{
    if (!members_.empty()) members_ += ',';
    members_.append("\"").append(key).append("\":").append(value);
}

QueryParams& QueryParams::whole(std::string_view key, std::uint64_t least, std::uint64_t most)
{
    const auto text = query_value(head_.query, key);
    if (!text) return *this;
    std::uint64_t value = 0;
    const auto [end, bad] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (bad == std::errc{} && end == text->data() + text->size() && value >= least && value <= most)
        add(key, std::to_string(value));
    else if (problem_.empty())
        problem_ = "\"" + std::string{key} + "\" is not a number from " + std::to_string(least) + " to " +
                   std::to_string(most);
    return *this;
}

QueryParams& QueryParams::text(std::string_view key, std::size_t max, bool needed)
{
    const auto text = query_value(head_.query, key);
    const bool missing = !text || text->empty();
    if (missing && needed && problem_.empty()) problem_ = "\"" + std::string{key} + "\" is missing";
    if (missing) return *this;
    if (base::utf8_valid_prefix(*text) != text->size()) { // JSON would carry U+FFFD in its place
        if (problem_.empty())
            problem_ =
                "\"" + std::string{key} +
                "\" is not UTF-8. Write another byte of a file's name as \\xHH, as the listing shows it";
        return *this;
    }
    if (text->size() > max || text->find('\0') != std::string::npos) {
        if (problem_.empty())
            problem_ = "\"" + std::string{key} + "\" is longer than " + std::to_string(max) +
                       " bytes, or contains NUL";
        return *this;
    }
    std::string quoted;
    base::append_json_string(quoted, *text);
    add(key, quoted);
    return *this;
}

QueryParams& QueryParams::flag(std::string_view key)
{
    const auto text = query_value(head_.query, key);
    if (!text) return *this;
    if (*text == "true" || *text == "false")
        add(key, *text);
    else if (problem_.empty())
        problem_ = "\"" + std::string{key} + "\" is neither true nor false";
    return *this;
}

std::vector<Route> ServersRest::routes()
{
    constexpr std::string_view all = "/api/agents/:agent/servers", one = "/api/agents/:agent/servers/:server";
    // Actions without parameters.
    const auto plain = [this](std::string_view action) {
        return [this, action](const HttpRequest& r) UNDER_LOCK {
            calls_.run(r, {.agent = r.arguments[0], .server = r.arguments[1], .action = action});
        };
    };
    return {
        {"GET", all, Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { list(r); }},
        {"POST", all, Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { create(r); }},
        {"GET", one, Needs::dashboard, plain(server_action::status)},
        {"DELETE", one, Needs::dashboard, plain(server_action::remove)},
        {"POST", "/api/agents/:agent/servers/:server/power", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { power(r); }},
        {"POST", "/api/agents/:agent/servers/:server/command", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { command(r); }},
        {"POST", "/api/agents/:agent/servers/:server/reinstall", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { reinstall(r); }},
        {"GET", "/api/agents/:agent/servers/:server/logs", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { logs(r); }},
    };
}

void ServersRest::list(const HttpRequest& request)
{
    QueryParams query{request.head};
    query.text("after", 256).whole("limit", 1, max_list_page);
    if (!query.problem().empty()) return ServerCalls::refuse(request.exchange, query.problem());
    calls_.run(request,
               {.agent = request.arguments[0], .action = server_action::list, .params = query.json()});
}

void ServersRest::create(const HttpRequest& request)
{
    calls_.run_with_body(
        request,
        R"({"serverId":"mc1","eggConfig":{"image":"IMAGE","ports":{"25565":25565},"startup":"CMD"}})",
        [agent = request.arguments[0]](const Exchange& exchange, const std::string& body)
            UNDER_LOCK -> std::optional<ServerCall> {
                std::string code, why;
                auto read = read_create(body, false, code, why);
                if (!read) {
                    exchange.answer(json_answer(status_of(code), server_error(code, why)));
                    return std::nullopt;
                }
                return ServerCall{.agent = agent,
                                  .server = read->needs.id,
                                  .action = server_action::create,
                                  .params = std::move(read->params)};
            });
}

void ServersRest::power(const HttpRequest& request)
{
    calls_.run_with_body(request, R"({"action":"start"})",
                         [arguments = request.arguments](const Exchange& exchange, const std::string& body)
                             UNDER_LOCK -> std::optional<ServerCall> {
                                 std::string why;
                                 auto call = read_power(body, why);
                                 if (!call) {
                                     ServerCalls::refuse(exchange, why);
                                     return std::nullopt;
                                 }
                                 call->agent = arguments[0];
                                 call->server = arguments[1];
                                 return call;
                             });
}

void ServersRest::command(const HttpRequest& request)
{
    calls_.run_with_body(
        request, R"({"command":"say hello"})",
        [arguments = request.arguments](const Exchange& exchange, const std::string& body)
            UNDER_LOCK -> std::optional<ServerCall> {
                ServerCall call{.agent = arguments[0], .server = arguments[1], .action = server_action::type};
                const std::string wrong = read_line(body, call.params);
                if (wrong.empty()) return call;
                ServerCalls::refuse(exchange, wrong);
                return std::nullopt;
            });
}

void ServersRest::reinstall(const HttpRequest& request)
{
    calls_.run_with_body(
        request, {},
        [arguments = request.arguments](const Exchange& exchange, const std::string& body)
            UNDER_LOCK -> std::optional<ServerCall> {
                std::string why;
                const auto members = json::split(body, why);
                const bool good =
                    members && std::all_of(members->begin(), members->end(), [](const json::Member& m) {
                        return m.key == "start" && m.kind == json::Kind::boolean;
                    });
                if (good)
                    return ServerCall{.agent = arguments[0],
                                      .server = arguments[1],
                                      .action = server_action::reinstall,
                                      .params = body};
                ServerCalls::refuse(exchange, R"(the body is {"start":true}, or is left out)");
                return std::nullopt;
            });
}

void ServersRest::logs(const HttpRequest& request)
{
    QueryParams query{request.head};
    query.whole("tail", 1, max_lines).whole("offset", 0, UINT64_MAX / 2).whole("limit", 1, max_lines);
    query.text("since", 64).text("source", 16);
    if (!query.problem().empty()) return ServerCalls::refuse(request.exchange, query.problem());
    calls_.run(request, {.agent = request.arguments[0],
                         .server = request.arguments[1],
                         .action = server_action::logs,
                         .params = query.json()});
}

} // namespace agenthost::hub

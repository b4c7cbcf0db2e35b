#include "signed_agents.hpp"

#include "base/json_writer.hpp"
#include "wire/json/json.hpp"
#include "wire/protocol_traits.hpp"

namespace agenthost::hub {

namespace {

namespace json = wire::json;
const std::string_view protocol = wire::name(wire::Protocol::signed_);

struct Body {
    std::string command, args = "{}";
    double timeout = Calls::default_wait_s;
};

std::string parse(const std::string& text, Body& out)
{
    std::string why;
    const auto members = json::split(text, why);
    if (!members) return "the body is not a JSON object: " + why;
    for (const json::Member& m : *members) {
        if (m.key == "command") {
            if (m.kind != json::Kind::string || m.text.empty() || m.text.size() > 128)
                return "\"command\" is not a name of 1 to 128 characters";
            out.command = m.text;
        } else if (m.key == "args") {
            if (m.kind == json::Kind::null) continue;
            if (m.kind != json::Kind::object) return "\"args\" is not an object";
            out.args = m.raw;
        } else if (m.key == "timeout") {
            if (m.kind != json::Kind::number || !parse_wait(m.raw, out.timeout))
                return "\"timeout\" is not a number of seconds from 0 to 3600";
        }
    }
    if (out.command.empty()) return "\"command\" is missing";
    return {};
}

// {command, result, error?} as sent by the agent, with the hub's own members.
std::string answer_json(const TaskRecord& t)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("agentId", t.agent).member("requestId", t.id).member("command", t.action);
    json.member("status", to_string(t.state));
    if (final(t.state)) json.member("result", base::RawJson{t.data.empty() ? "null" : t.data});
    write_error(json, t.code, t.message, {});
    write_dropped(json, t);
    json.end();
    return out;
}

} // namespace

std::string SignedRest::write(const std::string& id) const
{
    const AgentRecord* live = fanout_.find(id);
    const bool connected = live != nullptr && live->protocol == protocol;
    std::string out;
    base::JsonWriter json{out};
    json.object().member("agentId", id).member("connected", connected);
    if (connected) {
        if (!live->name.empty()) json.member("hostname", live->name);
        if (!live->version.empty()) json.member("version", live->version);
        json.member("connectedAt", live->first_seen);
    }
    json.end();
    return out;
}

std::vector<Route> SignedRest::routes()
{
    return {
        {"GET", "/api/websocket/agents", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { agents(r); }},
        {"GET", "/api/websocket/agents/:agent", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { agent(r); }},
        {"POST", "/api/websocket/agents/:agent/command", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { command(r); }},
    };
}

void SignedRest::agents(const HttpRequest& request)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().array("agents");
    for (const std::string& id : fanout_.connected(protocol)) {
        if (request.caller.sees(id)) json.value(base::RawJson{write(id)});
    }
    json.end().end();
    request.exchange.answer(json_answer(200, out));
}

void SignedRest::agent(const HttpRequest& request)
{
    calls_.with_known(request.exchange, request.arguments[0],
                      [this, exchange = request.exchange, id = request.arguments[0]]()
                          UNDER_LOCK { exchange.answer(json_answer(200, write(id))); });
}

void SignedRest::command(const HttpRequest& request)
{
    const Exchange& exchange = request.exchange;
    const std::string& id = request.arguments[0];
    calls_.with_online(exchange, id, [&]() UNDER_LOCK {
        if (const AgentRecord* live = fanout_.find(id); live != nullptr && live->protocol != protocol) {
            return exchange.refuse(
                400, "INVALID_REQUEST",
                "Agent " + id + " speaks " + live->protocol +
                    "; this route is for agents of the signed protocol. Use POST /api/agents/" + id +
                    "/commands");
        }
        calls_.with_body(exchange, request.head, R"({"command":"ping","args":{}})",
                         [this, exchange, id](const std::string& body)
                             UNDER_LOCK { run(exchange, id, body); });
    });
}

void SignedRest::run(const Exchange& exchange, const std::string& id, const std::string& text)
{
    Body body;
    if (const std::string wrong = parse(text, body); !wrong.empty())
        return exchange.refuse(400, "INVALID_REQUEST", wrong);
    calls_.run(exchange, calls_.make(id, std::move(body.command), std::move(body.args)), body.timeout,
               {.write = &answer_json, .location = "/api/tasks/"});
}

} // namespace agenthost::hub

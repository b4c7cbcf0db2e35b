#include "agent_commands.hpp"

#include "wire/json/json.hpp"

namespace agenthost::hub {

namespace {

namespace json = wire::json;

struct CommandBody {
    std::string action, params = "{}", target;
    double timeout = Calls::default_wait_s;
};

// Parses a command; returns the error, or empty.
std::string parse_command(const std::string& text, CommandBody& out)
{
    std::string why;
    const auto members = json::split(text, why);
    if (!members) return "the body is not a JSON object: " + why;
    for (const json::Member& m : *members) {
        if (m.key == "action") {
            if (m.kind != json::Kind::string || m.text.empty() || m.text.size() > 128)
                return "\"action\" is not a name of 1 to 128 characters";
            out.action = m.text;
        } else if (m.key == "params") {
            if (m.kind != json::Kind::object) return "\"params\" is not an object";
            out.params = m.raw;
        } else if (m.key == "target" || m.key == "serverId") {
            if (m.kind != json::Kind::string || !valid_id(m.text, 256))
                return "\"" + std::string{m.key} + "\" is not a server's id";
            if (!out.target.empty() && out.target != m.text)
                return "\"target\" and \"serverId\" are the same parameter, but they differ";
            out.target = m.text;
        } else if (m.key == "timeout") {
            if (m.kind != json::Kind::number || !parse_wait(m.raw, out.timeout))
                return "\"timeout\" is not a number of seconds from 0 to 3600";
        } else {
            return "unknown key \"" + std::string{m.key.substr(0, 64)} +
                   "\"; a command has action, params, target and timeout";
        }
    }
    return out.action.empty() ? "\"action\" is missing" : std::string{};
}

} // namespace

std::vector<Route> AgentCommands::routes()
{
    return {{"POST", "/api/agents/:agent/commands", Needs::dashboard,
             [this](const HttpRequest& r) UNDER_LOCK { command(r); }}};
}

void AgentCommands::command(const HttpRequest& request)
{
    const std::string& agent = request.arguments[0];
    calls_.with_online(request.exchange, agent, [&]() UNDER_LOCK {
        calls_.with_body(request.exchange, request.head, R"({"action":"storage.info"})",
                         [this, exchange = request.exchange, agent](const std::string& body)
                             UNDER_LOCK { run(exchange, agent, body); });
    });
}

void AgentCommands::run(const Exchange& exchange, const std::string& agent, const std::string& body)
{
    CommandBody command;
    if (const std::string wrong = parse_command(body, command); !wrong.empty())
        return exchange.refuse(400, "INVALID_REQUEST", wrong);
    TaskRecord task = calls_.make(agent, std::move(command.action), std::move(command.params));
    task.target = std::move(command.target);
    calls_.run(exchange, std::move(task), command.timeout, {.write = &task_json, .location = "/api/tasks/"});
}

} // namespace agenthost::hub

// Frames between dashboards and the hub against arbitrary bytes, on the hub's side: it never crashes and
// never reads outside; what it accepts keeps its promises, and what it writes is JSON whatever the texts are.
// The first byte: 't': the rest is a text to be written; else the rest is a frame to be read.
#include "tests/fuzz/promise.hpp"

#include "wire/dashboard/client.hpp"

#include <cstdint>
#include <string>

using namespace agenthost::wire;

namespace {

using Json = nlohmann::json;

void clean(std::string_view id, bool needed)
{
    demand(!needed || !id.empty(), "an id that is needed is there");
    demand(id.size() <= max_length::id && id.find('\0') == std::string_view::npos,
           "an id is short and holds no NUL");
}

struct Check {
    void operator()(const Nothing&) const {}
    void operator()(const dashboard_client::Bad& m) const
    {
        demand(!m.reason.empty(), "a refusal says why");
        clean(m.command_id, false);
        clean(m.request_id, false);
        std::string answer;
        dashboard_client::write_error(answer, 1,
                                      {.code = "INVALID_REQUEST",
                                       .message = m.reason,
                                       .command_id = m.command_id,
                                       .request_id = m.request_id});
        demand(Json::accept(answer), "an answer is JSON");
        demand(std::holds_alternative<Nothing>(dashboard_client::Reader{}.read(answer)),
               "an answer is not answered");
    }
    void operator()(const dashboard_client::Connect& m) const
    {
        demand(!m.token.empty(), "a token is there");
    }
    void operator()(const dashboard_client::Refresh& m) const
    {
        demand(!m.token.empty(), "a token is there");
    }
    void operator()(const dashboard_client::Beat& m) const
    {
        std::string echo;
        dashboard_client::write_heartbeat(echo, 1, m.sequence);
        demand(Json::accept(echo), "an echo is JSON");
    }
    void operator()(const dashboard_client::Ask& m) const
    {
        clean(m.agent_id, true);
        clean(m.request_id, false);
        const Json params = Json::parse(m.params, nullptr, false);
        demand(params.is_object(), "params are an object");
        demand(params.contains("command") != params.contains("argv"), "there is one command");
        demand(!params.contains("commandId"), "the id is the hub's");
    }
    void operator()(const dashboard_client::Interrupt& m) const { clean(m.command_id, true); }
    void operator()(const dashboard_client::Input& m) const { clean(m.command_id, true); }
    void operator()(const dashboard_client::Subscribe& m) const
    {
        clean(m.agent_id, true);
        clean(m.server_id, false);
        clean(m.request_id, false);
        demand(m.topics.size() <= 64, "topics are bounded");
        for (const std::string_view topic : m.topics) demand(!topic.empty(), "a topic has a name");
    }
    void operator()(const dashboard_client::Resize& m) const
    {
        clean(m.command_id, true);
        demand(m.columns > 0 && m.rows > 0, "a terminal has a size");
    }
};

void write_any(std::string_view text)
{
    std::string frame;
    const auto good = [&](const char* what) {
        demand(Json::accept(frame), what);
        frame.clear();
    };
    dashboard_client::write_error(frame, 1, {text, text, text, text, text});
    good("an error is JSON");
    dashboard_client::write_status(frame, 1,
                                   {.command_id = text,
                                    .request_id = text,
                                    .agent_id = text,
                                    .status = text,
                                    .exit_code = {},
                                    .reason = text,
                                    .signal = text,
                                    .code = text,
                                    .message = text});
    good("a status is JSON");
    dashboard_client::write_output(frame, 1, {.command_id = text, .data = text});
    frame = dashboard_client::with_dropped(frame, text.size());
    good("output is JSON");
    const dashboard_client::Agent agent{
        .id = text, .name = text, .version = text, .platform = text, .capabilities = {}};
    dashboard_client::write_agent_status(frame, 1, agent);
    good("an agent's status is JSON");
    std::string agents;
    agenthost::base::JsonWriter json{agents};
    dashboard_client::write_agent(json.array(), agent);
    json.end();
    dashboard_client::write_list(frame, 1, agents, text.size());
    good("a list is JSON");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read = [](std::string_view frame) {
        dashboard_client::Reader reader;
        std::visit(Check{}, reader.read(frame));
    };
    return use_input(data, size, {{'t', write_any}}, read);
}

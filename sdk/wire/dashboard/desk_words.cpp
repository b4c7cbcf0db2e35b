// Encoding of frames to dashboards.
#include "desk.hpp"

#include "envelope.hpp"
#include "wire/json/canonical.hpp"

namespace agenthost::wire::desk {

using dashboard::open_frame;

void append_agent(std::string& out, const Agent& agent)
{
    out += R"({"agentId":)";
    json::append(out, clip(agent.id, most::id));
    out += R"(,"name":)";
    json::append(out, clip(agent.name.empty() ? agent.id : agent.name, most::id));
    out += agent.online ? R"(,"status":"online")" : R"(,"status":"offline")";
    append_field(out, "version", agent.version, most::id);
    append_field(out, "platform", agent.platform, most::id);
    out += R"(,"capabilities":)";
    out += agent.capabilities.empty() ? "[]" : agent.capabilities;
    out += R"(,"lastSeen":)" + std::to_string(agent.last_seen) + "}";
}

void write_ack(std::string& out, std::int64_t at, std::string_view connection_id)
{
    open_frame(out, "connection:ack", at);
    out += R"({"connectionId":)";
    json::append(out, connection_id);
    out += "}}";
}

void write_list(std::string& out, std::int64_t at, std::string_view agents, std::size_t left_out)
{
    open_frame(out, "agent:list", at);
    out.append(R"({"agents":[)").append(agents).append("]");
    if (left_out > 0) out += R"(,"leftOut":)" + std::to_string(left_out);
    out += "}}";
}

void write_agent_status(std::string& out, std::int64_t at, std::string_view agent)
{
    open_frame(out, "agent:status", at);
    out.append(agent).append("}");
}

void write_status(std::string& out, std::int64_t at, const Status& status)
{
    open_frame(out, "command:status", at);
    out += R"({"commandId":)";
    json::append(out, status.command_id);
    append_field(out, "requestId", status.request_id, most::id);
    append_field(out, "agentId", status.agent_id, most::id);
    append_field(out, "status", status.status, most::word);
    if (status.position > 0) out += R"(,"position":)" + std::to_string(status.position);
    if (status.exit_code) out += R"(,"exitCode":)" + std::to_string(*status.exit_code);
    append_field(out, "reason", status.reason, most::word);
    append_field(out, "signal", status.signal, most::word);
    append_field(out, "code", dashboard::wire_code(status.code), most::word);
    append_field(out, "message", status.message, most::text);
    out += "}}";
}

void write_output(std::string& out, std::int64_t at, const Output& output)
{
    open_frame(out, "terminal:output", at);
    out += R"({"commandId":)";
    json::append(out, output.command_id);
    out += R"(,"data":)";
    json::append(out, output.data);
    out += output.channel == 2 ? R"(,"stream":"stderr","sequence":)" : R"(,"stream":"stdout","sequence":)";
    out += std::to_string(output.sequence) + R"(,"offset":)" + std::to_string(output.offset);
    if (output.base64) out += R"(,"encoding":"base64")";
}

void write_output_end(std::string& out, std::uint64_t dropped)
{
    if (dropped > 0) out += R"(,"dropped":)" + std::to_string(dropped);
    out += "}}";
}

void write_queue(std::string& out, std::int64_t at, std::string_view agent_id, std::string_view queue)
{
    open_frame(out, "command:queue", at);
    out += R"({"agentId":)";
    json::append(out, agent_id);
    out.append(R"(,"queue":)").append(queue).append("}}");
}

void write_heartbeat(std::string& out, std::int64_t at, std::string_view sequence)
{
    open_frame(out, "heartbeat", at);
    out.append(R"({"sequence":)").append(sequence).append("}}");
}

void write_error(std::string& out, std::int64_t at, const Fault& fault)
{
    const std::string_view code = dashboard::wire_code(fault.code);
    open_frame(out, "error", at);
    out += R"({"code":)";
    json::append(out, clip(code, most::word));
    out += R"(,"message":)";
    json::append(out, clip(fault.message.empty() ? code : fault.message, most::text));
    out += dashboard::recoverable(code) ? R"(,"recoverable":true)" : R"(,"recoverable":false)";
    append_field(out, "commandId", fault.command_id, most::id);
    append_field(out, "requestId", fault.request_id, most::id);
    append_field(out, "detail", fault.detail, most::text);
    out += "}}";
}

void write_response(std::string& out, std::int64_t at, std::string_view request_id, const Fault& fault)
{
    open_frame(out, "response", at);
    out += R"({"requestId":)";
    json::append(out, clip(request_id, most::id));
    if (fault.code.empty()) {
        out += R"(,"status":"success")";
    } else {
        out += R"(,"status":"error")";
        append_field(out, "code", dashboard::wire_code(fault.code), most::word);
        append_field(out, "message", fault.message, most::text);
        append_field(out, "detail", fault.detail, most::text);
    }
    out += "}}";
}

} // namespace agenthost::wire::desk

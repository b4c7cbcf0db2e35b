// Encoding of frames to dashboards.
#include "client.hpp"

#include "envelope.hpp"

namespace agenthost::wire::dashboard_client {

using dashboard::open_frame;

void write_agent(base::JsonWriter& json, const Agent& agent)
{
    json.object().member("agentId", clip(agent.id, max_length::id));
    json.member("name", clip(agent.name.empty() ? agent.id : agent.name, max_length::id));
    json.member("status", agent.online ? "online" : "offline");
    write_field(json, "version", agent.version, max_length::id);
    write_field(json, "platform", agent.platform, max_length::id);
    json.member("capabilities", base::RawJson{agent.capabilities.empty() ? "[]" : agent.capabilities});
    json.member("lastSeen", agent.last_seen).end();
}

void write_ack(std::string& out, std::int64_t at, std::string_view connection_id)
{
    base::JsonWriter json{out};
    open_frame(json, "connection:ack", at).object().member("connectionId", connection_id).end().end();
}

void write_list(std::string& out, std::int64_t at, std::string_view agents, std::size_t left_out)
{
    base::JsonWriter json{out};
    open_frame(json, "agent:list", at).object().member("agents", base::RawJson{agents});
    if (left_out > 0) json.member("leftOut", left_out);
    json.end().end();
}

void write_agent_status(std::string& out, std::int64_t at, const Agent& agent)
{
    base::JsonWriter json{out};
    write_agent(open_frame(json, "agent:status", at), agent);
    json.end();
}

void write_status(std::string& out, std::int64_t at, const Status& status)
{
    base::JsonWriter json{out};
    open_frame(json, "command:status", at).object().member("commandId", status.command_id);
    write_field(json, "requestId", status.request_id, max_length::id);
    write_field(json, "agentId", status.agent_id, max_length::id);
    write_field(json, "status", status.status, max_length::word);
    if (status.position > 0) json.member("position", status.position);
    if (status.exit_code) json.member("exitCode", *status.exit_code);
    write_field(json, "reason", status.reason, max_length::word);
    write_field(json, "signal", status.signal, max_length::word);
    write_field(json, "code", dashboard::wire_code(status.code), max_length::word);
    write_field(json, "message", status.message, max_length::text);
    json.end().end();
}

void write_output(std::string& out, std::int64_t at, const Output& output)
{
    base::JsonWriter json{out};
    open_frame(json, "terminal:output", at).object().member("commandId", output.command_id);
    json.member("data", output.data).member("stream", output.channel == 2 ? "stderr" : "stdout");
    json.member("sequence", output.sequence).member("offset", output.offset);
    if (output.base64) json.member("encoding", "base64");
    json.end().end();
}

std::string with_dropped(std::string_view frame, std::uint64_t dropped)
{
    constexpr std::string_view end = "}}";   // of payload and frame
    constexpr std::size_t member_bytes = 40; // for the member
    std::string out;
    out.reserve(frame.size() + member_bytes);
    out.append(frame, 0, frame.size() - end.size()).append(",\"dropped\":");
    out += std::to_string(dropped);
    return out += end;
}

void write_queue(std::string& out, std::int64_t at, std::string_view agent_id, std::string_view queue)
{
    base::JsonWriter json{out};
    open_frame(json, "command:queue", at).object().member("agentId", agent_id);
    json.member("queue", base::RawJson{queue}).end().end();
}

void write_event(std::string& out, std::int64_t at, const AgentEvent& event)
{
    base::JsonWriter json{out};
    open_frame(json, "event", at).object().member("agentId", clip(event.agent_id, max_length::id));
    write_field(json, "serverId", event.server_id, max_length::id);
    json.member("event", clip(event.topic, max_length::action));
    write_field(json, "taskId", event.task_id, max_length::id);
    json.member("data", base::RawJson{event.data.empty() ? "{}" : event.data}).end().end();
}

void write_events_dropped(std::string& out, std::int64_t at, std::string_view agent_id, std::uint64_t dropped)
{
    base::JsonWriter json{out};
    open_frame(json, "event:dropped", at).object().member("agentId", clip(agent_id, max_length::id));
    json.member("dropped", dropped).end().end();
}

void write_heartbeat(std::string& out, std::int64_t at, std::string_view sequence)
{
    base::JsonWriter json{out};
    open_frame(json, "heartbeat", at).object().member("sequence", base::RawJson{sequence}).end().end();
}

void write_error(std::string& out, std::int64_t at, const Fault& fault)
{
    const std::string_view code = dashboard::wire_code(fault.code);
    base::JsonWriter json{out};
    open_frame(json, "error", at).object().member("code", clip(code, max_length::word));
    json.member("message", clip(fault.message.empty() ? code : fault.message, max_length::text));
    json.member("recoverable", dashboard::recoverable(code));
    write_field(json, "commandId", fault.command_id, max_length::id);
    write_field(json, "requestId", fault.request_id, max_length::id);
    write_field(json, "detail", fault.detail, max_length::text);
    json.end().end();
}

void write_response(std::string& out, std::int64_t at, std::string_view request_id, const Fault& fault)
{
    base::JsonWriter json{out};
    open_frame(json, "response", at).object().member("requestId", clip(request_id, max_length::id));
    json.member("status", fault.code.empty() ? "success" : "error");
    if (!fault.code.empty()) {
        write_field(json, "code", dashboard::wire_code(fault.code), max_length::word);
        write_field(json, "message", fault.message, max_length::text);
        write_field(json, "detail", fault.detail, max_length::text);
    }
    json.end().end();
}

} // namespace agenthost::wire::dashboard_client

// Decodes and encodes the frames between hub and dashboards (browsers). Pure: no clock, no socket. Every
// frame is validated against its type's schema; an invalid one becomes Bad with the reason, for an error
// frame. Described in PROTOCOL.md; tested by tests/wire/vectors/dashboard_client.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace agenthost::wire::dashboard_client {

// ---- from a dashboard; views are valid until the next read() and while the frame exists ----

// dashboard:connect
struct Connect {
    std::string_view token, request_id;
};
// token:refresh
struct Refresh {
    std::string_view token, request_id;
};
// heartbeat
struct Beat {
    // A JSON number as written.
    std::string_view sequence;
};
// command:request
struct Ask {
    std::string_view agent_id, request_id;
    // A JSON object with the command's members: command or argv, priority, cwd, env, ...
    std::string params;
    // Encode output as base64.
    bool base64 = false;
};
// command:interrupt
struct Interrupt {
    std::string_view command_id, request_id;
    bool force = false;
};
// terminal:input, an extension
struct Input {
    std::string_view command_id, request_id, data;
    bool base64 = false, eof = false;
};
// terminal:resize, an extension
struct Resize {
    std::string_view command_id, request_id;
    std::uint16_t columns = 0, rows = 0;
};
// subscribe and unsubscribe, extensions: the events of an agent, or of one of its servers
struct Subscribe {
    // "*": every agent that the dashboard may see.
    std::string_view agent_id, server_id, request_id;
    // Names of events; empty: all.
    std::vector<std::string_view> topics;
    // false: unsubscribe.
    bool on = true;
};
// The ids, if readable, are repeated in the answer.
struct Bad {
    std::string reason, command_id, request_id;
};
using Message = std::variant<Nothing, Bad, Connect, Refresh, Beat, Ask, Interrupt, Input, Resize, Subscribe>;

class Reader {
public:
    // Nothing: one of our own frame types; never answered, so that two ends that echo each other do not loop.
    Message read(std::string_view frame);

private:
    Message dispatch(std::string_view type, FieldReader&, std::span<const json::Member>);
    Message ask(FieldReader&, std::span<const json::Member>);
    Message input(FieldReader&, std::span<const json::Member>);
    Message resize(FieldReader&, std::span<const json::Member>);
    Message subscribe(FieldReader&, std::span<const json::Member>, bool on);

    Scratch scratch_;
};

// ---- to dashboards; each appends one frame. `at`: UTC ms ----

struct Agent {
    std::string_view id, name, version, platform;
    // A JSON array, or empty.
    std::string_view capabilities;
    bool online = false;
    // UTC ms.
    std::int64_t last_seen = 0;
};
// Writes an agent's object, for a list.
void write_agent(base::JsonWriter&, const Agent&);

void write_ack(std::string& out, std::int64_t at, std::string_view connection_id);
// `agents`: a JSON array of objects of write_agent(). `left_out`: the number of agents that did not fit.
void write_list(std::string& out, std::int64_t at, std::string_view agents, std::size_t left_out = 0);
void write_agent_status(std::string& out, std::int64_t at, const Agent&);

// command:status. `position` 0: not queued. `code` is ours.
struct Status {
    std::string_view command_id, request_id, agent_id, status;
    std::uint64_t position = 0;
    std::optional<int> exit_code;
    std::string_view reason, signal, code, message;
};
void write_status(std::string& out, std::int64_t at, const Status&);

// terminal:output
struct Output {
    std::string_view command_id;
    // Text of complete characters, or base64.
    std::string_view data;
    std::uint32_t channel = 1;
    // `offset`: bytes of both streams before it.
    std::uint64_t sequence = 0, offset = 0;
    bool base64 = false;
};
void write_output(std::string& out, std::int64_t at, const Output&);
// A frame of write_output() or write_status() with the number of bytes of output lost before it, which
// differs per dashboard.
std::string with_dropped(std::string_view frame, std::uint64_t dropped);

void write_queue(std::string& out, std::int64_t at, std::string_view agent_id, std::string_view queue);

// event, an extension: what an agent reported, for dashboards that subscribed to it.
struct AgentEvent {
    std::string_view agent_id, server_id, topic;
    // A JSON value.
    std::string_view data;
    // The task whose progress it is; may be empty.
    std::string_view task_id;
};
void write_event(std::string& out, std::int64_t at, const AgentEvent&);
// event:dropped, an extension: this many events of the agent were not sent to this dashboard.
void write_events_dropped(std::string& out, std::int64_t at, std::string_view agent_id,
                          std::uint64_t dropped);

void write_heartbeat(std::string& out, std::int64_t at, std::string_view sequence);

// error. `code` is ours.
struct Fault {
    std::string_view code, message, command_id, request_id, detail;
};
void write_error(std::string& out, std::int64_t at, const Fault&);
// Answers a request with a requestId for which the document defines no answer. `fault.code` empty: success.
void write_response(std::string& out, std::int64_t at, std::string_view request_id, const Fault& fault = {});

} // namespace agenthost::wire::dashboard_client

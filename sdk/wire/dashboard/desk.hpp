// The hub's codec for dashboards (the browser's leg of the dashboard protocol). Pure: bytes in, values out;
// no clock, no socket. Every frame is validated against its type's schema; an invalid one becomes Bad with
// the reason, for an error frame. Described in PROTOCOL.md; tested by tests/wire/vectors/desk.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace agenthost::wire::desk {

// ---- from a dashboard; views are valid until the next read() and while the frame exists ----

struct Connect { // dashboard:connect
    std::string_view token, request_id;
};
struct Refresh { // token:refresh
    std::string_view token, request_id;
};
struct Beat {                  // heartbeat
    std::string_view sequence; // a JSON number as written
};
struct Ask { // command:request
    std::string_view agent_id, request_id;
    std::string params;  // a JSON object with the command's members: command or argv, priority, cwd, env, ...
    bool base64 = false; // encode output as base64
};
struct Interrupt { // command:interrupt
    std::string_view command_id, request_id;
    bool force = false;
};
struct Input { // terminal:input, an extension
    std::string_view command_id, request_id, data;
    bool base64 = false, eof = false;
};
struct Resize { // terminal:resize, an extension
    std::string_view command_id, request_id;
    std::uint16_t columns = 0, rows = 0;
};
// The ids, if readable, are repeated in the answer.
struct Bad {
    std::string reason, command_id, request_id;
};
using Message = std::variant<Nothing, Bad, Connect, Refresh, Beat, Ask, Interrupt, Input, Resize>;

class Reader {
public:
    // Nothing: one of our own frame types; never answered, so that two ends that echo each other do not loop.
    Message read(std::string_view frame);

private:
    Message dispatch(std::string_view type, FieldReader&, std::span<const json::Member>);
    Message ask(FieldReader&, std::span<const json::Member>);
    Message input(FieldReader&, std::span<const json::Member>);
    Message resize(FieldReader&, std::span<const json::Member>);

    Scratch scratch_;
};

// ---- to dashboards; each appends one frame. `at`: UTC ms ----

struct Agent {
    std::string_view id, name, version, platform;
    std::string_view capabilities; // a JSON array, or empty
    bool online = false;
    std::int64_t last_seen = 0; // UTC ms
};
void append_agent(std::string& out, const Agent&); // appends an agent's object for lists

void write_ack(std::string& out, std::int64_t at, std::string_view connection_id);
// `agents`: objects of append_agent, separated by commas. `left_out`: the number of agents that did not fit.
void write_list(std::string& out, std::int64_t at, std::string_view agents, std::size_t left_out = 0);
void write_agent_status(std::string& out, std::int64_t at, std::string_view agent);

struct Status { // command:status
    std::string_view command_id, request_id, agent_id, status;
    std::uint64_t position = 0; // 0: none
    std::optional<int> exit_code;
    std::string_view reason, signal, code, message; // code: ours
};
void write_status(std::string& out, std::int64_t at, const Status&);

struct Output { // terminal:output
    std::string_view command_id;
    std::string_view data; // UTF-8 text of complete characters, or base64
    std::uint32_t channel = 1;
    std::uint64_t sequence = 0, offset = 0; // offset: bytes of both streams before it
    bool base64 = false;
};
// Incomplete: the caller appends write_output_end(), because `dropped` differs per dashboard.
void write_output(std::string& out, std::int64_t at, const Output&);
void write_output_end(std::string& out, std::uint64_t dropped);

void write_queue(std::string& out, std::int64_t at, std::string_view agent_id, std::string_view queue);
void write_heartbeat(std::string& out, std::int64_t at, std::string_view sequence);

struct Fault {                                                      // error
    std::string_view code, message, command_id, request_id, detail; // code: ours
};
void write_error(std::string& out, std::int64_t at, const Fault&);
// Answers a request with a requestId for which the document defines no answer. `fault.code` empty: success.
void write_response(std::string& out, std::int64_t at, std::string_view request_id, const Fault& fault = {});

} // namespace agenthost::wire::desk

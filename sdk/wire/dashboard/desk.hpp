// The dashboard's leg of the dashboard protocol, the hub's side: what dashboards say, and what they are told. Pure: bytes in, values
// out; no clock, no socket. Every frame is checked against its type's schema; what breaks it is Bad with the reason, for an error
// frame. Facts and quirks: PROTOCOL.md; pinned by tests/wire/vectors/desk.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/fields.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace agenthost::wire::desk {

// ---- from a dashboard; views live until the next read() and as long as the frame ----

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
    std::string params;  // an object, the command's own members: command or argv, priority, cwd, env, ...
    bool base64 = false; // output that may not be text
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
// The ids, where they could be read, belong into the answer.
struct Bad {
    std::string reason, command_id, request_id;
};
using Message = std::variant<Nothing, Bad, Connect, Refresh, Beat, Ask, Interrupt, Input, Resize>;

class Reader {
public:
    // Nothing: a word of ours that came back; it is never answered, so that two ends that mirror each other stop.
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
void append_agent(std::string& out, const Agent&); // the object in lists

void write_ack(std::string& out, std::int64_t at, std::string_view connection_id);
// `agents`: objects of append_agent with commas between them. `left_out`: how many more there are that did not fit.
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
    std::string_view data; // text, UTF-8 and whole characters; or base64
    std::uint32_t channel = 1;
    std::uint64_t sequence = 0, offset = 0; // offset: bytes of both streams before it
    bool base64 = false;
};
// Without its end: the caller appends write_output_end(), whose `dropped` differs from dashboard to dashboard.
void write_output(std::string& out, std::int64_t at, const Output&);
void write_output_end(std::string& out, std::uint64_t dropped);

void write_queue(std::string& out, std::int64_t at, std::string_view agent_id, std::string_view queue);
void write_heartbeat(std::string& out, std::int64_t at, std::string_view sequence);

struct Fault {                                                      // error
    std::string_view code, message, command_id, request_id, detail; // code: ours
};
void write_error(std::string& out, std::int64_t at, const Fault&);
// Answers what had a requestId and has no answer of its own in the document. `fault.code` empty: it went well.
void write_response(std::string& out, std::int64_t at, std::string_view request_id, const Fault& fault = {});

} // namespace agenthost::wire::desk

// Payloads of the signed protocol that both ends translate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::wire {

// Our metrics (ext/facts.h) in the protocol's names and ECMAScript's numbers, and back. False: not a JSON object.
bool to_wire_metrics(std::string_view json, std::string& out);
bool from_wire_metrics(std::string_view payload, std::string& out);

// Appends, as a JSON string, what a person should read of a result: the data's "message", else its plain values ("version: 1.2, os: Linux"),
// else "ok". `data` is valid JSON and no string.
void append_readable(std::string& out, std::string_view data);

// Appends ,"timestamp":AT when there is one: a message may wait before it is signed.
void append_time(std::string& out, std::int64_t at);

} // namespace agenthost::wire

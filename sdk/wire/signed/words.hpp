// Payloads of the signed protocol that both ends translate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::wire {

// Converts our metrics (ext/facts.h) to the protocol's names and ECMAScript's number format, and back. False:
// not a JSON object.
bool to_wire_metrics(std::string_view json, std::string& out);
bool from_wire_metrics(std::string_view payload, std::string& out);

// Appends a readable summary of a result as a JSON string: the data's "message", else its scalar values
// ("version: 1.2, os: Linux"), else "ok". `data` is valid JSON and not a string.
void append_readable(std::string& out, std::string_view data);

// Appends ,"timestamp":AT if there is one: a message may be queued before it is signed.
void append_time(std::string& out, std::int64_t at);

} // namespace agenthost::wire

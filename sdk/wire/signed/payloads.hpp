// Payloads of the signed protocol that both ends translate.
#pragma once

#include "base/json_writer.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::wire {

// Converts our metrics (ext/facts.h) to the protocol's names and ECMAScript's number format, and back. False:
// not a JSON object.
bool to_wire_metrics(std::string_view json, std::string& out);
bool from_wire_metrics(std::string_view payload, std::string& out);

// Writes a value as ECMAScript prints it, as signatures need. False: `text` is not JSON, and the key before
// it is removed.
bool write_canonical(base::JsonWriter&, std::string_view text);

// Writes a readable summary of a result as a string: the data's "message", else its scalar values ("version:
// 1.2, os: Linux"), else "ok". `data` is valid JSON and not a string.
void write_readable(base::JsonWriter&, std::string_view data);

// Writes a member "timestamp" if there is a time: a message may be queued before it is signed.
void write_timestamp(base::JsonWriter&, std::int64_t at);

} // namespace agenthost::wire

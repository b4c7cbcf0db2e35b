// JSON as ECMAScript's JSON.stringify(JSON.parse(text)) prints it. What we sign must survive a peer that parses a frame, prints it
// again and signs that: numbers in the shortest form that reads back, no white space, no escape that need not be, keys that look like
// array indices first and in order, of equal keys the last value in the first one's place.
#pragma once

#include "base/json_number.hpp"

#include <string>
#include <string_view>

namespace agenthost::wire::json {

inline void append_number(std::string& out, double value) { base::append_json_number(out, value); }

// The value of a JSON number's text, correctly rounded; too big is infinite, too small is zero.
double number(std::string_view text);

// False: `json` is no JSON value or nested deeper than json::max_depth; then `out` is as it was. What is not UTF-8, and half a
// surrogate pair, becomes U+FFFD.
bool append_canonical(std::string& out, std::string_view json);

} // namespace agenthost::wire::json

// JSON as ECMAScript's JSON.stringify(JSON.parse(text)) prints it, so that our signature matches that of a
// peer that parses a frame, prints it and signs the result: numbers in the shortest exact form, no white
// space, no unnecessary escapes, keys that are array indices first and in order, for duplicate keys the last
// value in the position of the first.
#pragma once

#include "base/json_number.hpp"

#include <string>
#include <string_view>

namespace agenthost::wire::json {

inline void append_number(std::string& out, double value) { base::append_json_number(out, value); }

// The value of a JSON number, correctly rounded; infinite on overflow, zero on underflow.
double number(std::string_view text);

// False: `json` is not a JSON value or is nested deeper than json::max_depth; `out` is unchanged. Invalid
// UTF-8 and unpaired surrogates become U+FFFD.
bool append_canonical(std::string& out, std::string_view json);

} // namespace agenthost::wire::json

// Validates JSON and reads the fields of error objects.
//
// Any thread: each has a simdjson parser of its own.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::host::json {

// One value of any kind.
bool valid(std::string_view text);
bool valid_object(std::string_view text);
// The text of the member "status"; empty if it is missing or not a string.
std::string status_of(std::string_view object);

// {"code","message","detail"?,"data"?} of a reply. A missing field stays empty; false: not an object.
struct ErrorText {
    std::string code, message, detail, data;
};
bool read_error(std::string_view text, ErrorText& out);

} // namespace agenthost::host::json

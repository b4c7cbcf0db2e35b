// Limits the nesting depth of JSON text before nlohmann parses it.
//
// nlohmann copies, compares and dumps values recursively, so that a text of a few hundred KiB of "["
// overflows the stack of any thread that uses the parsed value. First check every text that comes from
// outside the process (a socket, a file, a peer):
//
//     // discarded: invalid, or nested deeper than max_json_depth
//     const json root = base::parse_json<json>(text);
//     if (!base::json_depth_ok(text)) return refuse("nested more than 64 levels deep");
//
// The scan reads each byte once, allocates nothing and accepts text that is not JSON: the parser rejects
// that.
#pragma once

#include <cstddef>
#include <string_view>

namespace agenthost::base {

constexpr std::size_t max_json_depth = 64; // the same as wire::json::max_depth

// True if no array or object in `text` is nested deeper than `max`; brackets inside strings do not count.
constexpr bool json_depth_ok(std::string_view text, std::size_t max = max_json_depth)
{
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i; // the escaped character, perhaps a quote
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max) return false;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return true;
}

// The parsed text; `Json::is_discarded()` when it is invalid or nested deeper than `max`. A template, so that
// this header does not include nlohmann.
template <class Json> Json parse_json(std::string_view text, std::size_t max = max_json_depth)
{
    if (!json_depth_ok(text, max)) return Json(Json::value_t::discarded);
    return Json::parse(text, nullptr, false);
}

} // namespace agenthost::base

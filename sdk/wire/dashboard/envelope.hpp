// The dashboard protocol's envelope, {version, type, timestamp, payload}, and the names both ends share.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/fields.hpp"

#include <string>
#include <string_view>

namespace agenthost::wire::dashboard {

constexpr std::string_view auth_failed = "AUTH_FAILED";
// Its id is the commandId, its answer a command:status.
constexpr std::string_view run_word = "command:request";

struct Frame {
    std::string_view type;
    std::string_view payload = "{}"; // a JSON object, unmodified
    std::int64_t at = 0;             // the timestamp; 0: none
};

// False: `why` has the reason; type and payload are set if they could be read. Views point into the frame and
// `scratch`; the payload is an object.
bool read_frame(std::string_view frame, Scratch& scratch, Frame&, std::string& why);

// Opens the envelope and writes it up to the key of the payload. The caller writes the payload and closes the
// frame.
base::JsonWriter& open_frame(base::JsonWriter&, std::string_view type, std::int64_t at);

// Maps our error code to the document's.
std::string_view wire_code(std::string_view ours);
std::string_view our_code(std::string_view wire);
// True for every error except an invalid token: the session continues.
bool recoverable(std::string_view wire_code);

// True for command types whose payload is not {requestId, params}.
bool is_flat(std::string_view type);
// True for frames that are not commands. Types of later versions are treated as actions.
bool is_notice(std::string_view type);

} // namespace agenthost::wire::dashboard

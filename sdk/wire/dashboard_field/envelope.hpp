// Reads and writes the dialect's envelope, {type, id, timestamp, payload}, all of them required.
#pragma once

#include "wire/codec.hpp"
#include "wire/json/fields.hpp"

#include <string>
#include <string_view>

namespace agenthost::wire::dashboard_field {

struct Frame {
    // Views into the frame and `scratch`; the payload is an object.
    std::string_view type, id;
    std::string_view payload = "{}";
    // The timestamp as a time, and as it was written.
    std::int64_t at = 0;
    std::string_view timestamp;
};

// False: `why` says what is wrong; type and payload are there when they could be read all the same.
bool read_frame(std::string_view frame, Scratch& scratch, Frame&, std::string& why);

// Appends the envelope up to the payload, whose object the caller writes and closes with "}}".
void open_frame(std::string& out, const World&, std::string_view type);

// The dialect's own types are in capitals; others are the document's or actions.
bool is_own_type(std::string_view type);

// Appends a frame of the document in this envelope.
void append_wrapped(std::string& out, const World&, std::string_view document_frame);

} // namespace agenthost::wire::dashboard_field

// Reads and writes the dialect's envelope {type, id, timestamp, payload}; all four are required.
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

// Bytes of most frames, without parameters and data: reserved before one is written.
constexpr std::size_t usual_frame = 320;

// False: `why` is the reason; `type` and `payload` are set if they could still be read.
bool read_frame(std::string_view frame, Scratch& scratch, Frame&, std::string& why);

// Opens the envelope and writes it up to the key of the payload. The caller writes the payload and closes the
// frame.
base::JsonWriter& open_frame(base::JsonWriter&, const Environment&, std::string_view type);

// The dialect's own types are in capitals; other types are the document's, or actions.
bool is_own_type(std::string_view type);

// Appends the document's frame, converted to this envelope.
void write_wrapped(std::string& out, const Environment&, std::string_view document_frame);

} // namespace agenthost::wire::dashboard_field

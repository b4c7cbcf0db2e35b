// Base64 with padding (RFC 4648), for protocols that carry bytes in JSON.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::wire {

void append_base64(std::string& out, std::string_view bytes);

// False: a character outside the alphabet or an impossible length; `out` is unchanged. Padding may be missing.
bool append_from_base64(std::string& out, std::string_view text);

} // namespace agenthost::wire

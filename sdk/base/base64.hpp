// Encodes and decodes base64 with padding (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace agenthost::base {

void append_base64(std::string& out, std::string_view bytes);

// False: a character outside the alphabet, or an impossible length; padding may be missing. `out` is then
// unchanged.
bool append_from_base64(std::string& out, std::string_view text);

std::string base64(std::string_view bytes);

// nullopt: not base64, or the padding is missing.
std::optional<std::string> from_base64(std::string_view text);

} // namespace agenthost::base

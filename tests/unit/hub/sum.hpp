#pragma once

#include "base/hash.hpp"

#include <string>
#include <string_view>

namespace agenthost::hub_test {

// The SHA-256 of a file's content, as headers and answers carry it.
inline std::string sum(std::string_view content) { return base::hex(base::sha256(content)); }

} // namespace agenthost::hub_test

// Reads a local file, or standard input, that becomes part of a request.
#pragma once

#include <cstddef>
#include <string>

namespace agenthost::hub::cli {

// `path` "-": standard input. At most `max` bytes are kept, whatever is behind the name. Throws Failed for what
// cannot be read, is no regular file, or is larger.
std::string read_local(const std::string& path, std::size_t max);

} // namespace agenthost::hub::cli

// Reads a local file, or standard input, that becomes part of a request.
#pragma once

#include <cstddef>
#include <string>

namespace agenthost::hub::cli {

// `path` "-": standard input. Throws Failed if the file cannot be read, is not a regular file, or has more than
// `max` bytes; no more than that is read, whatever the name refers to.
std::string read_local(const std::string& path, std::size_t max);

} // namespace agenthost::hub::cli

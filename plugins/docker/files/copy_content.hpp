// Copies the content of one open file to another, with its holes. Blocking.
#pragma once

#include "control.hpp"
#include "disk_limit.hpp"
#include "path.hpp"

#include <cstdint>

namespace agenthost::docker::files {

struct ContentLimits {
    DiskLimit::Claim& claim;
    std::uint64_t before; // bytes that the claim already covers
    std::uint64_t max;    // bytes for this file
};

// Copies the content that the file had when the copy began. Returns the bytes of data. Throws.
std::uint64_t copy_content(int from, int to, const Path& for_messages, const ContentLimits&, Control&);

} // namespace agenthost::docker::files

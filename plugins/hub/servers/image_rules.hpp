// Whether an agent's list of allowed images has a pattern for an image. Pure.
//
//     ghcr.io/pelican-eggs/yolks            every tag of this repository
//     ghcr.io/pelican-eggs/yolks:java_*     these tags
//     ghcr.io/pelican-eggs/yolks@sha256:... this digest
//     ghcr.io/pelican-eggs/*                * matches within one part of the path
//     ghcr.io/pelican-eggs/**               ** as the last part: one or more parts
//     *                                     every image
//
// The agent decides in the end; this only avoids agents that would refuse.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

bool image_allowed(const std::vector<std::string>& patterns, std::string_view image);

} // namespace agenthost::hub

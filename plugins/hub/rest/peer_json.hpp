// Writes the members of a peer's JSON object into an object of ours. The peer's text is parsed and never
// copied verbatim, so that a peer cannot set our own keys.
#pragma once

#include "base/json_writer.hpp"

#include <initializer_list>
#include <string_view>

namespace agenthost::hub {

// Adds the members of `peer` whose keys are not among `ours`. Adds nothing unless `peer` is an object with at
// most 256 different keys.
void write_peer_members(base::JsonWriter&, std::string_view peer,
                        std::initializer_list<std::string_view> ours);

} // namespace agenthost::hub

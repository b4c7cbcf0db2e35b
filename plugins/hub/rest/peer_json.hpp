// Writes the members of a peer's JSON object into an object of ours. A peer's text is parsed first and never pasted as it came: a key of
// ours is not the peer's to set.
#pragma once

#include "base/json_writer.hpp"

#include <initializer_list>
#include <string_view>

namespace agenthost::hub {

// Adds the members of `peer` whose keys are not among `ours`. What is not an object with at most 256 different keys adds nothing.
void write_peer_members(base::JsonWriter&, std::string_view peer,
                        std::initializer_list<std::string_view> ours);

} // namespace agenthost::hub

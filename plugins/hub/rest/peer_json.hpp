// Puts a JSON object of a peer into a JSON object of ours. A peer's text is parsed first and never pasted as it came: `{ }` has no
// member to put a comma before, and a key of ours is not the peer's to set.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::hub {

// One object: `ours` (members without braces, such as `"seq":1,"at":7`), then the peer's members whose keys `ours` does not have.
// What is not an object with at most 256 different keys adds nothing.
std::string with_peer_members(std::string_view ours, std::string_view peer);

} // namespace agenthost::hub

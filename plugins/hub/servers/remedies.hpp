// What a person can do about an error of a game server, by its code. Pure.
#pragma once

#include <string_view>

namespace agenthost::hub {

// One or two sentences; empty: the message has to do.
std::string_view remedy_of(std::string_view code);

} // namespace agenthost::hub

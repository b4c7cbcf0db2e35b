// Which web pages may talk to the hub. A browser says in Origin whose page asks; everything else sends none. Pure.
#pragma once

#include "http.hpp"

#include <span>
#include <string>
#include <string_view>

namespace agenthost::hub {

// No Origin; the hub's own (the Host the request names, or public_url); or one of `allowed` ("https://desk.example.com", "*").
bool origin_allowed(const Head&, std::string_view public_url, std::span<const std::string> allowed);

} // namespace agenthost::hub

// Decides which web pages may use the hub. A browser sends the page's origin in Origin; other clients send
// none. Pure.
#pragma once

#include "http.hpp"

#include <span>
#include <string>
#include <string_view>

namespace agenthost::hub {

// True for no Origin, the hub's own origin (the request's Host, or public_url) or one of `allowed`
// ("https://desk.example.com", "*").
bool origin_allowed(const Head&, std::string_view public_url, std::span<const std::string> allowed);

} // namespace agenthost::hub

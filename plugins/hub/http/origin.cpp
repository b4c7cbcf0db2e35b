#include "origin.hpp"

#include "base/ascii.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {

// scheme://host[:port], lower case, without the scheme's own port; empty: none.
std::string canonical(std::string_view url)
{
    std::string text = base::to_lower(url);
    const std::size_t scheme = text.find("://");
    if (scheme == std::string::npos) return {};
    text.resize(std::min(text.size(), text.find('/', scheme + 3)));
    const auto drop = [&](std::string_view of, std::string_view port) {
        if (text.starts_with(of) && text.ends_with(port)) text.resize(text.size() - port.size());
    };
    drop("https://", ":443");
    drop("http://", ":80");
    return text;
}

} // namespace

bool origin_allowed(const Head& head, std::string_view public_url, std::span<const std::string> allowed)
{
    const std::string_view given = head.header("origin");
    if (given.empty()) return true;
    if (std::find(allowed.begin(), allowed.end(), "*") != allowed.end()) return true;
    const std::string origin = canonical(given); // "null" and the like have none
    if (origin.empty()) return false;
    if (std::any_of(allowed.begin(), allowed.end(), [&](const auto& a) { return canonical(a) == origin; }))
        return true;
    if (!public_url.empty() && canonical(public_url) == origin) return true;
    const std::string_view host = head.header("host");
    return !host.empty() && canonical((head.tls ? "https://" : "http://") + std::string{host}) == origin;
}

} // namespace agenthost::hub

#include "forwarded.hpp"

#include <algorithm>
#include <string>

namespace agenthost::host::listener {
namespace {

std::string_view trim(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool equals(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return (x | 32) == (y | 32); });
}

// Cuts at `separator` outside quoted strings; nullopt: a quoted string does not end.
std::optional<std::vector<std::string_view>> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    std::size_t begin = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quoted && text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (text[i] == separator && !quoted) {
            parts.push_back(trim(text.substr(begin, i - begin)));
            begin = i + 1;
        }
    }
    if (quoted) return std::nullopt;
    parts.push_back(trim(text.substr(begin)));
    return parts;
}

// The node of an element's one "for" parameter: for="[2001:db8::1]:4711";proto=https.
std::optional<kit::IpEndpoint> node_of(std::string_view element)
{
    const auto parameters = split(element, ';');
    std::optional<kit::IpEndpoint> node;
    for (const auto parameter : *parameters) { // quotes are balanced: the whole field's are
        const auto sign = parameter.find('=');
        if (sign == std::string_view::npos || !equals(trim(parameter.substr(0, sign)), "for")) continue;
        if (node) return std::nullopt; // two of them
        std::string_view value = trim(parameter.substr(sign + 1));
        const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
        if (quoted) value = value.substr(1, value.size() - 2);
        if (!quoted && value.find_first_of(":[") != std::string_view::npos)
            return std::nullopt; // RFC 7239, 4
        node = kit::parse_endpoint(value);
        if (!node) return std::nullopt;
    }
    return node;
}

template <class Read>
kit::IpEndpoint walk(const kit::IpEndpoint& peer, const std::vector<kit::IpRange>& trusted,
                     const std::vector<std::string_view>& entries, Read read)
{
    kit::IpEndpoint client = peer;
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
        if (entry->empty()) continue; // RFC 9110, 5.6.1.2: empty elements of a list count for nothing
        const std::optional<kit::IpEndpoint> said = read(*entry);
        if (!said) return peer;
        client = *said;
        if (!kit::any_contains(trusted, client.ip)) break;
    }
    return client;
}

} // namespace

kit::IpEndpoint client_of(const kit::IpEndpoint& peer, const std::vector<kit::IpRange>& trusted,
                          const ForwardedFields& fields)
{
    std::optional<kit::IpEndpoint> by_list, by_standard;
    if (!fields.x_forwarded_for.empty()) {
        const auto entries = split(fields.x_forwarded_for, ',');
        by_list = entries ? walk(peer, trusted, *entries, kit::parse_endpoint) : peer;
    }
    if (!fields.forwarded.empty()) {
        const auto entries = split(fields.forwarded, ',');
        by_standard = entries ? walk(peer, trusted, *entries, node_of) : peer;
    }
    if (by_list && by_standard) return by_list->ip == by_standard->ip ? *by_list : peer;
    return by_list ? *by_list : by_standard.value_or(peer);
}

} // namespace agenthost::host::listener

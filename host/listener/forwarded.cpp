#include "forwarded.hpp"

#include "base/ascii.hpp"
#include "base/trim.hpp"

#include <string>
#include <utility>

namespace agenthost::host::listener {
namespace {

// Splits at `separator` outside quoted strings. Nullopt: a quoted string does not end.
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
            parts.push_back(base::trim(text.substr(begin, i - begin)));
            begin = i + 1;
        }
    }
    if (quoted) return std::nullopt;
    parts.push_back(base::trim(text.substr(begin)));
    return parts;
}

// Whether an odd number of backslashes escapes the quote at `at`.
bool escaped(std::string_view text, std::size_t at)
{
    std::size_t backslashes = 0;
    while (backslashes < at && text[at - 1 - backslashes] == '\\') ++backslashes;
    return backslashes % 2 != 0;
}

// Removes and returns the last element of a list. Only the right end was written by our proxies: a quote that
// a client opened further left changes nothing.
std::string_view take_last(std::string_view& list, bool with_quotes)
{
    bool quoted = false;
    for (std::size_t i = list.size(); i-- > 0;) {
        if (with_quotes && list[i] == '"' && !escaped(list, i)) {
            quoted = !quoted;
        } else if (list[i] == ',' && !quoted) {
            const auto last = base::trim(list.substr(i + 1));
            list = list.substr(0, i);
            return last;
        }
    }
    return base::trim(std::exchange(list, {}));
}

// The node of an element's one "for" parameter: for="[2001:db8::1]:4711";proto=https.
std::optional<netclient::IpEndpoint> node_of(std::string_view element)
{
    const auto parameters = split(element, ';');
    if (!parameters) return std::nullopt;
    std::optional<netclient::IpEndpoint> node;
    for (const auto parameter : *parameters) {
        const auto sign = parameter.find('=');
        if (sign == std::string_view::npos ||
            !base::equal_ignoring_case(base::trim(parameter.substr(0, sign)), "for"))
            continue;
        if (node) return std::nullopt; // two of them
        std::string_view value = base::trim(parameter.substr(sign + 1));
        const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
        if (quoted) value = value.substr(1, value.size() - 2);
        if (!quoted && value.find_first_of(":[") != std::string_view::npos)
            return std::nullopt; // RFC 7239, 4
        node = netclient::parse_endpoint(value);
        if (!node) return std::nullopt;
    }
    return node;
}

template <class Read>
netclient::IpEndpoint walk(const netclient::IpEndpoint& peer, const std::vector<netclient::IpRange>& trusted,
                           std::string_view list, bool with_quotes, Read read)
{
    netclient::IpEndpoint client = peer;
    while (!list.empty()) {
        const auto entry = take_last(list, with_quotes);
        if (entry.empty()) continue; // RFC 9110, 5.6.1.2: empty elements of a list are ignored
        const std::optional<netclient::IpEndpoint> named = read(entry);
        if (!named) return peer;
        client = *named;
        if (!netclient::any_contains(trusted, client.ip)) break;
    }
    return client;
}

} // namespace

netclient::IpEndpoint client_of(const netclient::IpEndpoint& peer,
                                const std::vector<netclient::IpRange>& trusted, const ForwardedFields& fields)
{
    std::optional<netclient::IpEndpoint> by_list, by_standard;
    if (!fields.x_forwarded_for.empty())
        by_list = walk(peer, trusted, fields.x_forwarded_for, false, netclient::parse_endpoint);
    if (!fields.forwarded.empty()) by_standard = walk(peer, trusted, fields.forwarded, true, node_of);
    if (by_list && by_standard) return by_list->ip == by_standard->ip ? *by_list : peer;
    return by_list ? *by_list : by_standard.value_or(peer);
}

} // namespace agenthost::host::listener

#include "printers.hpp"

#include "base/ascii.hpp"
#include "base/json_writer.hpp"
#include "base/parse_number.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace agenthost::hub {

namespace json = wire::json;

namespace {

// Of the aliases in a message.
constexpr std::size_t max_listed = 16, max_alias = 128;

// The members of a device that identify it.
constexpr std::array<std::string_view, 8> identity{"vendorId", "productId", "serial", "id",
                                                   "path",     "ip",        "port",   "alias"};

std::optional<unsigned> number(std::string_view text, int radix, unsigned max)
{
    const auto value = base::parse_number<unsigned>(text, radix);
    return value && *value <= max ? value : std::nullopt;
}

std::optional<std::string> by_ids(std::string_view name)
{
    const auto colon = name.find(':');
    if (colon != 4 || name.size() != 9) return std::nullopt;
    const auto vendor = number(name.substr(0, 4), 16, 0xffff), product = number(name.substr(5), 16, 0xffff);
    if (!vendor || !product) return std::nullopt;
    return base::json_object("vendorId", *vendor, "productId", *product);
}

std::optional<std::string> by_address(std::string_view name)
{
    const auto colon = name.rfind(':');
    if (colon == name.npos) return std::nullopt;
    std::string_view host = name.substr(0, colon);
    const auto port = number(name.substr(colon + 1), 10, 65'535);
    if (!port || *port == 0) return std::nullopt;
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const std::string_view allowed = bracketed ? "0123456789abcdefABCDEF:." : "0123456789.";
    if (host.empty() || host.find_first_not_of(allowed) != host.npos) return std::nullopt;
    return base::json_object("ip", host, "port", *port);
}

// The elements of a JSON array of objects. The array is part of a document that was validated.
std::vector<std::string> elements(std::string_view array)
{
    std::vector<std::string> found;
    int depth = 0;
    bool quoted = false;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < array.size(); ++i) {
        const char c = array[i];
        if (quoted) {
            if (c == '\\') ++i;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth == 2) begin = i;
        } else if (c == '}' || c == ']') {
            if (--depth == 1) found.emplace_back(array.substr(begin, i + 1 - begin));
        }
    }
    return found;
}

std::string text_of(const std::vector<json::Member>& members, std::string_view key)
{
    const json::Member* m = wire::find(members, key);
    return m == nullptr ? std::string{} : std::string{m->text};
}

struct Named {
    std::string alias, role, printer;
};

std::vector<Named> named_devices(std::string_view devices)
{
    std::vector<Named> all;
    for (const std::string& device : elements(devices)) {
        std::string why, printer;
        const auto members = json::split(device, why);
        if (!members) continue;
        base::JsonWriter writer{printer};
        writer.object();
        for (const json::Member& m : *members)
            if (std::find(identity.begin(), identity.end(), m.key) != identity.end() &&
                m.kind != json::Kind::null)
                wire::write_member(writer, m);
        writer.end();
        all.push_back({text_of(*members, "alias"), text_of(*members, "role"), std::move(printer)});
    }
    return all;
}

// For a message. The agent decides how many there are and how long they are.
std::string known_names(const std::vector<Named>& all)
{
    std::string names;
    std::size_t listed = 0, others = 0;
    for (const Named& one : all) {
        if (one.alias.empty()) continue;
        if (listed == max_listed || one.alias.size() > max_alias) {
            ++others;
            continue;
        }
        names += (names.empty() ? "" : ", ") + one.alias;
        ++listed;
    }
    if (names.empty()) return "name it by VENDOR:PRODUCT or IP:PORT, or give it an alias";
    return "it has " + names + (others == 0 ? "" : " and " + std::to_string(others) + " more");
}

} // namespace

std::string devices_of(std::string_view facts)
{
    std::string why;
    const auto members = json::split(facts, why);
    const json::Member* devices = members ? wire::find(*members, "devices") : nullptr;
    return devices == nullptr || devices->kind != json::Kind::array ? std::string{}
                                                                    : std::string{devices->raw};
}

std::string left_out_of(std::string_view facts)
{
    std::string why;
    const auto members = json::split(facts, why);
    const json::Member* count = members ? wire::find(*members, "devices_left_out") : nullptr;
    return count == nullptr || count->kind != json::Kind::number ? std::string{} : std::string{count->raw};
}

// A heartbeat that was too large for the hub leaves an older one's.
bool has_all_devices(std::string_view facts)
{
    std::string why;
    const auto members = json::split(facts, why);
    return members && wire::find(*members, "devices") != nullptr &&
           wire::find(*members, "devices_left_out") == nullptr &&
           wire::find(*members, "dropped_bytes") == nullptr;
}

std::optional<std::string> printer_named(std::string_view name, std::string_view facts, std::string& why)
{
    if (auto ids = by_ids(name)) return ids;
    if (auto address = by_address(name)) return address;
    const std::vector<Named> all = named_devices(devices_of(facts));
    for (const auto member : {&Named::alias, &Named::role}) {
        std::vector<const Named*> matching;
        for (const Named& one : all)
            if (base::equal_ignoring_case(one.*member, name)) matching.push_back(&one);
        if (matching.size() == 1) return matching.front()->printer;
        if (matching.empty()) continue;
        why = std::to_string(matching.size()) + " printers of this shop have the name \"" +
              std::string{name} + "\"; give each an alias of its own, or name one as IP:PORT";
        return std::nullopt;
    }
    if (!has_all_devices(facts)) return base::json_object("alias", name);
    why = "the shop has no printer \"" + std::string{name} + "\"; " + known_names(all);
    return std::nullopt;
}

} // namespace agenthost::hub

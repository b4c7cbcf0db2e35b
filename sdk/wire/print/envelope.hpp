// Envelope functions of both ends of print.
#pragma once

#include "wire/json/fields.hpp"

#include <span>

namespace agenthost::wire::print {

// The envelope's id is optional; a value that is not a string is ignored.
inline std::string_view envelope_id(std::span<const json::Member> members, FieldReader& fields)
{
    const json::Member* const id = find(members, "id");
    return id && id->kind == json::Kind::string ? fields.identifier("id", max_length::id)
                                                : std::string_view{};
}

// A member; null is treated as absent.
inline json::Member value(std::span<const json::Member> members, std::string_view key)
{
    const json::Member* const found = find(members, key);
    return found && found->kind != json::Kind::null ? *found : json::Member{};
}

// A member's raw value if it has this kind, else empty.
inline std::string_view raw_of(std::span<const json::Member> members, std::string_view key, json::Kind kind)
{
    const json::Member* const found = find(members, key);
    return found && found->kind == kind ? found->raw : std::string_view{};
}

} // namespace agenthost::wire::print

// Reads members of JSON that an engine wrote: a member that is absent or of another type is the default, a
// number outside the range becomes the nearest one in it. Never throws.
#pragma once

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

// Null for an absent member, or when `object` is not one.
inline const nlohmann::json& member(const nlohmann::json& object, const char* key)
{
    static const nlohmann::json none;
    if (!object.is_object()) return none;
    const auto at = object.find(key);
    return at == object.end() ? none : *at;
}

inline std::string text_of(const nlohmann::json& value)
{
    return value.is_string() ? value.get_ref<const std::string&>() : std::string{};
}
inline std::string text_at(const nlohmann::json& object, const char* key)
{
    return text_of(member(object, key));
}

inline bool flag_at(const nlohmann::json& object, const char* key, bool otherwise = false)
{
    const auto& value = member(object, key);
    return value.is_boolean() ? value.get<bool>() : otherwise;
}

inline std::int64_t integer_of(const nlohmann::json& value, std::int64_t otherwise = 0)
{
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        return number > static_cast<std::uint64_t>(most) ? most : static_cast<std::int64_t>(number);
    }
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (!value.is_number_float()) return otherwise;
    const double number = value.get<double>();
    if (std::isnan(number)) return otherwise;
    if (number >= 9.2e18) return most;
    if (number <= -9.2e18) return least;
    return static_cast<std::int64_t>(number);
}
inline std::int64_t integer_at(const nlohmann::json& object, const char* key, std::int64_t otherwise = 0)
{
    return integer_of(member(object, key), otherwise);
}

// Counters: negative numbers are 0.
inline std::uint64_t count_of(const nlohmann::json& value)
{
    if (value.is_number_unsigned()) return value.get<std::uint64_t>();
    const std::int64_t number = integer_of(value);
    return number < 0 ? 0 : static_cast<std::uint64_t>(number);
}
inline std::uint64_t count_at(const nlohmann::json& object, const char* key)
{
    return count_of(member(object, key));
}

} // namespace agenthost::docker::engine

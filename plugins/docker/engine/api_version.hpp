// Chooses the version of the engine's API: the highest that both sides know. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

struct ApiVersion {
    int major = 0, minor = 0;
    auto operator<=>(const ApiVersion&) const = default;
    [[nodiscard]] std::string text() const { return std::to_string(major) + '.' + std::to_string(minor); }
};

// "1.41". nullopt: not a version.
std::optional<ApiVersion> read_api_version(std::string_view);

// The oldest version that has everything we use, and the newest whose changes we have reviewed.
constexpr ApiVersion oldest_api{1, 40};
constexpr ApiVersion newest_api{1, 47};

// `offered` and `oldest` as the engine reports them; `oldest` may be empty. nullopt and `why`: a clause with
// both numbers.
std::optional<ApiVersion> choose_api(std::string_view offered, std::string_view oldest, std::string& why);

} // namespace agenthost::docker::engine

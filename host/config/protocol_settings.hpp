// Access to the section of a server that is named after its protocol. Missing keys have the defaults of
// wire::ProtocolTraits.
#pragma once

#include "config.hpp"

#include <wire/protocol_traits.hpp>

#include <nlohmann/json.hpp>

namespace agenthost::host {

// The row of a server's protocol and dialect; nullptr: unknown to this build.
const wire::ProtocolTraits* traits_of(const ServerConfig&);

// The key of a setting in ServerConfig::protocol_json; durations are stored in ms ("refresh_ms").
std::string kept_name(const wire::ProtocolSetting&);

class ProtocolSettings {
public:
    explicit ProtocolSettings(const ServerConfig&);

    [[nodiscard]] bool has(std::string_view key) const;         // true if the file sets it
    [[nodiscard]] std::string text(std::string_view key) const; // empty: not set
    [[nodiscard]] SecretSource secret(std::string_view key) const;
    // 0: the protocol has no such setting.
    [[nodiscard]] std::int64_t whole(std::string_view key) const;
    [[nodiscard]] milliseconds duration(std::string_view key) const { return milliseconds{whole(key)}; }

private:
    [[nodiscard]] const nlohmann::json* find(std::string_view key) const;

    const wire::ProtocolTraits* traits_;
    nlohmann::json section_;
};

} // namespace agenthost::host

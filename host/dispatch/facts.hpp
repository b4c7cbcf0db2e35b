// Holds the values that plugins publish (ext/facts.h), for heartbeats, `status` and codecs.
//
// Any thread. Owned by host/app.
#pragma once

#include <agenthost/abi.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace agenthost::host {

class Facts {
public:
    static constexpr std::size_t max_keys_per_plugin = 64;
    static constexpr std::size_t max_value_bytes = 64 << 10;
    static constexpr std::size_t max_key_bytes = 128;

    agh_status publish(std::string_view plugin, std::string_view key, std::string_view json);
    void forget(std::string_view plugin);
    // Plugin -> key -> value, as {"storage":{"files":..}}.
    [[nodiscard]] std::string json() const;
    // One flat object of all plugins, key -> value; ext/facts.h has the rule for a key of several plugins.
    // `own`: the host's facts, key and JSON, which no plugin can replace.
    using Own = std::pair<std::string_view, std::string>;
    [[nodiscard]] std::string flat(std::initializer_list<Own> own = {}) const;
    [[nodiscard]] std::string get(std::string_view plugin, std::string_view key) const;
    // Grows with every change.
    [[nodiscard]] std::uint64_t version() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> values_;
    std::uint64_t version_ = 0;
};

} // namespace agenthost::host

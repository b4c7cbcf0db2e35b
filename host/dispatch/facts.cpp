#include "facts.hpp"

#include "json.hpp"

namespace agenthost::host {

agh_status Facts::publish(std::string_view plugin, std::string_view key, std::string_view value)
{
    if (key.empty() || key.size() > key_bytes || key.find('\0') != key.npos) return AGH_E_INVALID;
    if (value.size() > value_bytes) return AGH_E_BUSY;
    if (!value.empty() && !json::valid(value)) return AGH_E_INVALID;

    const std::lock_guard lock{mutex_};
    auto of_plugin = values_.find(plugin);
    if (value.empty()) {
        if (of_plugin == values_.end()) return AGH_OK;
        const auto at = of_plugin->second.find(key);
        if (at == of_plugin->second.end()) return AGH_OK;
        of_plugin->second.erase(at);
        if (of_plugin->second.empty()) values_.erase(of_plugin);
        ++version_;
        return AGH_OK;
    }
    if (of_plugin == values_.end()) of_plugin = values_.emplace(plugin, decltype(of_plugin->second){}).first;
    auto& facts = of_plugin->second;
    if (const auto at = facts.find(key); at != facts.end()) {
        if (at->second == value) return AGH_OK;
        at->second = value;
    } else {
        if (facts.size() >= keys_per_plugin) return AGH_E_BUSY;
        facts.emplace(key, value);
    }
    ++version_;
    return AGH_OK;
}

void Facts::forget(std::string_view plugin)
{
    const std::lock_guard lock{mutex_};
    const auto at = values_.find(plugin);
    if (at == values_.end()) return;
    values_.erase(at);
    ++version_;
}

std::string Facts::json() const
{
    const std::lock_guard lock{mutex_};
    std::string out = "{";
    for (const auto& [plugin, facts] : values_) {
        if (out.size() > 1) out += ',';
        out += json::quoted(plugin) + ":{";
        bool first = true;
        for (const auto& [key, value] : facts) {
            if (!std::exchange(first, false)) out += ',';
            out += json::quoted(key) + ":" + value;
        }
        out += '}';
    }
    return out += '}';
}

std::string Facts::get(std::string_view plugin, std::string_view key) const
{
    const std::lock_guard lock{mutex_};
    const auto of_plugin = values_.find(plugin);
    if (of_plugin == values_.end()) return {};
    const auto at = of_plugin->second.find(key);
    return at == of_plugin->second.end() ? std::string{} : at->second;
}

std::uint64_t Facts::version() const
{
    const std::lock_guard lock{mutex_};
    return version_;
}

} // namespace agenthost::host

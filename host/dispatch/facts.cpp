#include "facts.hpp"

#include "json.hpp"

#include "base/json_writer.hpp"
#include "base/trim.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace agenthost::host {

namespace {

// The text between the brackets of an array, trimmed; nullopt: not an array.
std::optional<std::string_view> elements(std::string_view value)
{
    value = base::trim(value, base::json_space);
    if (!value.starts_with('[')) return std::nullopt;
    return base::trim(value.substr(1, value.size() - 2), base::json_space);
}

// One value for a key that several plugins publish: arrays are joined; of anything else the first is taken.
std::string joined(const std::vector<std::string_view>& values)
{
    if (values.size() == 1 || !elements(values[0])) return std::string{values[0]};
    std::string out;
    base::JsonWriter json{out};
    json.array();
    for (const std::string_view value : values) json.raw_elements(elements(value).value_or(""));
    json.end();
    return out;
}

} // namespace

agh_status Facts::publish(std::string_view plugin, std::string_view key, std::string_view value)
{
    if (key.empty() || key.size() > max_key_bytes || key.find('\0') != key.npos) return AGH_E_INVALID;
    if (value.size() > max_value_bytes) return AGH_E_BUSY;
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
        if (facts.size() >= max_keys_per_plugin) return AGH_E_BUSY;
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
    std::string out;
    base::JsonWriter writer{out};
    writer.object();
    for (const auto& [plugin, facts] : values_) {
        writer.object(plugin);
        for (const auto& [key, value] : facts) writer.member(key, base::RawJson{value});
        writer.end();
    }
    writer.end();
    return out;
}

std::string Facts::flat(std::initializer_list<Own> own) const
{
    std::string out;
    base::JsonWriter writer{out};
    writer.object();
    for (const auto& [key, value] : own) writer.member(key, base::RawJson{value});

    const std::lock_guard lock{mutex_};
    // In the order of the plugins' ids.
    std::map<std::string_view, std::vector<std::string_view>> by_key;
    for (const auto& [plugin, facts] : values_)
        for (const auto& [key, value] : facts) by_key[key].push_back(value);
    for (const auto& [key, values] : by_key) {
        const auto same = [key = key](const Own& mine) { return mine.first == key; };
        if (std::none_of(own.begin(), own.end(), same)) writer.member(key, base::RawJson{joined(values)});
    }
    writer.end();
    return out;
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

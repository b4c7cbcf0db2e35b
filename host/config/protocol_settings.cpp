#include "protocol_settings.hpp"

#include "base/json_units.hpp"

namespace agenthost::host {

const wire::ProtocolTraits* traits_of(const ServerConfig& config)
{
    return wire::find_traits(config.protocol, config.dialect == "document" ? "" : config.dialect);
}

std::string kept_name(const wire::ProtocolSetting& setting)
{
    const bool duration = setting.kind == wire::ProtocolSetting::Kind::duration;
    return std::string{setting.key} + (duration ? "_ms" : "");
}

ProtocolSettings::ProtocolSettings(const ServerConfig& config)
    : traits_{traits_of(config)}, section_(nlohmann::json::parse(config.protocol_json, nullptr, false))
{}

const nlohmann::json* ProtocolSettings::find(std::string_view key) const
{
    const wire::ProtocolSetting* setting = traits_ == nullptr ? nullptr : traits_->setting(key);
    if (setting == nullptr || !section_.is_object()) return nullptr;
    const auto found = section_.find(kept_name(*setting));
    return found == section_.end() ? nullptr : &*found;
}

bool ProtocolSettings::has(std::string_view key) const { return find(key) != nullptr; }

std::string ProtocolSettings::text(std::string_view key) const
{
    const nlohmann::json* found = find(key);
    return found != nullptr && found->is_string() ? found->get<std::string>() : std::string{};
}

SecretSource ProtocolSettings::secret(std::string_view key) const
{
    std::string why;
    const nlohmann::json* found = find(key);
    return found == nullptr ? SecretSource{} : base::secret_in(*found, why).value_or(SecretSource{});
}

std::int64_t ProtocolSettings::whole(std::string_view key) const
{
    if (const nlohmann::json* found = find(key); found != nullptr && found->is_number_integer())
        return found->get<std::int64_t>();
    const wire::ProtocolSetting* setting = traits_ == nullptr ? nullptr : traits_->setting(key);
    return setting == nullptr ? 0 : setting->fallback;
}

} // namespace agenthost::host

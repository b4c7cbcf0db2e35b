#include "loaded_plugin.hpp"

#include <agenthost/error.hpp>

#include <dlfcn.h>

namespace agenthost::host::runner {

agh_status LoadedPlugin::create(const Create& create, const agh_host_api* host_api, agh_host* host,
                                agh_error& error)
{
    const std::string library{create.library};
    void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return detail::fill(&error, AGH_E_INTERNAL, "INTERNAL", ::dlerror());
    const auto* entry = static_cast<const agh_entry_v1*>(::dlsym(handle, AGH_ENTRY_SYMBOL));
    if (entry == nullptr) {
        return detail::fill(&error, AGH_E_INVALID, "INTERNAL",
                            library + " has no symbol " AGH_ENTRY_SYMBOL
                                      ". It is not a plugin for agenthost.");
    }
    if (entry->abi_major != AGH_ABI_MAJOR || entry->abi_minor_needed > AGH_ABI_MINOR ||
        !AGH_HAS(entry, create)) {
        return detail::fill(&error, AGH_E_UNSUPPORTED, "INTERNAL",
                            library + " needs ABI " + std::to_string(entry->abi_major) + "." +
                                std::to_string(entry->abi_minor_needed) + ", this host offers " +
                                std::to_string(AGH_ABI_MAJOR) + "." + std::to_string(AGH_ABI_MINOR) + ".");
    }
    const agh_status status = entry->create(host_api, host, to_bytes(create.config), &api_, &plugin_, &error);
    if (status != AGH_OK) return status;
    if (api_ == nullptr || !AGH_HAS(api_, invoke))
        return detail::fill(&error, AGH_E_INVALID, "INTERNAL", library + " offers no invoke()");
    created_ = true;
    return AGH_OK;
}

agh_status LoadedPlugin::operate(Type type, std::string_view body, agh_error& error)
{
    switch (type) {
    case Type::start: return api_->start == nullptr ? AGH_OK : api_->start(plugin_, &error);
    case Type::configure: return api_->configure(plugin_, to_bytes(body), &error);
    case Type::health: {
        const agh_ext_health* found = health();
        return found == nullptr ? AGH_E_UNSUPPORTED : found->check(plugin_, &error);
    }
    case Type::drain: api_->drain(plugin_); return AGH_OK;
    default: // destroy
        if (created_ && AGH_HAS(api_, destroy)) api_->destroy(plugin_);
        created_ = false;
        return AGH_OK;
    }
}

std::uint32_t LoadedPlugin::offers() const
{
    if (!created_) return 0;
    std::uint32_t out = 0;
    if (AGH_HAS(api_, configure)) out |= has_configure;
    if (AGH_HAS(api_, cancel)) out |= has_cancel;
    if (AGH_HAS(api_, writable)) out |= has_writable;
    if (AGH_HAS(api_, drain)) out |= has_drain;
    if (health() != nullptr) out |= has_health;
    return out;
}

const agh_ext_health* LoadedPlugin::health() const
{
    if (!AGH_HAS(api_, extension)) return nullptr;
    const auto* health = static_cast<const agh_ext_health*>(api_->extension(plugin_, AGH_EXT_HEALTH));
    return health != nullptr && AGH_HAS(health, check) ? health : nullptr;
}

agh_status LoadedPlugin::invoke(const agh_request& request, agh_error& error)
{
    return api_->invoke(plugin_, &request, &error);
}

void LoadedPlugin::cancel(agh_req id)
{
    if (created_ && AGH_HAS(api_, cancel)) api_->cancel(plugin_, id);
}

void LoadedPlugin::writable(agh_req id)
{
    if (created_ && AGH_HAS(api_, writable)) api_->writable(plugin_, id);
}

} // namespace agenthost::host::runner

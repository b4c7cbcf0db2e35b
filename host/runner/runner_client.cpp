#include "runner_client.hpp"

#include "proxy.hpp"

#include <agenthost/ext/health.h>

namespace agenthost::host {

namespace {

using runner::Proxy;
using runner::Type;

// The target of an agh_plugin*. The extension's table needs nothing else.
struct Handle {
    std::unique_ptr<Proxy> proxy;
};
Proxy& proxy_of(agh_plugin* plugin) { return *reinterpret_cast<Handle*>(plugin)->proxy; }

// Allocation may fail anywhere; no exception leaves this file.
template <class Do> agh_status guarded(agh_error* error, Do what) noexcept
{
    try {
        return what();
    } catch (...) {
        return detail::fill_from_exception(error);
    }
}

agh_status start(agh_plugin* self, agh_error* error)
{
    return guarded(error, [&] { return proxy_of(self).operate(Type::start, {}, error); });
}
agh_status configure(agh_plugin* self, agh_bytes config, agh_error* error)
{
    return guarded(error, [&] { return proxy_of(self).operate(Type::configure, to_view(config), error); });
}
agh_status invoke(agh_plugin* self, const agh_request* request, agh_error* error)
{
    return guarded(error, [&] { return proxy_of(self).requests().invoke(*request, error); });
}
void cancel(agh_plugin* self, agh_req id)
{
    guarded(nullptr, [&] { return proxy_of(self).requests().cancel(id), AGH_OK; });
}
void writable(agh_plugin* self, agh_req id)
{
    guarded(nullptr, [&] { return proxy_of(self).requests().writable(id), AGH_OK; });
}
agh_status check(agh_plugin* self, agh_error* error)
{
    return guarded(error, [&] { return proxy_of(self).operate(Type::health, {}, error); });
}
const void* extension(agh_plugin* self, const char* id)
{
    static constexpr agh_ext_health health{.size = sizeof(agh_ext_health), .reserved = 0, .check = check};
    const bool offered = (proxy_of(self).offers() & runner::has_health) != 0;
    return offered && std::string_view{id} == AGH_EXT_HEALTH ? &health : nullptr;
}
void drain(agh_plugin* self)
{
    guarded(nullptr, [&] { return proxy_of(self).operate(Type::drain, {}, nullptr); });
}
void destroy(agh_plugin* self)
{
    const std::unique_ptr<Handle> handle{reinterpret_cast<Handle*>(self)};
    guarded(nullptr, [&] { return handle->proxy->destroy(), AGH_OK; });
}

} // namespace

agh_status runner_create(const RunnerSpec& spec, const agh_host_api* host_api, agh_host* host,
                         agh_bytes config, const agh_plugin_api** api, agh_plugin** plugin, agh_error* error)
{
    return guarded(error, [&] {
        auto handle = std::make_unique<Handle>(Handle{std::make_unique<Proxy>(spec, host_api, host)});
        Proxy& proxy = *handle->proxy;
        if (const agh_status said = proxy.create(config, error); said != AGH_OK) {
            proxy.destroy(said != AGH_E_DEADLINE); // do not ask a hanging one again
            return said;
        }
        const std::uint32_t offers = proxy.offers();
        proxy.api = {.size = sizeof(agh_plugin_api),
                     .reserved = 0,
                     .start = start,
                     .configure = (offers & runner::has_configure) != 0 ? configure : nullptr,
                     .invoke = invoke,
                     .cancel = cancel,     // even if the plugin has none, for cancelled() in the runner
                     .writable = writable, // the same
                     .on_task = nullptr,   // loop/1 lives in the runner
                     .extension = extension,
                     .drain = (offers & runner::has_drain) != 0 ? drain : nullptr,
                     .destroy = destroy};
        *api = &proxy.api;
        *plugin = reinterpret_cast<agh_plugin*>(handle.release());
        return agh_status{AGH_OK};
    });
}

int runner_pid(agh_plugin* plugin) { return proxy_of(plugin).pid(); }

void runner_kill(agh_plugin* plugin) { proxy_of(plugin).kill(); }

} // namespace agenthost::host

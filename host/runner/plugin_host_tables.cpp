// The functions of agh_host_api and of the services as C functions: they check pointers and catch exceptions.
#include "plugin_host.hpp"

#include <agenthost/ext/call.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/log_tap.h>
#include <agenthost/ext/loop.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/network.h>
#include <agenthost/ext/state.h>

#include <cstddef>

namespace agenthost::host::runner {

struct PluginHost::Tables {
    // Only allocation can fail here; the plugin gets an error, not an exception.
    template <class Do> static agh_status guarded(Do what) noexcept
    {
        try {
            return what();
        } catch (...) {
            return AGH_E_NOMEM;
        }
    }
    static PluginHost& of(agh_host* host) { return *reinterpret_cast<PluginHost*>(host); }

    // Rejects a null pointer with a size, instead of following it.
    template <class... Texts> static bool sound(Texts... texts)
    {
        return ((texts.data != nullptr || texts.size == 0) && ...);
    }
    static bool sound(const agh_reply* r)
    {
        constexpr std::size_t min_reply = offsetof(agh_reply, blob_stride) + sizeof(agh_reply::blob_stride);
        constexpr std::size_t min_blob = offsetof(agh_blob, media_type) + sizeof(agh_blob::media_type);
        if (r == nullptr || r->size < min_reply || r->status > 0 || !sound(r->json)) return false;
        return r->blob_count == 0 ||
               (r->blobs != nullptr && r->blob_count <= max_blobs && r->blob_stride >= min_blob);
    }

    static const void* service(agh_host* h, const char* id)
    {
        return id == nullptr ? nullptr : of(h).service(id);
    }
    static agh_status complete(agh_host* h, agh_req id, const agh_reply* r)
    {
        if (!sound(r)) return AGH_E_INVALID;
        return guarded([&] { return of(h).complete(id, *r); });
    }
    static agh_status progress(agh_host* h, agh_req id, agh_bytes j)
    {
        if (!sound(j)) return AGH_E_INVALID;
        return guarded([&] { return of(h).progress(id, to_view(j)); });
    }
    static agh_status stream(agh_host* h, agh_req id, std::uint32_t channel, std::uint64_t offset,
                             agh_bytes b)
    {
        if (!sound(b)) return AGH_E_INVALID;
        return guarded([&] { return of(h).stream(id, channel, offset, to_view(b)); });
    }
    static std::int32_t cancelled(agh_host* h, agh_req id) { return of(h).requests_.cancelled(id) ? 1 : 0; }
    static void drained(agh_host* h) { of(h).drained(); }

    static std::int32_t enabled(agh_host* h, std::int32_t level) { return level >= of(h).log_level_ ? 1 : 0; }
    static void write(agh_host* h, std::int32_t level, agh_bytes m, agh_bytes f)
    {
        if (!sound(m, f)) return;
        guarded([&] { return of(h).log(level, to_view(m), to_view(f)), agh_status{AGH_OK}; });
    }
    static agh_status emit(agh_host* h, agh_bytes topic, agh_bytes audience, agh_req origin,
                           const agh_reply* r)
    {
        if (!sound(r) || !sound(topic, audience)) return AGH_E_INVALID;
        return guarded([&] { return of(h).emit(to_view(topic), to_view(audience), origin, *r); });
    }
    static agh_status publish(agh_host* h, agh_bytes key, agh_bytes json)
    {
        if (!sound(key, json) || key.size == 0) return AGH_E_INVALID;
        return guarded([&] { return of(h).publish(to_view(key), to_view(json)); });
    }
    static agh_bytes directory(agh_host* h) { return to_bytes(of(h).state_directory_); }
    static agh_status define(agh_host* h, agh_bytes json, std::uint32_t* id)
    {
        if (!sound(json) || id == nullptr) return AGH_E_INVALID;
        return guarded([&] { return of(h).define(to_view(json), id); });
    }
    static agh_status read_log(agh_host* h, std::int32_t level, std::uint64_t* position, char* buffer,
                               std::size_t* size, std::uint64_t* lost)
    {
        if (position == nullptr || buffer == nullptr || size == nullptr || lost == nullptr ||
            *size < AGH_LOG_TAP_BYTES || level < AGH_LOG_TRACE || level > AGH_LOG_ERROR)
            return AGH_E_INVALID;
        return guarded([&] { return of(h).read_log(level, position, buffer, size, lost); });
    }
    static agh_status network(agh_host* h, agh_req origin, char* buffer, std::size_t* size)
    {
        if (buffer == nullptr || size == nullptr || *size < AGH_NETWORK_BYTES) return AGH_E_INVALID;
        return guarded([&] { return of(h).network(origin, buffer, size); });
    }
    static void record(agh_host* h, std::uint32_t id, double value)
    {
        guarded([&] {
            Writer out;
            of(h).channel_.send(Channel::Kind::bounded, Type::record, id, out.f64(value).str());
            return agh_status{AGH_OK};
        });
    }
    static agh_status call(agh_host* h, agh_req parent, agh_bytes action, agh_bytes params,
                           std::uint64_t timeout, void (*on_result)(void*, const agh_reply*), void* ctx)
    {
        if (!sound(action, params) || on_result == nullptr) return AGH_E_INVALID;
        return guarded(
            [&] { return of(h).call(parent, to_view(action), to_view(params), timeout, on_result, ctx); });
    }
    static agh_status timer(agh_host* h, std::uint64_t delay, std::uint64_t period, std::uint64_t cookie,
                            agh_task* t)
    {
        if (t == nullptr) return AGH_E_INVALID;
        return guarded([&] { return of(h).loop_.timer(delay, period, cookie, t); });
    }
    static agh_status watch(agh_host* h, std::int32_t fd, std::uint32_t events, std::uint64_t cookie,
                            agh_task* t)
    {
        if (t == nullptr) return AGH_E_INVALID;
        return guarded([&] { return of(h).loop_.watch(fd, events, cookie, t); });
    }
    static agh_status post(agh_host* h, std::uint64_t cookie)
    {
        return guarded([&] { return of(h).loop_.post(cookie); });
    }
    static agh_status cancel(agh_host* h, agh_task task)
    {
        return guarded([&] { return of(h).loop_.cancel(task); });
    }

    static constexpr agh_host_api api{sizeof(agh_host_api),
                                      AGH_ABI_MAJOR,
                                      AGH_ABI_MINOR,
                                      0,
                                      service,
                                      complete,
                                      progress,
                                      stream,
                                      cancelled,
                                      drained};
    static constexpr agh_svc_log log{sizeof(agh_svc_log), 0, enabled, write};
    static constexpr agh_svc_log_tap log_tap{sizeof(agh_svc_log_tap), 0, read_log};
    static constexpr agh_svc_network networks{sizeof(agh_svc_network), 0, network};
    static constexpr agh_svc_events events{sizeof(agh_svc_events), 0, emit};
    static constexpr agh_svc_facts facts{sizeof(agh_svc_facts), 0, publish};
    static constexpr agh_svc_state state{sizeof(agh_svc_state), 0, directory};
    static constexpr agh_svc_metrics metrics{sizeof(agh_svc_metrics), 0, define, record};
    static constexpr agh_svc_call calls{sizeof(agh_svc_call), 0, call};
    static constexpr agh_svc_loop loop{sizeof(agh_svc_loop), 0, timer, watch, post, cancel};
};

const agh_host_api* PluginHost::api() { return &Tables::api; }

const void* PluginHost::service(std::string_view id) const
{
    const auto offered = [&](Service which, const void* table) {
        return (services_ & which) != 0 ? table : nullptr;
    };
    if (id == AGH_SVC_LOOP) return &Tables::loop;
    if (id == AGH_SVC_LOG) return offered(svc_log, &Tables::log);
    if (id == AGH_SVC_EVENTS) return offered(svc_events, &Tables::events);
    if (id == AGH_SVC_FACTS) return offered(svc_facts, &Tables::facts);
    if (id == AGH_SVC_STATE) return offered(svc_state, &Tables::state);
    if (id == AGH_SVC_METRICS) return offered(svc_metrics, &Tables::metrics);
    if (id == AGH_SVC_LOG_TAP) return offered(svc_log_tap, &Tables::log_tap);
    if (id == AGH_SVC_NETWORK) return offered(svc_network, &Tables::networks);
    if (id == AGH_SVC_CALL) return offered(svc_call, &Tables::calls);
    return nullptr; // listener/1 needs the host's process
}

} // namespace agenthost::host::runner

#include "host_object.hpp"

#include "life.hpp"
#include "owned.hpp"

#include <agenthost/ext/call.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/listener.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/log_tap.h>
#include <agenthost/ext/loop.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/network.h>
#include <agenthost/ext/state.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <new>
#include <thread>

using agenthost::host::HostCall;

void agh_host::close()
{
    gate.fetch_or(closed_bit);
    while ((gate.load() & ~closed_bit) != 0) std::this_thread::sleep_for(std::chrono::microseconds{50});
}

namespace agenthost::host {

HostCall::HostCall(agh_host* host) : host_{host}, open_{false}
{
    if (!host_) return;
    open_ = (host_->gate.fetch_add(1) & agh_host::closed_bit) == 0;
    if (!open_) host_->gate.fetch_sub(1);
}

HostCall::~HostCall()
{
    if (open_) host_->gate.fetch_sub(1);
}

std::string_view plugin_of(const agh_host* host) { return host->id; }
HostServices& services_of(agh_host* host) { return *host->services; }
bool alive(const agh_host* host) { return host && (host->gate.load() & agh_host::closed_bit) == 0; }

namespace {

// Maximum size of a log message, and of its fields.
constexpr std::size_t max_log_bytes = 8192;

bool sound(agh_bytes text) { return text.data || text.size == 0; }

// Runs `f` unless the instance has been destroyed. No exception leaves it.
template <class F> agh_status with(agh_host* host, F f) noexcept
{
    const HostCall call{host};
    if (!call) return AGH_E_STALE;
    try {
        return f();
    } catch (const std::bad_alloc&) {
        return AGH_E_NOMEM;
    } catch (...) {
        return AGH_E_INTERNAL;
    }
}

// The same for functions with a reply, whose descriptors the host owns whatever happens.
template <class F> agh_status with_reply(agh_host* host, const agh_reply* reply, F f) noexcept
{
    bool taken = false;
    const agh_status status = with(host, [&]() -> agh_status {
        if (!readable(reply)) return AGH_E_INVALID;
        taken = true;
        return f();
    });
    if (!taken) close_fds(reply);
    return status;
}

agh_status complete(agh_host* host, agh_req id, const agh_reply* reply) noexcept
{
    return with_reply(host, reply, [&]() -> agh_status {
        const agh_status status = host->services->complete(host->id, id, reply);
        if (status == AGH_OK || status == AGH_E_DEADLINE) host->life->in_flight().remove();
        if (status == AGH_E_STALE) host->life->completed_late(id);
        return status;
    });
}

agh_status progress(agh_host* host, agh_req id, agh_bytes json) noexcept
{
    return with(host, [&]() -> agh_status {
        return sound(json) ? host->services->progress(host->id, id, view(json)) : AGH_E_INVALID;
    });
}

agh_status stream(agh_host* host, agh_req id, std::uint32_t channel, std::uint64_t offset,
                  agh_bytes data) noexcept
{
    return with(host, [&]() -> agh_status {
        return sound(data) ? host->services->stream(host->id, id, channel, offset, view(data))
                           : AGH_E_INVALID;
    });
}

std::int32_t cancelled(agh_host* host, agh_req id) noexcept
{
    return with(host, [&]() -> agh_status { return host->services->cancelled(id) ? 1 : 0; }) != 0 ? 1 : 0;
}

void drained(agh_host* host) noexcept
{
    with(host, [&]() -> agh_status {
        host->life->in_flight().drained();
        return AGH_OK;
    });
}

// --- log

std::int32_t log_enabled(agh_host* host, std::int32_t level) noexcept
{
    return with(host, [&]() -> agh_status { return host->services->log_enabled(host->id, level) ? 1 : 0; }) ==
                   1
               ? 1
               : 0;
}

void log_write(agh_host* host, std::int32_t level, agh_bytes message, agh_bytes fields) noexcept
{
    with(host, [&]() -> agh_status {
        if (!sound(message) || !sound(fields) || level < AGH_LOG_TRACE || level > AGH_LOG_ERROR)
            return AGH_E_INVALID;
        if (!host->services->log_enabled(host->id, level)) return AGH_OK;
        const std::string_view all = view(fields);
        host->services->log(host->id, level, view(message).substr(0, max_log_bytes),
                            all.size() > max_log_bytes ? std::string_view{} : all);
        return AGH_OK;
    });
}

agh_status read_log(agh_host* host, std::int32_t level, std::uint64_t* position, char* buffer,
                    std::size_t* size, std::uint64_t* lost) noexcept
{
    return with(host, [&]() -> agh_status {
        if (!position || !buffer || !size || !lost || *size < AGH_LOG_TAP_BYTES || level < AGH_LOG_TRACE ||
            level > AGH_LOG_ERROR)
            return AGH_E_INVALID;
        const std::string text = host->services->read_log(host->id, level, *position, *size, *lost);
        std::memcpy(buffer, text.data(), text.size());
        *size = text.size();
        return AGH_OK;
    });
}

// --- events, facts, state, metrics

agh_status emit(agh_host* host, agh_bytes topic, agh_bytes audience, agh_req origin,
                const agh_reply* body) noexcept
{
    return with_reply(host, body, [&]() -> agh_status {
        if (!sound(topic) || !sound(audience) || topic.size == 0) {
            close_fds(body);
            return AGH_E_INVALID;
        }
        return host->services->emit(host->id, view(topic), view(audience), origin, body);
    });
}

agh_status publish(agh_host* host, agh_bytes key, agh_bytes json) noexcept
{
    return with(host, [&]() -> agh_status {
        return sound(key) && sound(json) && key.size > 0
                   ? host->services->publish(host->id, view(key), view(json))
                   : AGH_E_INVALID;
    });
}

agh_bytes state_directory(agh_host* host) noexcept
{
    agh_bytes out{};
    with(host, [&]() -> agh_status {
        out = bytes(host->state_directory);
        return AGH_OK;
    });
    return out;
}

agh_status define_metric(agh_host* host, agh_bytes json, std::uint32_t* id) noexcept
{
    return with(host, [&]() -> agh_status {
        return sound(json) && id ? host->services->define_metric(host->id, view(json), id) : AGH_E_INVALID;
    });
}

void record_metric(agh_host* host, std::uint32_t id, double value) noexcept
{
    with(host, [&]() -> agh_status {
        if (std::isfinite(value)) host->services->record_metric(host->id, id, value);
        return AGH_OK;
    });
}

agh_status network_settings(agh_host* host, agh_req origin, char* buffer, std::size_t* size) noexcept
{
    return with(host, [&]() -> agh_status {
        if (!buffer || !size || *size < AGH_NETWORK_BYTES) return AGH_E_INVALID;
        std::string json;
        if (const agh_status said = host->services->network_settings(host->id, origin, json); said != AGH_OK)
            return said;
        if (json.size() > AGH_NETWORK_BYTES) return AGH_E_INTERNAL;
        json.copy(buffer, json.size());
        *size = json.size();
        return AGH_OK;
    });
}

// --- loop, call

agh_status loop_timer(agh_host* host, std::uint64_t delay, std::uint64_t period, std::uint64_t cookie,
                      agh_task* task) noexcept
{
    return with(host, [&]() -> agh_status {
        return task ? host->life->loop().timer(delay, period, cookie, *task) : AGH_E_INVALID;
    });
}
agh_status loop_watch(agh_host* host, std::int32_t fd, std::uint32_t events, std::uint64_t cookie,
                      agh_task* task) noexcept
{
    return with(host, [&]() -> agh_status {
        return task ? host->life->loop().watch(fd, events, cookie, *task) : AGH_E_INVALID;
    });
}
agh_status loop_post(agh_host* host, std::uint64_t cookie) noexcept
{
    return with(host, [&]() -> agh_status { return host->life->loop().post(cookie); });
}
agh_status loop_cancel(agh_host* host, agh_task task) noexcept
{
    return with(host, [&]() -> agh_status { return host->life->loop().cancel(task); });
}

agh_status call(agh_host* host, agh_req parent, agh_bytes action, agh_bytes params, std::uint64_t timeout,
                void (*on_result)(void*, const agh_reply*), void* ctx) noexcept
{
    return with(host, [&]() -> agh_status {
        if (!sound(action) || !sound(params) || action.size == 0 || !on_result) return AGH_E_INVALID;
        return host->life->calls().call(parent, view(action), view(params), timeout, on_result, ctx);
    });
}

constexpr agh_svc_log log_table{sizeof(agh_svc_log), 0, log_enabled, log_write};
constexpr agh_svc_log_tap log_tap_table{sizeof(agh_svc_log_tap), 0, read_log};
constexpr agh_svc_network network_table{sizeof(agh_svc_network), 0, network_settings};
constexpr agh_svc_events events_table{sizeof(agh_svc_events), 0, emit};
constexpr agh_svc_facts facts_table{sizeof(agh_svc_facts), 0, publish};
constexpr agh_svc_state state_table{sizeof(agh_svc_state), 0, state_directory};
constexpr agh_svc_metrics metrics_table{sizeof(agh_svc_metrics), 0, define_metric, record_metric};
constexpr agh_svc_loop loop_table{sizeof(agh_svc_loop), 0, loop_timer, loop_watch, loop_post, loop_cancel};
constexpr agh_svc_call call_table{sizeof(agh_svc_call), 0, call};

const void* service(agh_host* host, const char* id) noexcept
{
    const void* out = nullptr;
    with(host, [&]() -> agh_status {
        const std::string_view name = id ? id : "";
        if (name == AGH_SVC_LOG)
            out = &log_table;
        else if (name == AGH_SVC_EVENTS)
            out = &events_table;
        else if (name == AGH_SVC_FACTS)
            out = &facts_table;
        else if (name == AGH_SVC_STATE)
            out = &state_table;
        else if (name == AGH_SVC_METRICS)
            out = &metrics_table;
        else if (name == AGH_SVC_LOOP)
            out = &loop_table;
        else if (name == AGH_SVC_CALL)
            out = host->may_call ? &call_table : nullptr;
        else if (name == AGH_SVC_LOG_TAP)
            out = host->services->may_read_log(host->id) ? &log_tap_table : nullptr;
        else if (name == AGH_SVC_NETWORK)
            out = host->services->may_use_network(host->id) ? &network_table : nullptr;
        else if (name == AGH_SVC_LISTENER)
            out = host->may_listen ? host->services->listener_service(host->id) : nullptr;
        return AGH_OK;
    });
    return out;
}

} // namespace

const agh_host_api host_api{sizeof(agh_host_api),
                            AGH_ABI_MAJOR,
                            AGH_ABI_MINOR,
                            0,
                            service,
                            complete,
                            progress,
                            stream,
                            cancelled,
                            drained};

} // namespace agenthost::host

// Implements agenthost.listener/1 as plain C functions over Listeners. The handle identifies the plugin that
// owns the routes.
#include "services.hpp"

#include "host/listener/listener.hpp"

#include <agenthost/ext/listener.h>

#include <cstring>

namespace agenthost::host {

namespace {

std::string_view view(agh_bytes b) { return {static_cast<const char*>(b.data), b.size}; }

Listeners& listeners(agh_host* host) { return static_cast<Services&>(services_of(host)).listeners(); }

// No exception may reach the plugin. Only std::bad_alloc can be thrown here.
template <typename F> agh_status guarded(agh_host* host, F work) noexcept
try {
    if (!alive(host)) return AGH_E_STALE;
    return work(listeners(host));
} catch (const std::bad_alloc&) {
    return AGH_E_NOMEM;
} catch (...) {
    return AGH_E_INTERNAL;
}

agh_status route(agh_host* host, agh_bytes json, const agh_route_api* api, void* ctx)
{
    if (!api) return AGH_E_INVALID;
    return guarded(host, [&](Listeners& l) { return l.route(plugin_of(host), view(json), api, ctx); });
}

agh_status address(agh_host* host, agh_bytes listener, char* buffer, std::size_t* size)
{
    if (!buffer || !size) return AGH_E_INVALID;
    return guarded(host, [&](Listeners& l) -> agh_status {
        const std::string text = l.address(view(listener));
        if (text.empty()) return AGH_E_NOT_FOUND;
        const bool fits = text.size() <= *size;
        if (fits) std::memcpy(buffer, text.data(), text.size());
        *size = text.size();
        return fits ? AGH_OK : AGH_E_INVALID;
    });
}

agh_status answer(agh_host* host, agh_conn conn, std::int32_t status, agh_bytes headers, const agh_blob* blob)
{
    return guarded(host, [&](Listeners& l) { return l.answer(conn, status, view(headers), blob); });
}

agh_status receive(agh_host* host, agh_conn conn, std::int32_t fd, std::uint64_t offset, std::uint64_t max)
{
    return guarded(host, [&](Listeners& l) { return l.receive(conn, fd, offset, max); });
}

agh_status upgrade(agh_host* host, agh_conn conn, agh_bytes headers, agh_bytes limits)
{
    return guarded(host, [&](Listeners& l) { return l.upgrade(conn, view(headers), view(limits)); });
}

agh_status send(agh_host* host, agh_conn conn, std::int32_t opcode, agh_bytes bytes)
{
    return guarded(host, [&](Listeners& l) { return l.send(conn, opcode, view(bytes)); });
}

agh_status limits(agh_host* host, agh_conn conn, agh_bytes json)
{
    return guarded(host, [&](Listeners& l) { return l.limits(conn, view(json)); });
}

agh_status pause(agh_host* host, agh_conn conn, std::int32_t on)
{
    return guarded(host, [&](Listeners& l) { return l.pause(conn, on != 0); });
}

agh_status close(agh_host* host, agh_conn conn, std::int32_t code, agh_bytes reason)
{
    return guarded(host, [&](Listeners& l) { return l.close(conn, code, view(reason)); });
}

agh_status answer_begin(agh_host* host, agh_conn conn, std::int32_t status, agh_bytes headers,
                        std::uint64_t length)
{
    return guarded(host, [&](Listeners& l) { return l.answer_begin(conn, status, view(headers), length); });
}

agh_status answer_chunk(agh_host* host, agh_conn conn, agh_bytes bytes)
{
    return guarded(host, [&](Listeners& l) { return l.answer_chunk(conn, view(bytes)); });
}

agh_status answer_end(agh_host* host, agh_conn conn)
{
    return guarded(host, [&](Listeners& l) { return l.answer_end(conn); });
}

} // namespace

const void* listener_table()
{
    static const agh_svc_listener table{sizeof(agh_svc_listener),
                                        0,
                                        route,
                                        address,
                                        answer,
                                        receive,
                                        upgrade,
                                        send,
                                        limits,
                                        pause,
                                        close,
                                        answer_begin,
                                        answer_chunk,
                                        answer_end};
    return &table;
}

} // namespace agenthost::host

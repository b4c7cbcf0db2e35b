/* The contract's headers compile as strict C11, alone and together, and the layout of 1.0 stays where it is: a new field goes to the end and
 * changes nothing here. LP64, the only model we ship for. */
#include <agenthost/abi.h>
#include <agenthost/ext/call.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/health.h>
#include <agenthost/ext/listener.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/loop.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/state.h>

#define SIZE_AT_LEAST(type, bytes) _Static_assert(sizeof(type) >= (bytes), "1.0 layout of " #type)
#define SIZE_IS(type, bytes) _Static_assert(sizeof(type) == (bytes), "1.0 layout of " #type)
#define AT(type, field, offset)                                                                              \
    _Static_assert(offsetof(type, field) == (offset), "1.0 layout of " #type "." #field)

SIZE_IS(agh_status, 4);
SIZE_IS(agh_bytes, 16); /* passed by value: never grows */
AT(agh_bytes, data, 0);
AT(agh_bytes, size, 8);

SIZE_AT_LEAST(agh_error, 512);
AT(agh_error, size, 0);
AT(agh_error, status, 4);
AT(agh_error, code, 8);
AT(agh_error, text, 56);

SIZE_AT_LEAST(agh_blob, 72);
AT(agh_blob, size, 0);
AT(agh_blob, fd, 4);
AT(agh_blob, offset, 8);
AT(agh_blob, length, 16);
AT(agh_blob, inl, 24);
AT(agh_blob, name, 40);
AT(agh_blob, media_type, 56);

SIZE_AT_LEAST(agh_request, 112);
AT(agh_request, size, 0);
AT(agh_request, flags, 4);
AT(agh_request, id, 8);
AT(agh_request, deadline_ns, 16);
AT(agh_request, action, 24);
AT(agh_request, params, 40);
AT(agh_request, target, 56);
AT(agh_request, caller, 72);
AT(agh_request, blobs, 88);
AT(agh_request, blob_count, 96);
AT(agh_request, blob_stride, 104);

SIZE_AT_LEAST(agh_reply, 56);
AT(agh_reply, size, 0);
AT(agh_reply, status, 4);
AT(agh_reply, flags, 8);
AT(agh_reply, json, 16);
AT(agh_reply, blobs, 32);
AT(agh_reply, blob_count, 40);
AT(agh_reply, blob_stride, 48);

SIZE_AT_LEAST(agh_host_api, 64);
AT(agh_host_api, size, 0);
AT(agh_host_api, abi_major, 4);
AT(agh_host_api, abi_minor, 8);
AT(agh_host_api, service, 16);
AT(agh_host_api, complete, 24);
AT(agh_host_api, progress, 32);
AT(agh_host_api, stream, 40);
AT(agh_host_api, cancelled, 48);
AT(agh_host_api, drained, 56);

SIZE_AT_LEAST(agh_plugin_api, 80);
AT(agh_plugin_api, size, 0);
AT(agh_plugin_api, start, 8);
AT(agh_plugin_api, configure, 16);
AT(agh_plugin_api, invoke, 24);
AT(agh_plugin_api, cancel, 32);
AT(agh_plugin_api, writable, 40);
AT(agh_plugin_api, on_task, 48);
AT(agh_plugin_api, extension, 56);
AT(agh_plugin_api, drain, 64);
AT(agh_plugin_api, destroy, 72);

SIZE_AT_LEAST(agh_entry_v1, 40);
AT(agh_entry_v1, size, 0);
AT(agh_entry_v1, abi_major, 4);
AT(agh_entry_v1, abi_minor, 8);
AT(agh_entry_v1, abi_minor_needed, 12);
AT(agh_entry_v1, manifest, 16);
AT(agh_entry_v1, create, 32);

SIZE_AT_LEAST(agh_svc_call, 16);
SIZE_AT_LEAST(agh_svc_events, 16);
SIZE_AT_LEAST(agh_svc_facts, 16);
SIZE_AT_LEAST(agh_ext_health, 16);
SIZE_AT_LEAST(agh_svc_log, 24);
AT(agh_svc_log, write, 16);
SIZE_AT_LEAST(agh_svc_loop, 40);
AT(agh_svc_loop, timer, 8);
AT(agh_svc_loop, watch, 16);
AT(agh_svc_loop, post, 24);
AT(agh_svc_loop, cancel, 32);
SIZE_AT_LEAST(agh_svc_metrics, 24);
SIZE_AT_LEAST(agh_svc_state, 16);
SIZE_AT_LEAST(agh_route_api, 48);
AT(agh_route_api, on_request, 8);
AT(agh_route_api, on_closed, 40);
SIZE_AT_LEAST(agh_svc_listener, 80);
AT(agh_svc_listener, route, 8);
AT(agh_svc_listener, close, 72);

/* AGH_HAS in C: a writer that knew less is believed to. */
int agh_has_in_c(const agh_plugin_api* api);
int agh_has_in_c(const agh_plugin_api* api) { return AGH_HAS(api, drain) ? 1 : 0; }

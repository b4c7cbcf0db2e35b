/* The binary contract of ABI 1.0 on 64-bit systems: sizes and offsets never change, structs only grow at the end.
 * Compiled as C11, so it also proves that the headers are C. A failed assertion here means a plugin built yesterday
 * breaks today. */
#include <agenthost/abi.h>
#include <agenthost/ext/call.h>
#include <agenthost/ext/check.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/health.h>
#include <agenthost/ext/listener.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/log_tap.h>
#include <agenthost/ext/loop.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/network.h>
#include <agenthost/ext/state.h>

#define AT(type, field, where) _Static_assert(offsetof(type, field) == (where), #type "." #field " moved")
#define LEAST(type, bytes) _Static_assert(sizeof(type) >= (bytes), #type " shrank below its 1.0 layout")

_Static_assert(sizeof(void*) == 8, "the pinned layout is that of 64-bit systems");
_Static_assert(sizeof(agh_status) == 4 && sizeof(agh_req) == 8 && sizeof(agh_task) == 8 &&
                   sizeof(agh_conn) == 8,
               "scalar sizes");
_Static_assert(sizeof(agh_bytes) == 16, "agh_bytes has no size field and never grows");
AT(agh_bytes, data, 0);
AT(agh_bytes, size, 8);

LEAST(agh_error, 512);
AT(agh_error, size, 0);
AT(agh_error, status, 4);
AT(agh_error, code, 8);
AT(agh_error, text, 56);

LEAST(agh_blob, 72);
AT(agh_blob, size, 0);
AT(agh_blob, fd, 4);
AT(agh_blob, offset, 8);
AT(agh_blob, length, 16);
AT(agh_blob, inl, 24);
AT(agh_blob, name, 40);
AT(agh_blob, media_type, 56);

LEAST(agh_request, 112);
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

LEAST(agh_reply, 56);
AT(agh_reply, size, 0);
AT(agh_reply, status, 4);
AT(agh_reply, flags, 8);
AT(agh_reply, json, 16);
AT(agh_reply, blobs, 32);
AT(agh_reply, blob_count, 40);
AT(agh_reply, blob_stride, 48);

LEAST(agh_host_api, 64);
AT(agh_host_api, size, 0);
AT(agh_host_api, abi_major, 4);
AT(agh_host_api, abi_minor, 8);
AT(agh_host_api, service, 16);
AT(agh_host_api, complete, 24);
AT(agh_host_api, progress, 32);
AT(agh_host_api, stream, 40);
AT(agh_host_api, cancelled, 48);
AT(agh_host_api, drained, 56);

LEAST(agh_plugin_api, 80);
AT(agh_plugin_api, start, 8);
AT(agh_plugin_api, configure, 16);
AT(agh_plugin_api, invoke, 24);
AT(agh_plugin_api, cancel, 32);
AT(agh_plugin_api, writable, 40);
AT(agh_plugin_api, on_task, 48);
AT(agh_plugin_api, extension, 56);
AT(agh_plugin_api, drain, 64);
AT(agh_plugin_api, destroy, 72);

LEAST(agh_entry_v1, 40);
AT(agh_entry_v1, size, 0);
AT(agh_entry_v1, abi_major, 4);
AT(agh_entry_v1, abi_minor, 8);
AT(agh_entry_v1, abi_minor_needed, 12);
AT(agh_entry_v1, manifest, 16);
AT(agh_entry_v1, create, 32);

AT(agh_svc_log, enabled, 8);
AT(agh_svc_log, write, 16);
AT(agh_svc_log_tap, read, 8);
AT(agh_svc_events, emit, 8);
AT(agh_svc_facts, publish, 8);
AT(agh_svc_network, settings, 8);
AT(agh_svc_state, directory, 8);
AT(agh_svc_metrics, define, 8);
AT(agh_svc_metrics, record, 16);
AT(agh_svc_call, call, 8);
AT(agh_svc_loop, timer, 8);
AT(agh_svc_loop, watch, 16);
AT(agh_svc_loop, post, 24);
AT(agh_svc_loop, cancel, 32);
AT(agh_check, ctx, 8);
AT(agh_check, report, 16);
AT(agh_check, listeners, 24);
AT(agh_check, listener_count, 32);
AT(agh_ext_check, check, 8);
AT(agh_ext_health, check, 8);
AT(agh_route_api, on_request, 8);
AT(agh_route_api, on_body, 16);
AT(agh_route_api, on_frame, 24);
AT(agh_route_api, on_writable, 32);
AT(agh_route_api, on_closed, 40);
AT(agh_route_api, on_progress, 48);
AT(agh_svc_listener, route, 8);
AT(agh_svc_listener, address, 16);
AT(agh_svc_listener, answer, 24);
AT(agh_svc_listener, receive, 32);
AT(agh_svc_listener, upgrade, 40);
AT(agh_svc_listener, send, 48);
AT(agh_svc_listener, limits, 56);
AT(agh_svc_listener, pause, 64);
AT(agh_svc_listener, close, 72);
AT(agh_svc_listener, answer_begin, 80);
AT(agh_svc_listener, answer_chunk, 88);
AT(agh_svc_listener, answer_end, 96);

LEAST(agh_svc_call, 16);
LEAST(agh_svc_events, 16);
LEAST(agh_svc_facts, 16);
LEAST(agh_check, 40);
LEAST(agh_ext_check, 16);
LEAST(agh_ext_health, 16);
LEAST(agh_svc_log, 24);
LEAST(agh_svc_loop, 40);
LEAST(agh_svc_metrics, 24);
LEAST(agh_svc_log_tap, 16);
LEAST(agh_svc_network, 16);
LEAST(agh_svc_state, 16);
LEAST(agh_route_api, 48);
LEAST(agh_svc_listener, 80);
AT(agh_plugin_api, size, 0);

_Static_assert(AGH_OK == 0 && AGH_PENDING == 1 && AGH_E_INVALID == -1 && AGH_E_UNSUPPORTED == -2 &&
                   AGH_E_STALE == -3 && AGH_E_BUSY == -4 && AGH_E_DENIED == -5 && AGH_E_CANCELLED == -6 &&
                   AGH_E_DEADLINE == -7 && AGH_E_NOMEM == -8 && AGH_E_INTERNAL == -9 &&
                   AGH_E_NOT_FOUND == -10 && AGH_E_CLOSED == -11,
               "status values");
_Static_assert(AGH_REPLY_NOT_STARTED == 1 && AGH_REPLY_UNKNOWN == 2 && AGH_REQUEST_REPEAT == 1, "flags");

int agenthost_abi_layout_is_pinned(
    void); /* referenced by the suite: a file that nobody links proves nothing at run time */
int agenthost_abi_layout_is_pinned(void) { return 1; }

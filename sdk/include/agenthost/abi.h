/* agenthost plugin ABI, major 1: the only binary contract between the host and a plugin.
 *
 * A plugin is a shared library that exports one data symbol, agh_plugin_entry_v1. The host offers itself as an
 * agh_host_api, the plugin answers with an agh_plugin_api; everything else is a service or an extension, found by a
 * versioned string id (ext/NAME.h, one idea a file). C11, no C++ type, exception or allocator crosses it.
 *
 * Threads, stated with every function:
 *   [ctl]  the host's control thread, one call at a time per plugin, under a timeout (manifest "timeouts", default 10 s);
 *   [run]  as the manifest's "run" says: "worker" (default): one of the plugin's N worker threads ("concurrency": N; calls of
 *          different requests then overlap), may block; "inline": the host's I/O thread, pure computation only: the host
 *          measures it and demotes a plugin that blocks to worker. Never while create, start or destroy is running;
 *   [io]   the host's I/O thread of that connection (listener only); must not block;
 *   [any]  any thread, at any time between create() and the return of destroy().
 * Memory: the side that allocates frees. A pointer passed in is valid until the call returns, unless stated otherwise.
 * Text: UTF-8 with an explicit length, not NUL-terminated, unless stated otherwise. JSON: one UTF-8 value.
 * Units: time in ns of CLOCK_MONOTONIC, sizes in bytes.
 * Growth: structs grow only at the end, a reader checks `size` (AGH_HAS) before it touches a later field; the size of
 *   the 1.0 layout is pinned by tests/abi. Reserved fields are 0.
 * Isolation: nothing here needs a shared address space; the same library runs in the host's process or behind a
 *   socketpair in a runner ("isolation: process"). Pointers are never compared or kept across the boundary.
 * Instances: several create() calls in one process must work (a reload without configure() is destroy + create).
 */
#ifndef AGENTHOST_ABI_H
#define AGENTHOST_ABI_H

#include <stddef.h>
#include <stdint.h>

#define AGH_ABI_MAJOR 1u /* also in the symbol's name: a new major is a new symbol */
#define AGH_ABI_MINOR 0u /* additions only; 0 until the first release */

/* Is the field `f` of the struct at `p` present (the writer knew it) and set? */
#define AGH_HAS(p, f) ((p)->size >= offsetof(__typeof__(*(p)), f) + sizeof((p)->f) && (p)->f)

#ifdef __cplusplus
extern "C" {
#endif

typedef struct agh_bytes { /* {NULL, 0} is valid and empty */
    const void *data;
    size_t size;
} agh_bytes;

typedef int32_t agh_status; /* fixed width: an enum's size is the compiler's choice */
enum {
    AGH_OK = 0,
    AGH_PENDING = 1,        /* accepted; the answer comes, or came, by complete() */
    AGH_E_INVALID = -1,     /* the argument or the JSON is wrong */
    AGH_E_UNSUPPORTED = -2, /* not in this version, not in this isolation */
    AGH_E_STALE = -3,       /* the id is finished or never existed */
    AGH_E_BUSY = -4,        /* full; try again later (streams: after writable()) */
    AGH_E_DENIED = -5,
    AGH_E_CANCELLED = -6,
    AGH_E_DEADLINE = -7,
    AGH_E_NOMEM = -8,
    AGH_E_INTERNAL = -9,
    AGH_E_NOT_FOUND = -10,
    AGH_E_CLOSED = -11      /* the other side (peer, runner, host) is gone */
};

/* The caller allocates and sets `size`; the callee fills what fits. `code` is a standard code (FILE_NOT_FOUND), `text` is
 * for people: what, where, how to fix. Both NUL-terminated. */
typedef struct agh_error {
    uint32_t size;
    agh_status status;
    char code[48];
    char text[456];
} agh_error;

typedef uint64_t agh_req;             /* a request: generation-checked id, never a pointer; late use yields AGH_E_STALE; 0 = none */
typedef uint64_t agh_task;            /* a timer or descriptor watch of loop/1 */
typedef uint64_t agh_conn;            /* an inbound HTTP exchange or WebSocket of listener/1 */
typedef struct agh_host agh_host;     /* opaque, host-owned, one per plugin instance, valid from create() until destroy() returns */
typedef struct agh_plugin agh_plugin; /* opaque, plugin-owned */

/* Binary payload beside the JSON: a descriptor (sealed memfd or regular file) from `offset` for `length` bytes, or, when fd < 0,
 * `inl` (copied before the call returns). In a request the host owns the fd: dup() it to keep it. In a reply or event the host
 * takes ownership, even if the call fails. */
typedef struct agh_blob {
    uint32_t size;
    int32_t fd;
    uint64_t offset, length;
    agh_bytes inl, name, media_type;
} agh_blob;

enum { AGH_REQUEST_REPEAT = 1u }; /* this journal key ran before and may have had effects; only actions marked idempotent see it */

typedef struct agh_request {
    uint32_t size, flags;
    agh_req id;
    uint64_t deadline_ns; /* absolute; 0 = none */
    agh_bytes action;     /* "storage.info"; NUL-free */
    agh_bytes params;     /* a JSON object the host has already checked against the manifest's schema */
    agh_bytes target;     /* the object on this machine that the server addressed, e.g. a game server's id; empty = none */
    agh_bytes caller;     /* JSON: {"server":"files","protocol":"storage","agent_id":"node-01","task":"t1"}, all but server optional;
                             agent_id is the name that server knows this agent by; task, with actions that have effects, its id for this command */
    const agh_blob *blobs;
    size_t blob_count, blob_stride; /* stride = the writer's sizeof(agh_blob): elements can grow */
} agh_request;

enum {
    AGH_REPLY_NOT_STARTED = 1u, /* with an error: certainly nothing was done; the journal lets the same id run again */
    AGH_REPLY_UNKNOWN = 2u      /* with an error: part may have been done (bytes on paper); never run again, but for INTERRUPTED and an idempotent action */
};

typedef struct agh_reply {
    uint32_t size;
    agh_status status; /* AGH_OK: json is the result, any value or empty; < 0: json is {"code","message","detail"?,"data"?} */
    uint32_t flags, reserved;
    agh_bytes json;
    const agh_blob *blobs;
    size_t blob_count, blob_stride;
} agh_reply;

/* The host's functions for every plugin. Services by id: the headers in ext. */
typedef struct agh_host_api {
    uint32_t size, abi_major, abi_minor, reserved;
    /* A service's table, host-owned, valid until destroy() returns; NULL when absent or not permitted. `id` is NUL-terminated. [any] */
    const void *(*service)(agh_host *, const char *id);
    /* Ends a request, exactly once; copies; never re-enters the plugin. AGH_E_STALE: completed already or unknown.
     * AGH_E_DEADLINE: the peer has already been answered; the outcome is still journalled. [any] */
    agh_status (*complete)(agh_host *, agh_req, const agh_reply *);
    /* Progress, a JSON object: {"done":1,"total":4,"unit":"bytes"}. For a slow peer, changes of "status" stay in order (up to four); of others only the latest is sent. [any] */
    agh_status (*progress)(agh_host *, agh_req, agh_bytes json);
    /* Output of a running request, ordered per channel (1 stdout, 2 stderr, others the action's own). `offset` is the position
     * of the first byte in the whole channel. AGH_E_BUSY: nothing was accepted, wait for writable(). [any] */
    agh_status (*stream)(agh_host *, agh_req, uint32_t channel, uint64_t offset, agh_bytes);
    /* 1 when the request is cancelled, past its deadline or stale. A cheap poll. [any] */
    int32_t (*cancelled)(agh_host *, agh_req);
    /* Answers plugin_api.drain: no request of this plugin is left that matters. [any] */
    void (*drained)(agh_host *);
} agh_host_api;

/* The plugin's functions. NULL is allowed where marked optional. */
typedef struct agh_plugin_api {
    uint32_t size, reserved;
    /* Opens devices, starts threads. No invoke before it returned AGH_OK. [ctl] */
    agh_status (*start)(agh_plugin *, agh_error *);
    /* A new configuration, checked against the schema; all or nothing. Optional: without it a change is destroy + create. [ctl] */
    agh_status (*configure)(agh_plugin *, agh_bytes config_json, agh_error *);
    /* A request. AGH_PENDING: complete() follows or was already called (even inside this call). < 0: the host answers with the error and
     * complete() must not follow; AGH_E_BUSY means not started. AGH_OK is not a valid return. [run] */
    agh_status (*invoke)(agh_plugin *, const agh_request *, agh_error *);
    /* A hint; complete() is still due, within cancel_grace (default 30 s). Optional. May come while invoke() of the same request
     * is running, and after its complete(). Must not block: hand the work to another thread. [any] */
    void (*cancel)(agh_plugin *, agh_req);
    /* stream() may be tried again. Optional. Same rules as cancel. [any] */
    void (*writable)(agh_plugin *, agh_req);
    /* A timer, watch or post of loop/1 fired. Optional. [run] */
    void (*on_task)(agh_plugin *, agh_task, uint64_t cookie, uint32_t poll_events);
    /* A table that the plugin provides, by id, e.g. "agenthost.health/1"; NULL when absent. Optional. [any] */
    const void *(*extension)(agh_plugin *, const char *id);
    /* No invoke follows. Finish or abort running requests, then call drained(). Optional. [ctl] */
    void (*drain)(agh_plugin *);
    /* Joins every thread; after it returns no code of this instance runs. Also called when create()
     * succeeded and start() failed. [ctl] */
    void (*destroy)(agh_plugin *);
} agh_plugin_api;

/* The one exported symbol. `manifest` is the JSON text of ID.manifest.json beside the library, byte for byte; its fields are
 * described in sdk/GUIDE.md. The host refuses the plugin if the major differs or the host's minor < abi_minor_needed. */
typedef struct agh_entry_v1 {
    uint32_t size, abi_major, abi_minor, abi_minor_needed;
    agh_bytes manifest;
    /* Creates an instance: no threads, no I/O beyond reading `config`. On failure fills the error and leaves nothing behind. [ctl] */
    agh_status (*create)(const agh_host_api *, agh_host *, agh_bytes config_json, const agh_plugin_api **api,
                         agh_plugin **plugin, agh_error *);
} agh_entry_v1;

#define AGH_ENTRY_SYMBOL "agh_plugin_entry_v1"
extern __attribute__((visibility("default"))) const agh_entry_v1 agh_plugin_entry_v1;

#ifdef __cplusplus
}
#endif
#endif

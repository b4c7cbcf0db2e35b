/* agenthost.loop/1: timers and descriptors for a plugin that needs no thread of its own. Events arrive at plugin_api.on_task
 * with the cookie given here. Bound: 1,024 tasks a plugin. */
#ifndef AGENTHOST_EXT_LOOP_H
#define AGENTHOST_EXT_LOOP_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_LOOP "agenthost.loop/1"
typedef struct agh_svc_loop {
    uint32_t size, reserved;
    /* Fires after delay_ns, then every period_ns (0: once). A period that is missed is skipped, not queued. [any] */
    agh_status (*timer)(agh_host *, uint64_t delay_ns, uint64_t period_ns, uint64_t cookie, agh_task *);
    /* Fires once when `fd` has any of poll_events (poll(2)); watch again to continue. The plugin owns the fd, which must outlive
     * the watch. AGH_E_INVALID: fd cannot be polled (a regular file). [any] */
    agh_status (*watch)(agh_host *, int32_t fd, uint32_t poll_events, uint64_t cookie, agh_task *);
    /* Calls on_task soon, with task 0. AGH_E_BUSY: 1,024 posts are waiting. [any] */
    agh_status (*post)(agh_host *, uint64_t cookie);
    /* After it returns the task fires no more, unless its on_task is already running. AGH_E_STALE: fired or unknown. [any] */
    agh_status (*cancel)(agh_host *, agh_task);
} agh_svc_loop;
#ifdef __cplusplus
}
#endif
#endif

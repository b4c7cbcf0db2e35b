/* agenthost.call/1: run an action of another plugin. It passes admission like any command: under the allow list of the
 * request it serves (`parent`), or, without one, under the manifest's "permissions": {"call": ["storage.*"]}. Depth is bounded
 * (8): AGH_E_DENIED beyond. */
#ifndef AGENTHOST_EXT_CALL_H
#define AGENTHOST_EXT_CALL_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_CALL "agenthost.call/1"
typedef struct agh_svc_call {
    uint32_t size, reserved;
    /* AGH_PENDING: on_result follows exactly once, on [run], never after destroy() returned; the reply's memory is valid during that
     * call, and the callee must close its descriptors. < 0: refused, no on_result. timeout_ns 0: the parent's deadline. [any] */
    agh_status (*call)(agh_host *, agh_req parent, agh_bytes action, agh_bytes params, uint64_t timeout_ns,
                       void (*on_result)(void *ctx, const agh_reply *), void *ctx);
} agh_svc_call;
#ifdef __cplusplus
}
#endif
#endif

/* agenthost.state/1: a private directory that survives restarts. Made 0700 for the daemon's user before create(). */
#ifndef AGENTHOST_EXT_STATE_H
#define AGENTHOST_EXT_STATE_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_STATE "agenthost.state/1"
typedef struct agh_svc_state {
    uint32_t size, reserved;
    /* Absolute path without a trailing slash, e.g. /var/lib/agenthost/plugins/storage; valid until destroy() returns. [any] */
    agh_bytes (*directory)(agh_host *);
} agh_svc_state;
#ifdef __cplusplus
}
#endif
#endif

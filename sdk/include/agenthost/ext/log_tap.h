/* agenthost.log_tap/1: read the daemon's own log, for a plugin that forwards it. Needs the manifest's "permissions": {"log_tap": true};
 * may be absent (NULL). The host keeps the last 512 lines (256 KiB) of those its `log.level` admits; a late reader learns
 * how many lines it missed. The reading plugin's own lines are omitted, so that forwarding never feeds itself. Lines contain
 * no secrets, because secrets are never logged. */
#ifndef AGENTHOST_EXT_LOG_TAP_H
#define AGENTHOST_EXT_LOG_TAP_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_LOG_TAP "agenthost.log_tap/1"
enum { AGH_LOG_TAP_BYTES = 32768 }; /* a buffer of this size always holds at least one line */

typedef struct agh_svc_log_tap {
    uint32_t size, reserved;
    /* Lines from *position on, of `level` (ext/log.h) and above, oldest first, as many as fit: one JSON object a line, e.g.
     * {"at":1763660640123,"level":"warning","source":"session files","message":"...","fields":{...}?}\n
     * `at` is UTC ms. *position: in, 0 for the oldest kept line; out, where to continue. Positions grow with each run of the daemon,
     * so they may be kept across restarts. *size: the buffer's capacity in, the length out; 0: nothing new. *lost: how many
     * lines since *position were dropped unread. AGH_E_INVALID: a null argument or a buffer below AGH_LOG_TAP_BYTES. [any] */
    agh_status (*read)(agh_host *, int32_t level, uint64_t *position, char *buffer, size_t *size, uint64_t *lost);
} agh_svc_log_tap;
#ifdef __cplusplus
}
#endif
#endif

/* agenthost.events/1: send unsolicited events to servers. Each session's codec translates them into its protocol;
 * a protocol without events drops and counts them. Queues are bounded per server: a full queue drops its oldest event and
 * counts the gap. Example: topic "storage.file_quarantined", json {"file":"q-17","bytes":4096}. */
#ifndef AGENTHOST_EXT_EVENTS_H
#define AGENTHOST_EXT_EVENTS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_EVENTS "agenthost.events/1"
typedef struct agh_svc_events {
    uint32_t size, reserved;
    /* audience: "" the server whose request `origin` names, "*" every server that allows this plugin, or a server's name.
     * AGH_E_BUSY: this plugin emits faster than the host distributes; nothing was accepted. [any] */
    agh_status (*emit)(agh_host *, agh_bytes topic, agh_bytes audience, agh_req origin, const agh_reply *body);
} agh_svc_events;
#ifdef __cplusplus
}
#endif
#endif

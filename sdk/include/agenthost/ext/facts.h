/* agenthost.facts/1: retained values that others read: capabilities, systemLoad, devices. A heartbeat or a pong carries the
 * latest; nobody asks the plugin. Bounds: 64 keys a plugin, 64 KiB a value. Example: key "storage", json
 * {"files":12,"bytes":4096,"free_bytes":1073741824}. */
#ifndef AGENTHOST_EXT_FACTS_H
#define AGENTHOST_EXT_FACTS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_FACTS "agenthost.facts/1"
typedef struct agh_svc_facts {
    uint32_t size, reserved;
    /* Replaces the value of `key`; an empty json removes it. AGH_E_INVALID: not JSON; AGH_E_BUSY: over a bound. [any] */
    agh_status (*publish)(agh_host *, agh_bytes key, agh_bytes json);
} agh_svc_facts;
#ifdef __cplusplus
}
#endif
#endif

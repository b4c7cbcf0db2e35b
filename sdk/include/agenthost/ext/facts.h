/* agenthost.facts/1: publish retained values: capabilities, systemLoad, devices. Heartbeats and pongs carry the latest
 * value; the plugin is never asked. Bounds: 64 keys per plugin, 64 KiB per value. Example: key "storage", json
 * {"files":12,"bytes":4096,"free_bytes":1073741824}.
 *
 * Common keys: the protocols' heartbeats and metrics are built from them, whichever plugin publishes them.
 *   system_load     {"cpu":25.5,"memory":65.2,"disk":40.1}: percent of the machine
 *   metrics         {"cpu_percent":25.5,"mem_percent":65.2,"disk_percent":40.1,"network_in_bps":1200,"network_out_bps":900,
 *                    "load_average":[0.5,0.4,0.3]}: bps is bytes per second
 *   active_servers  3
 *   devices         [{"vendorId":4070,"alias":"Kitchen","isDefault":true,..}]; devices_left_out 12: how many more there are
 *   logs            ["..."]: the last lines that servers should see, at most 20
 *   capabilities    ["usb"]: what this machine can do, beside the manifest's capabilities; servers are told when a session begins
 *   machine_capabilities {"dockerVersion":"20.10.24","maxMemory":"16384MB"}: sent with a registration
 * If several plugins publish a key, arrays are joined; of other values the one of the plugin with the lowest id is used. */
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

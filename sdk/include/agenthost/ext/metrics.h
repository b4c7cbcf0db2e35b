/* agenthost.metrics/1: metrics for operators. The host adds the prefix agenthost_plugin_ID_ and exposes them with its own.
 * Bounds: 64 metrics a plugin, 32 label sets a metric. */
#ifndef AGENTHOST_EXT_METRICS_H
#define AGENTHOST_EXT_METRICS_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_METRICS "agenthost.metrics/1"
typedef struct agh_svc_metrics {
    uint32_t size, reserved;
    /* json: {"name":"bytes_total","type":"counter|gauge|histogram","help":"...","unit":"bytes","labels":{"dir":"in"},
     * "buckets":[...]}. The same definition twice gives the same id. AGH_E_BUSY: over a bound. [any] */
    agh_status (*define)(agh_host *, agh_bytes json, uint32_t *id);
    /* counter: adds value (>= 0); gauge: sets it; histogram: observes it. Never blocks; an unknown id is ignored. [any] */
    void (*record)(agh_host *, uint32_t id, double value);
} agh_svc_metrics;
#ifdef __cplusplus
}
#endif
#endif

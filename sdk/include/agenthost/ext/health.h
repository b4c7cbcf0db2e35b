/* agenthost.health/1: an extension that a plugin provides, called for `agenthost health`, /readyz and the panel's pong. */
#ifndef AGENTHOST_EXT_HEALTH_H
#define AGENTHOST_EXT_HEALTH_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_EXT_HEALTH "agenthost.health/1"
typedef struct agh_ext_health {
    uint32_t size, reserved;
    /* AGH_OK healthy, AGH_E_BUSY degraded, other < 0 unhealthy; then the error says what and how to fix. Under 100 ms. [ctl] */
    agh_status (*check)(agh_plugin *, agh_error *);
} agh_ext_health;
#ifdef __cplusplus
}
#endif
#endif

/* agenthost.log/1: write to the daemon's log. The host adds the plugin's id and the time; it limits the rate and logs how much it
 * dropped. Never pass a secret: the host cannot recognise one. */
#ifndef AGENTHOST_EXT_LOG_H
#define AGENTHOST_EXT_LOG_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_LOG "agenthost.log/1"
enum { AGH_LOG_TRACE = 0, AGH_LOG_DEBUG = 1, AGH_LOG_INFO = 2, AGH_LOG_WARN = 3, AGH_LOG_ERROR = 4 };
typedef struct agh_svc_log {
    uint32_t size, reserved;
    /* 1 when a line of this level would be kept: saves formatting it. [any] */
    int32_t (*enabled)(agh_host *, int32_t level);
    /* One line. `fields_json` is empty or an object: {"file_id":"f1","bytes":12}. Never blocks. [any] */
    void (*write)(agh_host *, int32_t level, agh_bytes message, agh_bytes fields_json);
} agh_svc_log;
#ifdef __cplusplus
}
#endif
#endif

/* agenthost.check/1: an extension that a plugin provides: checks a configuration. Called by `agenthost config check`, `plugin check` and
 * `doctor`, which do not start the plugin: create(), check(), destroy(), never start(). The host's services are absent (NULL) except
 * state/1, whose directory may not exist yet.
 *
 * A check reports what would make start() fail or the configuration useless on this machine: a missing file, a listener that is not
 * configured, an unknown user. It starts no thread, writes no file, opens no port and needs no network. Errors of create()
 * are reported as well, so a plugin without this extension is checked by its create(). */
#ifndef AGENTHOST_EXT_CHECK_H
#define AGENTHOST_EXT_CHECK_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_EXT_CHECK "agenthost.check/1"
enum { AGH_CHECK_ERROR = 1, AGH_CHECK_WARNING = 2 };

typedef struct agh_check { /* owned by the host; valid during the call */
    uint32_t size, reserved;
    void *ctx;
    /* Called once per problem. `key`: its place in the configuration, "limits.memory" or "logs[0].path"; empty: none.
     * `text`: the problem and the remedy, without the key. The host adds file, line and column. */
    void (*report)(void *ctx, int32_t severity, agh_bytes key, agh_bytes text);
    const agh_bytes *listeners; /* names of the configured listeners, e.g. {"hub"} */
    size_t listener_count;
} agh_check;

typedef struct agh_ext_check {
    uint32_t size, reserved;
    /* AGH_OK: all problems are reported. < 0: the check itself failed, and the error says why. [ctl] */
    agh_status (*check)(agh_plugin *, const agh_check *, agh_error *);
} agh_ext_check;
#ifdef __cplusplus
}
#endif
#endif

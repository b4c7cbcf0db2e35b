/* agenthost.check/1: an extension of the plugin's: is a configuration right? Asked by `agenthost config check`, `plugin check` and
 * `doctor`, which do not run the plugin: create(), check(), destroy(), never start(). The services of the host are absent (NULL) but
 * for state/1, whose directory may not exist yet.
 *
 * A check looks for what would make start() fail or the configuration useless here: a file that is missing, a listener that is not
 * configured, a user that does not exist. It starts no thread, writes no file, opens no port and needs no network. What create()
 * refuses is reported as well, so a plugin without this extension is checked by its create(). */
#ifndef AGENTHOST_EXT_CHECK_H
#define AGENTHOST_EXT_CHECK_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_EXT_CHECK "agenthost.check/1"
enum { AGH_CHECK_ERROR = 1, AGH_CHECK_WARNING = 2 };

typedef struct agh_check { /* the host's; valid during the call */
    uint32_t size, reserved;
    void *ctx;
    /* Once for each thing that is wrong. `key`: where in the configuration, "limits.memory" or "logs[0].path"; empty: none.
     * `text`: what is wrong and what to do, without the key. The host adds file, line and column. */
    void (*report)(void *ctx, int32_t severity, agh_bytes key, agh_bytes text);
    const agh_bytes *listeners; /* names of the configured listeners, e.g. {"hub"} */
    size_t listener_count;
} agh_check;

typedef struct agh_ext_check {
    uint32_t size, reserved;
    /* AGH_OK: everything is reported. < 0: the check itself failed, and the error says why. [ctl] */
    agh_status (*check)(agh_plugin *, const agh_check *, agh_error *);
} agh_ext_check;
#ifdef __cplusplus
}
#endif
#endif

/* agenthost.network/1: a server's network settings. A plugin that transfers files on behalf of a request uses the proxy, the
 * TLS settings and the origin of the server that sent it. Needs the manifest's "permissions": {"network": true}; may be absent
 * (NULL). Works in a runner too.
 *
 * The settings contain a secret, the proxy's password: never log them, never send them anywhere. A reload may change them:
 * ask for each request and do not keep the result. */
#ifndef AGENTHOST_EXT_NETWORK_H
#define AGENTHOST_EXT_NETWORK_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_NETWORK "agenthost.network/1"
enum { AGH_NETWORK_BYTES = 65536 }; /* minimum size of the buffer, and maximum size of the settings */

typedef struct agh_svc_network {
    uint32_t size, reserved;
    /* Writes the settings of the server that sent the request `origin` into `buffer` as JSON; *size is the capacity in, the length out.
     * {"server":"files","origin":"https://files.example.com:8443/","proxy":"http://user:password@proxy:3128",
     *  "no_proxy":["localhost",".corp.example","10.0.0.0/8"],"tls":{"ca":"/etc/ca.pem","certificate":"/etc/c.pem",
     *  "key":"/etc/k.pem","server_name":"files","pin_sha256":["base64"],"verify":true}}
     * Every key but "server" may be absent. "origin" is the scheme (https for wss), host and port of the server's own session;
     * "no_proxy" is the daemon's NO_PROXY; the paths in "tls" are absolute; "tls" applies to the origin, and only its "ca" to
     * other hosts too. {} when no server sent the request (the control socket, a plugin's own call).
     * On any error do not transfer: it would bypass the proxy. AGH_E_NOT_FOUND: a reload has removed the server.
     * AGH_E_STALE: the request is not open or not this plugin's. AGH_E_INVALID: a null argument, or a buffer below
     * AGH_NETWORK_BYTES. AGH_E_INTERNAL: the settings are larger than AGH_NETWORK_BYTES (thousands of pins). [any] */
    agh_status (*settings)(agh_host *, agh_req origin, char *buffer, size_t *size);
} agh_svc_network;
#ifdef __cplusplus
}
#endif
#endif

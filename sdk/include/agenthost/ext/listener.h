/* agenthost.listener/1: inbound HTTP/1.1 and WebSocket. The host owns sockets, TLS, limits and time-outs; the plugin owns the
 * meaning. Only for isolation in-process (NULL in a runner).
 *
 * An exchange: on_request, then exactly one of answer(), upgrade(), or receive() followed by on_body and answer(); nothing within
 * 30 s is answered 503. on_closed comes exactly once for every agh_conn on_request announced, last. A keep-alive connection's next
 * request is a new agh_conn. Callbacks of one agh_conn never overlap; those of different ones may (io_threads > 1). The
 * functions take any thread; on a dead id they return AGH_E_STALE. What is asked of one agh_conn is done in the order of the calls. */
#ifndef AGENTHOST_EXT_LISTENER_H
#define AGENTHOST_EXT_LISTENER_H
#include "../abi.h"
#ifdef __cplusplus
extern "C" {
#endif
#define AGH_SVC_LISTENER "agenthost.listener/1"
enum { AGH_WS_TEXT = 1, AGH_WS_BINARY = 2 };

typedef struct agh_route_api {
    uint32_t size, reserved;
    /* head: {"method":"GET","path":"/api/agents/n1","query":"a=1","headers":{"authorization":"..."},"peer":"127.0.0.1:5000",
     * "proxy":"10.0.0.1:4000"?,"listener":"hub","tls":true,"spki":"..."?,"length":17?,"chunked":true?}. peer is the client's
     * address and port; where a trusted proxy has named the client, its port is 0 unless the proxy told it, and proxy is
     * the other end of the connection. path is percent-decoded and normalised (no "..",
     * no NUL); header names are lower case, repeated ones joined by ", "; spki: hex SHA-256 of a client certificate's. [io] */
    void (*on_request)(void *ctx, agh_conn, agh_bytes head);
    /* receive() ended. status AGH_OK: the whole body, `length` bytes with this SHA-256 (32 raw bytes), in the fd given or, for
     * fd -1, in `data`; AGH_E_INVALID: larger than max or malformed (the host answers 413 or 400 itself and on_closed
     * follows); AGH_E_CLOSED: the peer left or the exchange was closed, `length` bytes had come; AGH_E_INTERNAL: the disk refused
     * (answer() is still the plugin's). Comes before on_closed, also then: keep the descriptor open until it did. [io] */
    void (*on_body)(void *ctx, agh_conn, uint64_t length, agh_bytes sha256, agh_bytes data, agh_status status);
    void (*on_frame)(void *ctx, agh_conn, int32_t opcode, agh_bytes); /* a whole message, text is valid UTF-8 [io] */
    void (*on_writable)(void *ctx, agh_conn);                         /* after send() was BUSY [io] */
    void (*on_closed)(void *ctx, agh_conn, int32_t code); /* http: the status sent, 0 if none; ws: the close code; 1006: lost, or it did not answer our close [io] */
    /* While receive() fills a descriptor: `landed` bytes are in it and can be read. AGH_OK: go on; anything else ends the body:
     * on_body follows with AGH_E_INTERNAL, and answer() is the plugin's. May be absent. [io] */
    agh_status (*on_progress)(void *ctx, agh_conn, uint64_t landed);
} agh_route_api;

typedef struct agh_svc_listener {
    uint32_t size, reserved;
    /* Claims a path on a configured listener. json: {"listener":"hub","kind":"http"|"ws","path":"/ws/storage" (exact) |
     * "prefix":"/api/","body_timeout_s":30,"answer_timeout_s":30}: the latter
     * replaces the 30 s within which an exchange must be answered (a route that waits for an agent; at most 86,400). The longest match wins; a second claim of the same path and kind is AGH_E_BUSY, an
     * unknown listener AGH_E_NOT_FOUND. `api` and `ctx` must live until destroy() returns. From create() or start(). [ctl] */
    agh_status (*route)(agh_host *, agh_bytes json, const agh_route_api *api, void *ctx);
    /* Where it listens: "https://127.0.0.1:3001" into buffer; *size is the capacity in, the length out. Of several addresses the
     * one that other machines most likely reach: a specific one, else a wildcard, else loopback. [any] */
    agh_status (*address)(agh_host *, agh_bytes listener, char *buffer, size_t *size);
    /* headers_json: {"content-type":"application/json"}; content-length is the host's. blob NULL: no body. With an fd: sendfile
     * when plain, from blob->offset for blob->length; the fd moves to the host. [any] */
    agh_status (*answer)(agh_host *, agh_conn, int32_t status, agh_bytes headers_json, const agh_blob *blob);
    /* The body into fd from `offset` (the plugin's fd, must live until on_body), hashed on the way; or fd -1: into memory,
     * max at most 1 MiB. Sends 100-continue when asked. [any] */
    agh_status (*receive)(agh_host *, agh_conn, int32_t fd, uint64_t offset, uint64_t max);
    /* 101. limits_json: {"message_bytes":4096,"send_queue":65536,"idle_s":10,"ping_s":30}: small until raised. idle_s: closed
     * 1008 when no frame came by then (for authentication); ping_s: a ping each, closed after 2 without any sign of life; silent_s:
     * closed when nothing came for so long, no pong either (0: no such limit); compress_from: messages of so many bytes and more are
     * compressed where the peer offers it (0: never; of the upgrade only, limits() does not change it). [any] */
    agh_status (*upgrade)(agh_host *, agh_conn, agh_bytes headers_json, agh_bytes limits_json);
    /* A whole message; copied. AGH_E_BUSY: the send queue is full, nothing was taken. [any] */
    agh_status (*send)(agh_host *, agh_conn, int32_t opcode, agh_bytes);
    agh_status (*limits)(agh_host *, agh_conn, agh_bytes limits_json); /* same keys, those given; after authentication [any] */
    agh_status (*pause)(agh_host *, agh_conn, int32_t on);             /* stop and go on reading frames [any] */
    /* ws: close frame with code and reason after what is queued; http: drops the connection. [any] */
    agh_status (*close)(agh_host *, agh_conn, int32_t code, agh_bytes reason);
    /* In place of answer(): a body in pieces, for what is not there yet. length: of the whole body, UINT64_MAX when it is not known (chunked).
     * answer_chunk: copied; AGH_E_BUSY: the peer is slow, nothing was taken, on_writable follows. answer_end before `length` bytes
     * drops the connection, so that the peer does not take a part for the whole. [any] */
    agh_status (*answer_begin)(agh_host *, agh_conn, int32_t status, agh_bytes headers_json, uint64_t length);
    agh_status (*answer_chunk)(agh_host *, agh_conn, agh_bytes);
    agh_status (*answer_end)(agh_host *, agh_conn);
} agh_svc_listener;
#ifdef __cplusplus
}
#endif
#endif

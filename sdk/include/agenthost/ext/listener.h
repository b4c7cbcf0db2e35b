/* agenthost.listener/1: inbound HTTP/1.1 and WebSocket. The host handles sockets, TLS, limits and timeouts; the plugin handles the
 * requests. Only for isolation in-process (NULL in a runner).
 *
 * An exchange: on_request, then exactly one of answer(), upgrade(), or receive() followed by on_body and answer(); after 30 s without
 * one the host answers 503. on_closed is the last callback, exactly once for every agh_conn that on_request announced. The next request
 * of a keep-alive connection is a new agh_conn. Callbacks of one agh_conn never overlap; those of different ones may (io_threads > 1).
 * The functions may be called from any thread; for a dead id they return AGH_E_STALE. Calls for one agh_conn take effect in call order. */
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
     * address and port; if a trusted proxy named the client, the port is 0 unless the proxy sent it, and proxy is
     * the other end of the connection. path is percent-decoded and normalised (no "..",
     * no NUL); header names are lower case, repeated ones joined by ", "; spki: hex SHA-256 of a client certificate's. [io] */
    void (*on_request)(void *ctx, agh_conn, agh_bytes head);
    /* receive() ended. status AGH_OK: the whole body, `length` bytes with this SHA-256 (32 raw bytes), in the fd given or, for
     * fd -1, in `data`; AGH_E_INVALID: larger than max or malformed (the host answers 413 or 400 itself and on_closed
     * follows); AGH_E_CLOSED: the peer left or the exchange was closed after `length` bytes; AGH_E_INTERNAL: the disk refused
     * (the plugin must still answer()). Always comes before on_closed: keep the descriptor open until then. [io] */
    void (*on_body)(void *ctx, agh_conn, uint64_t length, agh_bytes sha256, agh_bytes data, agh_status status);
    void (*on_frame)(void *ctx, agh_conn, int32_t opcode, agh_bytes); /* a whole message, text is valid UTF-8 [io] */
    void (*on_writable)(void *ctx, agh_conn);                         /* after send() was BUSY [io] */
    void (*on_closed)(void *ctx, agh_conn, int32_t code); /* http: the status sent, 0 if none; ws: the close code; 1006: lost, or it did not answer our close [io] */
    /* While receive() fills a descriptor: `landed` bytes are in it and can be read. AGH_OK: continue; anything else ends the body:
     * on_body follows with AGH_E_INTERNAL, and the plugin must answer(). May be absent. [io] */
    agh_status (*on_progress)(void *ctx, agh_conn, uint64_t landed);
} agh_route_api;

typedef struct agh_svc_listener {
    uint32_t size, reserved;
    /* Claims a path on a configured listener. json: {"listener":"hub","kind":"http"|"ws","path":"/ws/storage" (exact) |
     * "prefix":"/api/","body_timeout_s":30,"answer_timeout_s":30}. answer_timeout_s replaces the 30 s in which an exchange must be
     * answered (for a route that waits for an agent; at most 86,400). The longest match wins; a second claim of the same path and kind is
     * AGH_E_BUSY, an unknown listener AGH_E_NOT_FOUND. `api` and `ctx` must live until destroy() returns. From create() or start(). [ctl] */
    agh_status (*route)(agh_host *, agh_bytes json, const agh_route_api *api, void *ctx);
    /* Writes the listener's address, "https://127.0.0.1:3001", into buffer; *size is the capacity in, the length out. Of several
     * addresses the one that other machines are most likely to reach: a specific one, else a wildcard, else loopback. [any] */
    agh_status (*address)(agh_host *, agh_bytes listener, char *buffer, size_t *size);
    /* headers_json: {"content-type":"application/json"}; the host adds content-length. blob NULL: no body. With an fd: sendfile
     * if plain, from blob->offset for blob->length; the host takes ownership of the fd. [any] */
    agh_status (*answer)(agh_host *, agh_conn, int32_t status, agh_bytes headers_json, const agh_blob *blob);
    /* Receives the body into fd at `offset` (the plugin owns the fd; it must stay open until on_body) and hashes it; with fd -1 into
     * memory, max at most 1 MiB. Sends 100-continue if the client expects it. [any] */
    agh_status (*receive)(agh_host *, agh_conn, int32_t fd, uint64_t offset, uint64_t max);
    /* 101. limits_json: {"message_bytes":4096,"send_queue":65536,"idle_s":10,"ping_s":30}: small until raised. idle_s: closed
     * with 1008 if no frame has arrived by then (for authentication); ping_s: interval of pings, closed after 2 without any traffic;
     * silent_s: closed after this time without any traffic, pongs included (0: no limit); compress_from: messages of at least this size
     * are compressed if the peer offers it (0: never; only set by the upgrade, limits() does not change it). [any] */
    agh_status (*upgrade)(agh_host *, agh_conn, agh_bytes headers_json, agh_bytes limits_json);
    /* Sends a whole message; copied. AGH_E_BUSY: the send queue is full, nothing was accepted. [any] */
    agh_status (*send)(agh_host *, agh_conn, int32_t opcode, agh_bytes);
    agh_status (*limits)(agh_host *, agh_conn, agh_bytes limits_json); /* same keys, those given; after authentication [any] */
    agh_status (*pause)(agh_host *, agh_conn, int32_t on);             /* stop or resume reading frames [any] */
    /* ws: sends a close frame with code and reason after the queue; http: drops the connection. [any] */
    agh_status (*close)(agh_host *, agh_conn, int32_t code, agh_bytes reason);
    /* In place of answer(): sends a body in pieces, while it is produced. length: size of the whole body, UINT64_MAX if unknown (chunked).
     * answer_chunk: copied; AGH_E_BUSY: the peer is slow, nothing was accepted, on_writable follows. answer_end before `length` bytes drops
     * the connection, so that the peer does not mistake a part for the whole; after HEAD, pieces are not sent and may be left out. [any] */
    agh_status (*answer_begin)(agh_host *, agh_conn, int32_t status, agh_bytes headers_json, uint64_t length);
    agh_status (*answer_chunk)(agh_host *, agh_conn, agh_bytes);
    agh_status (*answer_end)(agh_host *, agh_conn);
} agh_svc_listener;
#ifdef __cplusplus
}
#endif
#endif

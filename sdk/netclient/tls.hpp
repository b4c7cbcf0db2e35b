// Builds TLS contexts for clients and servers, and prepares and checks single connections. TLS 1.2 at least;
// certificates are verified by default; an error names the file and the remedy. Uses no I/O but reading
// certificate files.
#pragma once

#include <memory>
#include <string>
#include <vector>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

namespace agenthost::netclient {

struct FreeSsl {
    void operator()(SSL_CTX*) const;
    void operator()(SSL*) const;
};

// A client's `tls:` section.
struct TlsClientConfig {
    // PEM file, or a folder with hashed names when it ends in a slash. Root or intermediate certificates,
    // each an anchor of trust. Replaces the system's authorities; empty: the system's.
    std::string ca;
    std::string certificate, key, server_name;
    // Base64 of the SHA-256 of the server's public key (SPKI); any one of them must match.
    std::vector<std::string> pin_sha256;
    bool verify = true;
    // PEM files that are trusted in addition. Not from the configuration of a server.
    std::vector<std::string> more_ca;
    // The system's authorities are trusted beside `ca`. Not from the configuration of a server.
    bool system_too = false;
    bool operator==(const TlsClientConfig&) const = default;
};

struct TlsServerConfig {
    std::string certificate, key, client_ca;
    bool operator==(const TlsServerConfig&) const = default;
};

// Immutable; shared by its connections and threads.
class TlsContext {
public:
    TlsContext(SSL_CTX* ctx, bool server, const TlsClientConfig& config)
        : ctx_{ctx}, server_{server}, verify_{config.verify},
          server_name_{config.server_name}, pins_{config.pin_sha256}
    {}

    [[nodiscard]] SSL_CTX* get() const { return ctx_.get(); }
    [[nodiscard]] bool server() const { return server_; }
    [[nodiscard]] bool verify() const { return verify_; }
    // The configuration's override of the name to verify; empty: the URL's host.
    [[nodiscard]] const std::string& server_name() const { return server_name_; }
    [[nodiscard]] const std::vector<std::string>& pins() const { return pins_; }

private:
    std::unique_ptr<SSL_CTX, FreeSsl> ctx_;
    bool server_, verify_;
    std::string server_name_;
    std::vector<std::string> pins_;
};
using TlsContextPtr = std::shared_ptr<const TlsContext>;

struct TlsResult {
    TlsContextPtr context; // null: see problem
    std::string problem;   // what, which file, how to fix
};

TlsResult make_client_context(const TlsClientConfig&);
TlsResult make_server_context(const TlsServerConfig&);

// The files and folders that a context is made from, those of the system's authorities included.
std::vector<std::string> files_of(const TlsClientConfig&);
std::vector<std::string> files_of(const TlsServerConfig&);

// Sets up the client's side of one connection: SNI, and the name or address to verify (the context's
// server_name before `host`).
void prepare_client(SSL*, const TlsContext&, const std::string& host);
// A client's connection on a connected, non-blocking socket, the handshake still to do. Null: no memory.
std::unique_ptr<SSL, FreeSsl> make_client(const TlsContext&, int socket, const std::string& host);
// Call after the handshake, even if certificates are not verified. Empty: the peer's key matches a pin, or
// there are none.
std::string check_pins(SSL*, const TlsContext&);

// SHA-256 of the peer's public key (SPKI), 32 raw bytes; empty without a certificate.
std::string peer_spki_sha256(SSL*);

// OpenSSL's oldest error of this thread as text; clears the queue.
std::string tls_error();

} // namespace agenthost::netclient

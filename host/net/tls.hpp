// TLS contexts: 1.2 and later, verification on by default, errors that name the file and the remedy.
#pragma once

#include <memory>
#include <string>
#include <vector>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

namespace agenthost::host {
struct TlsClientConfig;
struct TlsServerConfig;
} // namespace agenthost::host

namespace agenthost::host::net {

// Immutable once made, shared by its connections and threads.
class TlsContext {
public:
    TlsContext(SSL_CTX* ctx, bool server, bool verify, std::string server_name, std::vector<std::string> pins)
        : ctx_{ctx}, server_{server}, verify_{verify}, server_name_{std::move(server_name)}, pins_{std::move(
                                                                                                 pins)}
    {}
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    [[nodiscard]] SSL_CTX* get() const { return ctx_; }
    [[nodiscard]] bool server() const { return server_; }
    [[nodiscard]] bool verify() const { return verify_; }
    [[nodiscard]] const std::string& server_name() const
    {
        return server_name_;
    } // the configuration's override
    [[nodiscard]] const std::vector<std::string>& pins() const { return pins_; } // base64 SHA-256 of the SPKI

private:
    SSL_CTX* ctx_;
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

// A client's side of one connection: SNI and the name or address to verify (the context's server_name counts before `host`).
void prepare_client(SSL*, const TlsContext&, const std::string& host);
// After the handshake, whether certificates are verified or not: the peer's key is one of the pins, or why not. Empty: it is.
std::string check_pins(SSL*, const TlsContext&);

// Raw 32 bytes of SHA-256 over the peer's public key (SPKI); empty without a certificate.
std::string peer_spki_sha256(SSL*);

} // namespace agenthost::host::net

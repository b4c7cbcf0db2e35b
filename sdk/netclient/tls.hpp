// A TLS client's settings: certificates are verified against the system's store and, if given, another CA; TLS 1.2 at least.
#pragma once

#include <memory>
#include <string>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

namespace agenthost::netclient {

struct FreeSsl {
    void operator()(SSL_CTX*) const;
    void operator()(SSL*) const;
};

class TlsContext {
public:
    // `ca_file`: PEM, trusted beside the system's store. Throws std::runtime_error with the file and what is wrong with it.
    explicit TlsContext(const std::string& ca_file = {});
    // A connection on a connected, non-blocking socket, handshake still to do. SNI and the name (or address) to verify are set.
    [[nodiscard]] std::unique_ptr<SSL, FreeSsl> connect(int socket, const std::string& host) const;

private:
    std::unique_ptr<SSL_CTX, FreeSsl> context_;
};

std::string tls_error(); // OpenSSL's oldest error of this thread as text; clears the queue

} // namespace agenthost::netclient

#include "tls.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace agenthost::netclient {

namespace {

// One read() of the socket fills this much, several records, instead of two calls for each record of 16 KiB.
constexpr std::size_t read_ahead = 64 * 1024;

bool is_address(const std::string& host)
{
    unsigned char ignored[16];
    return ::inet_pton(AF_INET, host.c_str(), ignored) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), ignored) == 1;
}

// A folder with the names OpenSSL looks certificates up by (c_rehash), as Debian keeps it.
bool has_hashed_names(const char* folder)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> dir{::opendir(folder), &::closedir};
    if (!dir) return false;
    while (const dirent* entry = ::readdir(dir.get())) {
        const std::string_view name = entry->d_name;
        if (name.size() == 10 && name.ends_with(".0")) return true;
    }
    return false;
}

// The system's authorities. From the folder only the one that a peer names is read; the bundle file costs 0.9 MiB of memory for all of
// them, and is taken where there is no such folder, or an admin has named one. A system without a store has only ca_file, and every other
// peer fails verification.
void trust_system(SSL_CTX* c)
{
    const char* folder = X509_get_default_cert_dir();
    const bool named =
        ::getenv(X509_get_default_cert_file_env()) || ::getenv(X509_get_default_cert_dir_env());
    if (named || !has_hashed_names(folder) || SSL_CTX_load_verify_dir(c, folder) != 1)
        SSL_CTX_set_default_verify_paths(c);
}

} // namespace

void FreeSsl::operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
void FreeSsl::operator()(SSL* s) const { SSL_free(s); }

std::string tls_error()
{
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return "the connection broke off";
    if (ERR_SYSTEM_ERROR(code))
        return std::strerror(ERR_GET_REASON(code)); // a file that is missing: OpenSSL has no word for it
    const char* text = ERR_reason_error_string(code);
    return text ? text : "TLS error " + std::to_string(code);
}

TlsContext::TlsContext(const std::string& ca_file) : context_{SSL_CTX_new(TLS_client_method())}
{
    if (!context_) throw std::runtime_error{"TLS: " + tls_error()};
    SSL_CTX* c = context_.get();
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_default_read_buffer_len(c, read_ahead);
    trust_system(c);
    if (!ca_file.empty() && SSL_CTX_load_verify_file(c, ca_file.c_str()) != 1)
        throw std::runtime_error{"CA file " + ca_file + ": " + tls_error() +
                                 "; it must be readable and hold PEM certificates"};
    ERR_clear_error();
}

std::unique_ptr<SSL, FreeSsl> TlsContext::connect(int socket, const std::string& host) const
{
    std::unique_ptr<SSL, FreeSsl> ssl{SSL_new(context_.get())};
    if (!ssl || SSL_set_fd(ssl.get(), socket) != 1) return nullptr;
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl.get());
    if (is_address(host)) {
        if (X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str()) != 1) return nullptr;
    } else {
        X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (X509_VERIFY_PARAM_set1_host(verify, host.c_str(), 0) != 1) return nullptr;
        if (SSL_set_tlsext_host_name(ssl.get(), host.c_str()) != 1) return nullptr;
    }
    SSL_set_connect_state(ssl.get());
    return ssl;
}

} // namespace agenthost::netclient

#include "tls.hpp"

#include "base/hash.hpp"
#include "host/config/config.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

namespace agenthost::host::net {
namespace {

struct FreeCtx {
    void operator()(SSL_CTX* ctx) const { SSL_CTX_free(ctx); }
};
using Ctx = std::unique_ptr<SSL_CTX, FreeCtx>;

// "certificate /etc/c.pem: permission denied. Make it readable ...": the file system's reason first, then OpenSSL's.
std::string file_problem(const char* what, const std::string& file, const char* wanted)
{
    std::string text = std::string{what} + " " + file + ": ";
    if (::access(file.c_str(), R_OK) != 0) {
        const int why = errno;
        text += std::strerror(why);
        text += why == ENOENT ? ". Create it or correct the path."
                              : ". Make it readable for the user agenthost runs as.";
        return text;
    }
    const unsigned long error = ERR_peek_last_error();
    const char* reason = error ? ERR_reason_error_string(error) : nullptr;
    return text + "not usable (" + (reason ? reason : "unknown format") + "). It must be " + wanted + ".";
}

bool is_address(const std::string& host)
{
    in6_addr ignored;
    return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

Ctx make(const SSL_METHOD* method)
{
    ERR_clear_error();
    Ctx ctx{SSL_CTX_new(method)};
    if (!ctx) return ctx;
    SSL_CTX_set_min_proto_version(ctx.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(ctx.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx.get(), 1); // one recv() for header and body of a record
    SSL_CTX_set_default_read_buffer_len(ctx.get(),
                                        64 * 1024); // and for several records; given back when empty
    SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF);
    return ctx;
}

std::string load_identity(SSL_CTX* ctx, const std::string& certificate, const std::string& key)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate.c_str()) != 1) {
        return file_problem("tls.certificate", certificate,
                            "a PEM file with the certificate first and its chain after it");
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, key.c_str(), SSL_FILETYPE_PEM) != 1) {
        const unsigned long error = ERR_peek_last_error();
        if (ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH) {
            return "tls.key " + key + " is not the key of tls.certificate " + certificate +
                   ". Use the pair that belongs together.";
        }
        return file_problem("tls.key", key, "a PEM file with an unencrypted private key");
    }
    if (SSL_CTX_check_private_key(ctx) != 1) {
        return "tls.key " + key + " is not the key of tls.certificate " + certificate +
               ". Use the pair that belongs together.";
    }
    return {};
}

// The system's authorities take 0.9 MiB; all sessions share one copy. Read anew when bundle or folder have changed. Any thread.
std::shared_ptr<X509_STORE> system_trust()
{
    struct Stamp {
        std::int64_t file = 0, folder = 0;
        bool operator==(const Stamp&) const = default;
    };
    static std::mutex mutex;
    static std::shared_ptr<X509_STORE> store;
    static Stamp read_at;
    const auto changed = [](const char* variable, const char* fallback) -> std::int64_t {
        const char* named = std::getenv(variable);
        struct stat what {};
        if (::stat(named ? named : fallback, &what) != 0) return 0;
        return std::int64_t{what.st_mtim.tv_sec} * 1'000'000'000 + what.st_mtim.tv_nsec;
    };
    const Stamp now{changed(X509_get_default_cert_file_env(), X509_get_default_cert_file()),
                    changed(X509_get_default_cert_dir_env(), X509_get_default_cert_dir())};
    const std::lock_guard lock{mutex};
    if (store && now == read_at) return store;
    std::shared_ptr<X509_STORE> fresh{X509_STORE_new(), &X509_STORE_free};
    if (!fresh) throw std::bad_alloc{};
    X509_STORE_set_default_paths(fresh.get()); // none there: every peer fails verification, which says so
    read_at = now;
    return store = std::move(fresh);
}

} // namespace

TlsContext::~TlsContext() { SSL_CTX_free(ctx_); }

TlsResult make_client_context(const TlsClientConfig& config)
{
    Ctx ctx = make(TLS_client_method());
    if (!ctx)
        return {nullptr,
                "TLS cannot start: OpenSSL has no client method. Check the installation of libssl3."};
    if (!config.ca.empty()) {
        const bool folder = config.ca.back() == '/';
        if (SSL_CTX_load_verify_locations(ctx.get(), folder ? nullptr : config.ca.c_str(),
                                          folder ? config.ca.c_str() : nullptr) != 1) {
            return {nullptr,
                    file_problem("tls.ca", config.ca, "a PEM file with the authority's certificate")};
        }
    } else if (config.verify) {
        const std::shared_ptr<X509_STORE> store = system_trust();
        SSL_CTX_set1_cert_store(ctx.get(), store.get());
    }
    SSL_CTX_set_verify(ctx.get(), config.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (!config.certificate.empty()) {
        std::string problem = load_identity(ctx.get(), config.certificate,
                                            config.key.empty() ? config.certificate : config.key);
        if (!problem.empty()) return {nullptr, std::move(problem)};
    }
    ERR_clear_error();
    return {std::make_shared<TlsContext>(ctx.release(), false, config.verify, config.server_name,
                                         config.pin_sha256),
            {}};
}

TlsResult make_server_context(const TlsServerConfig& config)
{
    Ctx ctx = make(TLS_server_method());
    if (!ctx)
        return {nullptr,
                "TLS cannot start: OpenSSL has no server method. Check the installation of libssl3."};
    std::string problem =
        load_identity(ctx.get(), config.certificate, config.key.empty() ? config.certificate : config.key);
    if (!problem.empty()) return {nullptr, std::move(problem)};
    SSL_CTX_set_num_tickets(ctx.get(), 1); // one resumption is what a reconnecting agent uses
    static constexpr unsigned char id[] = "agenthost";
    SSL_CTX_set_session_id_context(ctx.get(), id, sizeof id - 1);
    if (!config.client_ca.empty()) {
        if (SSL_CTX_load_verify_locations(ctx.get(), config.client_ca.c_str(), nullptr) != 1) {
            return {nullptr, file_problem("tls.client_ca", config.client_ca,
                                          "a PEM file with the clients' authority")};
        }
        SSL_CTX_set_client_CA_list(ctx.get(), SSL_load_client_CA_file(config.client_ca.c_str()));
        SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    ERR_clear_error();
    return {std::make_shared<TlsContext>(ctx.release(), true, !config.client_ca.empty(), std::string{},
                                         std::vector<std::string>{}),
            {}};
}

void prepare_client(SSL* ssl, const TlsContext& context, const std::string& host)
{
    SSL_set_connect_state(ssl);
    std::string name = context.server_name().empty() ? host : context.server_name();
    if (name.size() > 2 && name.front() == '[') name = name.substr(1, name.size() - 2); // [::1]
    if (name.empty()) return;
    const bool literal = is_address(name);
    if (!literal) SSL_set_tlsext_host_name(ssl, name.c_str());
    if (!context.verify()) return;
    if (literal)
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
    else
        SSL_set1_host(ssl, name.c_str());
}

std::string check_pins(SSL* ssl, const TlsContext& context)
{
    if (context.pins().empty()) return {};
    const std::string pin = base::base64(peer_spki_sha256(ssl));
    for (const auto& good : context.pins()) {
        if (good == pin) return {};
    }
    return "the peer's key has SHA-256 " + pin + ", which is not in pin_sha256";
}

std::string peer_spki_sha256(SSL* ssl)
{
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{SSL_get1_peer_certificate(ssl), &X509_free};
    if (!certificate) return {};
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
    if (size <= 0) return {};
    const auto digest = base::sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

} // namespace agenthost::host::net

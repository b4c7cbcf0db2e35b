#include "tls.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "ip_address.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string_view>

namespace agenthost::netclient {

namespace {

using Ctx = std::unique_ptr<SSL_CTX, FreeSsl>;

// One read() of the socket fills this much, several records, instead of two calls for each record of 16 KiB.
// Given back when empty.
constexpr std::size_t read_ahead = 64 * 1024;

// "tls.certificate /etc/c.pem: permission denied. Make it readable ...": the file system's reason first, then
// OpenSSL's.
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
    SSL_CTX_set_default_read_buffer_len(ctx.get(), read_ahead);
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
                   ". Use a matching pair.";
        }
        return file_problem("tls.key", key, "a PEM file with an unencrypted private key");
    }
    if (SSL_CTX_check_private_key(ctx) != 1) {
        return "tls.key " + key + " is not the key of tls.certificate " + certificate +
               ". Use a matching pair.";
    }
    return {};
}

// Authorities from a PEM file, or from a folder with hashed names.
bool trust(SSL_CTX* ctx, const std::string& ca)
{
    const bool folder = ca.back() == '/';
    const int loaded =
        folder ? SSL_CTX_load_verify_dir(ctx, ca.c_str()) : SSL_CTX_load_verify_file(ctx, ca.c_str());
    // An intermediate certificate is a trust anchor like a root: naming it as `ca` means trusting what it
    // signs.
    X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    return loaded == 1;
}

std::string or_default(const char* variable, const char* fallback)
{
    const char* named = std::getenv(variable);
    return named ? named : fallback;
}
std::string system_bundle()
{
    return or_default(X509_get_default_cert_file_env(), X509_get_default_cert_file());
}
std::string system_folder()
{
    return or_default(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
}

// The system's authorities take 0.9 MiB; all contexts that trust nothing else share one copy. Read again when
// the bundle or the folder has changed. Any thread.
std::shared_ptr<X509_STORE> system_store()
{
    struct Stamp {
        std::int64_t file = 0, folder = 0;
        bool operator==(const Stamp&) const = default;
    };
    static std::mutex mutex;
    static std::shared_ptr<X509_STORE> store;
    static Stamp read_at;
    const auto changed = [](const std::string& path) -> std::int64_t {
        struct stat what {};
        if (::stat(path.c_str(), &what) != 0) return 0;
        return std::int64_t{what.st_mtim.tv_sec} * 1'000'000'000 + what.st_mtim.tv_nsec;
    };
    const Stamp now{changed(system_bundle()), changed(system_folder())};
    const std::lock_guard lock{mutex};
    if (store && now == read_at) return store;
    std::shared_ptr<X509_STORE> fresh{X509_STORE_new(), &X509_STORE_free};
    if (!fresh) throw std::bad_alloc{};
    X509_STORE_set_default_paths(fresh.get()); // none there: every peer fails verification, which says so
    read_at = now;
    return store = std::move(fresh);
}

// A folder with the names OpenSSL looks certificates up by (c_rehash), as Debian keeps it.
bool has_hashed_names(const std::string& folder)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> dir{::opendir(folder.c_str()), &::closedir};
    if (!dir) return false;
    while (const dirent* entry = ::readdir(dir.get())) {
        const std::string_view name = entry->d_name;
        if (name.size() == 10 && name.ends_with(".0")) return true;
    }
    return false;
}

// Trusts the system's CAs in addition to others, in a store of its own. From the folder only the CA that a
// peer names is read; the bundle costs 0.9 MiB for all CAs and is used if there is no such folder or an
// administrator has named a bundle.
void trust_system_too(SSL_CTX* ctx)
{
    const bool named =
        std::getenv(X509_get_default_cert_file_env()) || std::getenv(X509_get_default_cert_dir_env());
    const std::string folder = system_folder();
    if (named || !has_hashed_names(folder) || SSL_CTX_load_verify_dir(ctx, folder.c_str()) != 1)
        SSL_CTX_set_default_verify_paths(ctx);
}

// Returns an empty string, or which CA cannot be used.
std::string set_trust(SSL_CTX* ctx, const TlsClientConfig& config)
{
    const bool own = !config.ca.empty() || !config.more_ca.empty() || config.system_too;
    if (!own && config.verify) SSL_CTX_set1_cert_store(ctx, system_store().get());
    if (own && (config.ca.empty() || config.system_too)) trust_system_too(ctx);
    constexpr const char* wanted = "a PEM file with the authority's certificate";
    if (!config.ca.empty() && !trust(ctx, config.ca)) return file_problem("tls.ca", config.ca, wanted);
    for (const auto& ca : config.more_ca)
        if (!trust(ctx, ca)) return file_problem("CA file", ca, wanted);
    return {};
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

std::vector<std::string> files_of(const TlsClientConfig& config)
{
    std::vector<std::string> files = config.more_ca;
    for (const auto* each : {&config.ca, &config.certificate, &config.key})
        if (!each->empty()) files.push_back(*each);
    if (config.ca.empty() || config.system_too) {
        files.push_back(system_bundle());
        files.push_back(system_folder());
    }
    return files;
}

std::vector<std::string> files_of(const TlsServerConfig& config)
{
    std::vector<std::string> files;
    for (const auto* each : {&config.certificate, &config.key, &config.client_ca})
        if (!each->empty()) files.push_back(*each);
    return files;
}

TlsResult make_client_context(const TlsClientConfig& config)
{
    Ctx ctx = make(TLS_client_method());
    if (!ctx)
        return {nullptr,
                "TLS cannot start: OpenSSL has no client method. Check the installation of libssl3."};
    if (std::string problem = set_trust(ctx.get(), config); !problem.empty())
        return {nullptr, std::move(problem)};
    SSL_CTX_set_verify(ctx.get(), config.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (!config.certificate.empty()) {
        std::string problem = load_identity(ctx.get(), config.certificate,
                                            config.key.empty() ? config.certificate : config.key);
        if (!problem.empty()) return {nullptr, std::move(problem)};
    }
    ERR_clear_error();
    return {std::make_shared<TlsContext>(ctx.release(), false, config), {}};
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
        if (!trust(ctx.get(), config.client_ca))
            return {nullptr, file_problem("tls.client_ca", config.client_ca,
                                          "a PEM file with the clients' authority")};
        SSL_CTX_set_client_CA_list(ctx.get(), SSL_load_client_CA_file(config.client_ca.c_str()));
        SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    ERR_clear_error();
    return {std::make_shared<TlsContext>(ctx.release(), true,
                                         TlsClientConfig{.verify = !config.client_ca.empty()}),
            {}};
}

void prepare_client(SSL* ssl, const TlsContext& context, const std::string& host)
{
    SSL_set_connect_state(ssl);
    std::string name = context.server_name().empty() ? host : context.server_name();
    if (name.size() > 2 && name.front() == '[') name = name.substr(1, name.size() - 2); // [::1]
    if (name.empty()) return;
    const bool literal = parse_ip(name).has_value();
    if (!literal) SSL_set_tlsext_host_name(ssl, name.c_str());
    if (!context.verify()) return;
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl);
    if (literal) {
        X509_VERIFY_PARAM_set1_ip_asc(verify, name.c_str());
    } else {
        X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        X509_VERIFY_PARAM_set1_host(verify, name.c_str(), 0);
    }
}

std::unique_ptr<SSL, FreeSsl> make_client(const TlsContext& context, int socket, const std::string& host)
{
    std::unique_ptr<SSL, FreeSsl> ssl{SSL_new(context.get())};
    if (!ssl || SSL_set_fd(ssl.get(), socket) != 1) return nullptr;
    prepare_client(ssl.get(), context, host);
    return ssl;
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

} // namespace agenthost::netclient

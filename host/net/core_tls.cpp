// The TLS part of Core: OpenSSL over a BIO that calls recv() and send() on the descriptor (no SIGPIPE, bytes
// counted, no recv() if the socket is known to be empty).
#include "core.hpp"

#include <boost/asio/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>

#include <sys/socket.h>

namespace agenthost::host::net {
namespace asio = boost::asio;

struct BioAccess {
    static Core& core(BIO* bio) { return *static_cast<Core*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* data, int size)
    {
        Core& c = core(bio);
        BIO_clear_retry_flags(bio);
        while (c.perhaps_more_) {
            const ssize_t n = ::recv(c.descriptor.native_handle(), data, static_cast<std::size_t>(size), 0);
            if (n > 0) {
                c.perhaps_more_ = n == size;
                c.bytes_in += static_cast<std::uint64_t>(n);
                return static_cast<int>(n);
            }
            if (n == 0) {
                c.bio_eof_ = true;
                return 0;
            }
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return -1;
            c.perhaps_more_ = false;
        }
        BIO_set_retry_read(bio);
        return -1;
    }

    static int write(BIO* bio, const char* data, int size)
    {
        Core& c = core(bio);
        BIO_clear_retry_flags(bio);
        for (;;) {
            const ssize_t n =
                ::send(c.descriptor.native_handle(), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
            if (n >= 0) {
                c.bytes_out += static_cast<std::uint64_t>(n);
                return static_cast<int>(n);
            }
            if (errno == EINTR) continue;
            if (errno == EAGAIN) BIO_set_retry_write(bio);
            return -1;
        }
    }

    static long control(BIO* bio, int command, long, void*)
    {
        if (command == BIO_CTRL_FLUSH) return 1;
        if (command == BIO_CTRL_EOF) return core(bio).bio_eof_ ? 1 : 0;
        return 0;
    }

    static int create(BIO* bio)
    {
        BIO_set_init(bio, 1);
        return 1;
    }

    static const BIO_METHOD* method()
    {
        static BIO_METHOD* const m = [] {
            BIO_METHOD* made =
                BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "agenthost descriptor");
            BIO_meth_set_read(made, &read);
            BIO_meth_set_write(made, &write);
            BIO_meth_set_ctrl(made, &control);
            BIO_meth_set_create(made, &create);
            return made;
        }();
        return m;
    }
};

namespace {

class StreamCategory : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "agenthost.stream"; }
    std::string message(int value) const override
    {
        switch (static_cast<StreamError>(value)) {
        case StreamError::truncated: return "the peer closed the connection without ending TLS";
        case StreamError::tls: return "TLS failed";
        case StreamError::pin: return "the peer's key is not one of pin_sha256";
        }
        return "unknown";
    }
};

// How an administrator can fix a rejected server certificate.
std::string remedy(long verdict)
{
    switch (verdict) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "Set tls.ca to the certificate of the authority that signed it";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "Write the name it was issued for into url, or set tls.server_name";
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED: return "Renew it on the server, and check this machine's clock";
    default: return "Check the server's certificate";
    }
}

std::string why_tls_failed(SSL* ssl, const std::string& host)
{
    const long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK) {
        return std::string{"the certificate"} + (host.empty() ? "" : " of " + host) +
               " is not accepted: " + X509_verify_cert_error_string(verdict) +
               (SSL_is_server(ssl) ? "" : ". " + remedy(verdict));
    }
    const unsigned long error = ERR_peek_last_error();
    const char* reason = error ? ERR_reason_error_string(error) : nullptr;
    return std::string{"TLS: "} + (reason ? reason : "the peer broke the protocol");
}

} // namespace

const boost::system::error_category& stream_category()
{
    static const StreamCategory category;
    return category;
}

void Core::start_tls(TlsContextPtr context, const std::string& host)
{
    tls = std::move(context);
    ssl = SSL_new(tls->get());
    if (!ssl) return; // out of memory: handshake() reports it
    BIO* bio = BIO_new(BioAccess::method());
    BIO_set_data(bio, this);
    SSL_set_bio(ssl, bio, bio);
    if (tls->server()) {
        SSL_set_accept_state(ssl);
        return;
    }
    netclient::prepare_client(ssl, *tls, host);
}

error_code Core::tls_error(int result, Want& wants)
{
    const int saved = errno;
    const int kind = SSL_get_error(ssl, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        wants = kind == SSL_ERROR_WANT_READ ? Want::read : Want::write;
        return asio::error::would_block;
    }
    if (kind == SSL_ERROR_ZERO_RETURN) return asio::error::eof;
    if (bio_eof_) return StreamError::truncated;
    if (kind == SSL_ERROR_SYSCALL && saved != 0) return {saved, boost::system::system_category()};
    problem = why_tls_failed(ssl, tls->server_name());
    return StreamError::tls;
}

bool Core::handshake(error_code& ec)
{
    if (!ssl) {
        ec = asio::error::no_memory;
        return true;
    }
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl);
    if (result != 1) {
        ec = tls_error(result, read_wants_);
        return ec != asio::error::would_block;
    }
    ec = {};
    problem = netclient::check_pins(ssl, *tls);
    if (!problem.empty()) ec = StreamError::pin;
    return true;
}

std::size_t Core::receive_tls(char* data, std::size_t size, error_code& ec)
{
    if (in_error_) {
        ec = in_error_;
        return 0;
    }
    std::size_t total = 0;
    while (total < size) {
        ERR_clear_error();
        std::size_t n = 0;
        const int result = SSL_read_ex(ssl, data + total, size - total, &n);
        if (result == 1) {
            total += n;
            read_wants_ = Want::read;
            tls_drained_ = false;
            if (!SSL_has_pending(ssl) && !perhaps_more_) break;
            continue;
        }
        ec = tls_error(result, read_wants_);
        tls_drained_ = true;
        if (ec != asio::error::would_block) in_error_ = ec;
        break;
    }
    if (total != 0) ec = {};
    return total;
}

bool Core::has_more_inside() const { return unread() != 0 || (ssl && !tls_drained_ && SSL_has_pending(ssl)); }

bool Core::send_corked_tls()
{
    while (unsent() != 0) {
        const std::string_view bytes = out_.front();
        ERR_clear_error();
        std::size_t n = 0;
        const int result = SSL_write_ex(ssl, bytes.data(), bytes.size(), &n);
        if (result != 1) {
            Want ignored{};
            const error_code ec = tls_error(result, ignored);
            if (ec != asio::error::would_block) out_error = ec;
            return false;
        }
        out_.drop(n);
    }
    return true;
}

std::size_t Core::write_tls(const char* data, std::size_t size, error_code& ec)
{
    std::size_t total = 0;
    while (total < size) {
        ERR_clear_error();
        std::size_t n = 0;
        const int result = SSL_write_ex(ssl, data + total, size - total, &n);
        if (result != 1) {
            Want ignored{};
            ec = tls_error(result, ignored);
            if (ec != asio::error::would_block) out_error = ec;
            break;
        }
        total += n;
    }
    if (total != 0) ec = {};
    return total;
}

} // namespace agenthost::host::net

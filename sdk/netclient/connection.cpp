#include "connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/sendfile.h>

#include <cerrno>
#include <cstring>

namespace agenthost::netclient {

Connection::~Connection()
{
    if (!ssl_ || !socket_) return;
    if (!broken_ && SSL_is_init_finished(ssl_.get()))
        SSL_shutdown(ssl_.get()); // close_notify, if the socket takes it now
    ERR_clear_error();
}

Connection::Done Connection::fail_errno(short wanted)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        wanted_ = wanted;
        return {Io::again};
    }
    error_ = std::strerror(errno);
    broken_ = true;
    return {Io::error};
}

Connection::Done Connection::fail(int rc)
{
    const int saved = errno;
    switch (SSL_get_error(ssl_.get(), rc)) {
    case SSL_ERROR_WANT_READ: wanted_ = POLLIN; return {Io::again};
    case SSL_ERROR_WANT_WRITE: wanted_ = POLLOUT; return {Io::again};
    case SSL_ERROR_ZERO_RETURN: return {Io::eof};
    case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        error_ = saved != 0 ? std::strerror(saved) : "the connection broke off";
        break;
    default:
        if (const long verify = SSL_get_verify_result(ssl_.get()); verify != X509_V_OK) {
            error_ = std::string{"the server's certificate was rejected: "} +
                     X509_verify_cert_error_string(verify);
            ERR_clear_error();
        } else {
            error_ = tls_error();
        }
    }
    broken_ = true;
    return {Io::error};
}

bool Connection::start_tls(TlsContextPtr context, const std::string& host)
{
    context_ = std::move(context);
    ssl_ = make_client(*context_, socket_.get(), host);
    return ssl_ != nullptr;
}

Connection::Io Connection::handshake()
{
    ERR_clear_error();
    errno = 0;
    const int rc = SSL_connect(ssl_.get());
    if (rc != 1) {
        const Io io = fail(rc).io;
        certificate_refused_ = io == Io::error && SSL_get_verify_result(ssl_.get()) != X509_V_OK;
        return io;
    }
    error_ = check_pins(ssl_.get(), *context_);
    if (error_.empty()) return Io::ok;
    broken_ = certificate_refused_ = true;
    return Io::error;
}

Connection::Done Connection::read(void* data, std::size_t size)
{
    if (ssl_) {
        ERR_clear_error();
        errno = 0;
        std::size_t n = 0;
        const int rc = SSL_read_ex(ssl_.get(), data, size, &n);
        return rc == 1 ? Done{Io::ok, n} : fail(rc);
    }
    const ssize_t n = ::recv(socket_.get(), data, size, 0);
    if (n > 0) return {Io::ok, static_cast<std::size_t>(n)};
    return n == 0 ? Done{Io::eof} : fail_errno(POLLIN);
}

Connection::Done Connection::write(const void* data, std::size_t size)
{
    if (ssl_) {
        ERR_clear_error();
        errno = 0;
        std::size_t n = 0;
        const int rc = SSL_write_ex(ssl_.get(), data, size, &n);
        return rc == 1 ? Done{Io::ok, n} : fail(rc);
    }
    const ssize_t n = ::send(socket_.get(), data, size, MSG_NOSIGNAL);
    return n >= 0 ? Done{Io::ok, static_cast<std::size_t>(n)} : fail_errno(POLLOUT);
}

void Connection::cork(bool on)
{
    const int value = on ? 1 : 0;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_CORK, &value, sizeof value); // only a matter of speed
}

Connection::Done Connection::send_file(int file, std::uint64_t& offset, std::size_t size)
{
    auto at = static_cast<off_t>(offset);
    const ssize_t n = ::sendfile(socket_.get(), file, &at, size);
    if (n < 0) return fail_errno(POLLOUT);
    offset = static_cast<std::uint64_t>(at);
    return n == 0 ? Done{Io::eof}
                  : Done{Io::ok, static_cast<std::size_t>(n)}; // eof: the file is shorter than it was
}

} // namespace agenthost::netclient

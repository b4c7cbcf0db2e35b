#include "stream.hpp"

#include "netclient/ip_address.hpp"

#include <boost/asio/post.hpp>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace agenthost::host::net {
namespace asio = boost::asio;
using detail::CorePtr;

namespace {

void post_done(const CorePtr& core, Stream::Done done, error_code ec)
{
    asio::post(core->executor, [done = std::move(done), ec] { done(ec); });
}

void handshake_step(const CorePtr& core, Stream::Done done, bool first)
{
    error_code ec;
    if (core->handshake(ec)) {
        if (first) return post_done(core, std::move(done), ec);
        return done(ec);
    }
    core->descriptor.async_wait(core->wait_for(core->before_wait()),
                                [core, done = std::move(done)](error_code failed) mutable {
                                    if (failed) return done(failed);
                                    core->readable();
                                    handshake_step(core, std::move(done), false);
                                });
}

void flush_step(const CorePtr& core, Stream::Done done, bool first)
{
    core->flush();
    const bool open = core->descriptor.is_open();
    if (core->unsent() == 0 || core->out_error || !open) {
        const error_code ec =
            core->out_error || open ? core->out_error : error_code{asio::error::bad_descriptor};
        if (first) return post_done(core, std::move(done), ec);
        return done(ec);
    }
    core->descriptor.async_wait(Core::Descriptor::wait_write,
                                [core, done = std::move(done)](error_code failed) mutable {
                                    if (failed) return done(failed);
                                    flush_step(core, std::move(done), false);
                                });
}

} // namespace

Stream::Stream(const asio::any_io_executor& executor, int fd)
    : Stream{static_cast<asio::io_context&>(asio::query(executor, asio::execution::context)).get_executor(),
             fd}
{}

void Stream::async_handshake(TlsContextPtr context, const std::string& host, Done done)
{
    core_->start_tls(std::move(context), host);
    handshake_step(core_, std::move(done), true);
}

bool Stream::write(std::string_view piece)
{
    if (core_->out_error || !is_open()) return false;
    if (core_->unsent() + piece.size() > max_corked - block_size) core_->flush();
    if (core_->free_space() < piece.size()) return false;
    error_code ec;
    return core_->write_some(piece.data(), piece.size(), ec) == piece.size();
}

void Stream::async_flush(Done done) { flush_step(core_, std::move(done), true); }

void Stream::async_shutdown(Done done)
{
    async_flush([core = core_, done = std::move(done)](error_code ec) {
        core->shutdown_send();
        done(ec);
    });
}

void Stream::cancel()
{
    error_code ignored;
    core_->descriptor.cancel(ignored);
}

std::size_t Stream::write_now(const void* data, std::size_t size, error_code& ec)
{
    core_->flush();
    if (core_->unsent() != 0 && !core_->out_error) {
        ec = asio::error::would_block;
        return 0;
    }
    if (core_->ssl && !core_->out_error && is_open())
        return core_->write_tls(static_cast<const char*>(data), size, ec);
    return core_->write_through(data, size, ec);
}

std::size_t Stream::sendfile_now(int fd, std::uint64_t& offset, std::size_t size, error_code& ec)
{
    core_->flush();
    ec = core_->out_error;
    if (!ec && !is_open()) ec = asio::error::bad_descriptor;
    if (!ec && core_->unsent() != 0) ec = asio::error::would_block;
    if (ec) return 0;
    for (;;) {
        auto at = static_cast<off_t>(offset);
        const ssize_t n = ::sendfile(native_handle(), fd, &at, size);
        if (n > 0) {
            offset += static_cast<std::uint64_t>(n);
            core_->bytes_out += static_cast<std::uint64_t>(n);
            return static_cast<std::size_t>(n);
        }
        if (n == 0) {
            // The file is shorter than announced.
            ec = asio::error::eof;
            return 0;
        }
        if (errno == EINTR) continue;
        ec = errno == EAGAIN ? error_code{asio::error::would_block}
                             : error_code{errno, boost::system::system_category()};
        return 0;
    }
}

void Stream::wait_readable(Done done)
{
    if (core_->has_more_inside() || !is_open()) {
        return post_done(core_, std::move(done),
                         is_open() ? error_code{} : error_code{asio::error::bad_descriptor});
    }
    core_->reading = true;
    core_->descriptor.async_wait(core_->wait_for(core_->before_wait()),
                                 [core = core_, done = std::move(done)](error_code ec) {
                                     core->reading = false;
                                     core->readable();
                                     done(ec);
                                 });
}

void Stream::wait_writable(Done done)
{
    core_->descriptor.async_wait(Core::Descriptor::wait_write, std::move(done));
}

std::string Stream::take_buffered()
{
    std::string bytes(core_->unread(), '\0');
    core_->take(bytes.data(), bytes.size());
    return bytes;
}

std::string address_text(const sockaddr* address)
{
    // An IPv4 peer of a dual-stack socket is shown as IPv4.
    const auto ip = netclient::ip_of(address);
    if (!ip) return "unix";
    const auto port = address->sa_family == AF_INET
                          ? reinterpret_cast<const sockaddr_in*>(address)->sin_port
                          : reinterpret_cast<const sockaddr_in6*>(address)->sin6_port;
    return netclient::IpEndpoint{*ip, ntohs(port)}.text();
}

std::string Stream::peer() const
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (!is_open() || ::getpeername(native_handle(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return "unknown";
    return address_text(reinterpret_cast<const sockaddr*>(&address));
}

std::string Stream::peer_spki() const
{
    return core_->ssl ? netclient::peer_spki_sha256(core_->ssl) : std::string{};
}

void Stream::no_delay()
{
    const int on = 1;
    ::setsockopt(native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void beast_close_socket(Stream& stream) { stream.close(); }

void teardown(boost::beast::role_type, Stream& stream, error_code& ec)
{
    ec = {};
    stream.flush();
    stream.close();
}

} // namespace agenthost::host::net

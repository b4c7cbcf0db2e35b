// A connected TCP or AF_UNIX socket, plain or TLS, as an Asio AsyncStream with a cork: one read fills 64 KiB
// and serves many frames; writes are collected and sent when the next read would block. One type for plain
// and TLS (OpenSSL on the descriptor itself), so Beast is compiled once. Measurements:
// shared/design/PERFORMANCE.md.
//
// All calls run on the executor's thread. Corked bytes are sent when the next read has to wait, by flush(),
// or, if nothing reads, a few loop iterations after the write. Back-pressure: async_write_some delays its
// completion while max_corked (256 KiB) are unsent. Buffers are borrowed only while they hold bytes; an idle
// Stream holds none. Owns the descriptor and the SSL. A completion never runs inside the call that started
// it. At most one read and one write at a time.
//
// One class, although it has more than 25 members: it is the complete interface of a socket and holds nothing
// but a pointer to its Core.
//
//   net::Stream stream{io.get_executor(), fd};
//   stream.async_handshake(context, "files.example.com", [&](error_code ec) { ... });
//   // stream.problem() has OpenSSL's text
//   boost::beast::websocket::stream<net::Stream, false> ws{std::move(stream)};
#pragma once

#include "host/net/core.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/relationship.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>
#include <boost/beast/core/role.hpp>

namespace agenthost::host::net {

namespace detail {

using CorePtr = std::shared_ptr<Core>;

// Preserves the handler's executor, allocator and cancellation slot across our own steps.
template <class Handler> struct Step {
    using executor_type = boost::asio::associated_executor_t<Handler, Core::executor_type>;
    using allocator_type = boost::asio::associated_allocator_t<Handler>;
    using cancellation_slot_type = boost::asio::associated_cancellation_slot_t<Handler>;
    executor_type get_executor() const noexcept
    {
        return boost::asio::get_associated_executor(handler, core->executor);
    }
    allocator_type get_allocator() const noexcept { return boost::asio::get_associated_allocator(handler); }
    cancellation_slot_type get_cancellation_slot() const noexcept
    {
        return boost::asio::get_associated_cancellation_slot(handler);
    }

    Handler handler;
    CorePtr core;
};

// Completes a finished operation from the loop, as Asio requires; lock-free on the loop's own thread.
template <class Handler> void complete_later(Handler handler, const Core& core, error_code ec, std::size_t n)
{
    namespace asio = boost::asio;
    auto executor = asio::get_associated_executor(handler, core.executor);
    auto allocator = asio::get_associated_allocator(handler);
    asio::prefer(asio::require(executor, asio::execution::blocking.never),
                 asio::execution::relationship.continuation, asio::execution::allocator(allocator))
        .execute([handler = std::move(handler), ec, n]() mutable { std::move(handler)(ec, n); });
}

template <class Buffers> std::size_t read_into(Core& core, const Buffers& buffers, error_code& ec)
{
    std::size_t total = 0;
    for (auto it = boost::asio::buffer_sequence_begin(buffers),
              end = boost::asio::buffer_sequence_end(buffers);
         it != end; ++it) {
        const boost::asio::mutable_buffer buffer{*it};
        if (buffer.size() == 0) continue;
        // No system call for the rest of a scatter list.
        if (total != 0 && core.unread() == 0) break;
        const std::size_t n = core.read_some(buffer.data(), buffer.size(), ec);
        total += n;
        if (n < buffer.size()) break;
    }
    if (total != 0) ec = {};
    return total;
}

template <class Buffers> std::size_t write_from(Core& core, const Buffers& buffers, error_code& ec)
{
    // From this size a copy costs more than a system call.
    constexpr std::size_t big = 32 * 1024;
    std::size_t total = 0;
    for (auto it = boost::asio::buffer_sequence_begin(buffers),
              end = boost::asio::buffer_sequence_end(buffers);
         it != end; ++it) {
        const boost::asio::const_buffer buffer{*it};
        if (buffer.size() == 0) continue;
        const bool through = buffer.size() >= big && !core.ssl;
        const std::size_t n = through ? core.write_through(buffer.data(), buffer.size(), ec)
                                      : core.write_some(buffer.data(), buffer.size(), ec);
        total += n;
        if (n < buffer.size()) break;
    }
    if (total != 0) ec = {};
    return total;
}

template <class Handler, class Buffers> struct ReadStep : Step<Handler> {
    Buffers buffers;

    void wait()
    {
        Core& core = *this->core;
        core.reading = true;
        const auto want = core.before_wait();
        core.descriptor.async_wait(core.wait_for(want), std::move(*this));
    }
    void operator()(error_code ec)
    {
        this->core->reading = false;
        this->core->readable();
        std::size_t n = 0;
        if (!ec) n = read_into(*this->core, buffers, ec);
        if (ec == boost::asio::error::would_block) return wait();
        std::move(this->handler)(ec, n);
    }
};

template <class Handler, class Buffers> struct WriteStep : Step<Handler> {
    Buffers buffers;

    void wait()
    {
        Core& core = *this->core;
        core.descriptor.async_wait(Core::Descriptor::wait_write, std::move(*this));
    }
    void operator()(error_code ec)
    {
        std::size_t n = 0;
        if (!ec) n = write_from(*this->core, buffers, ec);
        if (ec == boost::asio::error::would_block) return wait();
        std::move(this->handler)(ec, n);
    }
};

} // namespace detail

class Stream {
public:
    using executor_type = Core::executor_type;
    using Done = std::function<void(error_code)>;
    // Of unsent bytes.
    static constexpr std::size_t max_corked = Core::max_corked;

    // Takes ownership of a connected descriptor and makes it non-blocking.
    Stream(const executor_type& executor, int fd) : core_{std::make_shared<Core>(executor, fd)} {}
    // `executor` must be an io_context's, plain or inside an any_io_executor.
    Stream(const boost::asio::any_io_executor& executor, int fd);
    Stream(Stream&&) noexcept = default;
    Stream& operator=(Stream&& other) noexcept
    {
        if (core_ && core_ != other.core_) core_->close();
        core_ = std::move(other.core_);
        return *this;
    }
    ~Stream()
    {
        if (core_) core_->close();
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return core_->executor; }

    template <class MutableBuffers, class Token>
    auto async_read_some(const MutableBuffers& buffers, Token&& token)
    {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, const detail::CorePtr& core, const MutableBuffers& buffers) {
                error_code ec;
                const std::size_t n =
                    boost::asio::buffer_size(buffers) == 0 ? 0 : detail::read_into(*core, buffers, ec);
                if (ec == boost::asio::error::would_block) {
                    detail::ReadStep<decltype(handler), MutableBuffers>{{std::move(handler), core}, buffers}
                        .wait();
                } else {
                    detail::complete_later(std::move(handler), *core, ec, n);
                }
            },
            token, core_, buffers);
    }

    template <class ConstBuffers, class Token>
    auto async_write_some(const ConstBuffers& buffers, Token&& token)
    {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, const detail::CorePtr& core, const ConstBuffers& buffers) {
                error_code ec;
                const std::size_t n = detail::write_from(*core, buffers, ec);
                if (ec == boost::asio::error::would_block) {
                    detail::WriteStep<decltype(handler), ConstBuffers>{{std::move(handler), core}, buffers}
                        .wait();
                } else {
                    detail::complete_later(std::move(handler), *core, ec, n);
                }
            },
            token, core_, buffers);
    }

    // Switches to TLS in the context's role. `host`: the name to verify and to send (SNI), clients only. On
    // failure problem() returns a readable reason.
    void async_handshake(TlsContextPtr context, const std::string& host, Done done);

    void flush() { core_->flush(); }
    // Set while a batch of messages is handled: the caller promises to flush() or to wait for input
    // afterwards.
    void will_flush(bool on) { core_->reader_flushes = on; }
    // Corked bytes.
    [[nodiscard]] std::size_t unsent() const { return core_->unsent(); }
    // Copies the complete piece into the cork, or nothing and returns false (full, or failed: see error()).
    // No completion; the caller need not keep it.
    bool write(std::string_view piece);
    // The same for a WebSocket frame, whose payload is masked during the copy (clients only). May be mixed
    // with Beast's control frames, which enter the cork complete, but not with a message that Beast is
    // writing.
    bool write_frame(std::string_view head, std::string_view payload, const MaskKey* mask)
    {
        return core_->write_frame(head, payload, mask);
    }
    // Writes as much of a frame's payload as fits, starting at `at`; 0: no space; see wait_writable().
    std::size_t write_payload(std::string_view payload, std::size_t at, const MaskKey* mask)
    {
        return core_->write_payload(payload, at, mask);
    }
    [[nodiscard]] error_code error() const { return core_->out_error; }
    // Completes when the cork is empty, or with the error that prevents it.
    void async_flush(Done done);
    // Sends close_notify and FIN after a flush; reading continues. close() is immediate and drops the cork.
    void async_shutdown(Done done);
    void close() { core_->close(); }
    void cancel();

    // For bodies, bypassing Beast: returns buffered bytes first; on would_block, wait_readable/wait_writable
    // and retry.
    std::size_t read_now(void* data, std::size_t size, error_code& ec)
    {
        return core_->read_some(data, size, ec);
    }
    // Bypasses the cork, which is sent first.
    std::size_t write_now(const void* data, std::size_t size, error_code& ec);
    // Plain connections only.
    std::size_t sendfile_now(int fd, std::uint64_t& offset, std::size_t size, error_code& ec);
    // Flushes first.
    void wait_readable(Done done);
    void wait_writable(Done done);
    // The number of bytes that were read from the socket but not consumed.
    [[nodiscard]] std::size_t buffered() const { return core_->unread(); }
    // The same bytes; reads if there are none.
    std::string_view peek(error_code& ec)
    {
        const std::span<char> bytes = core_->peek(ec);
        return {bytes.data(), bytes.size()};
    }
    // The same, writable, to unmask in place.
    std::span<char> peek_to_change(error_code& ec) { return core_->peek(ec); }
    // Of the bytes that peek() returned.
    void consume(std::size_t n) { core_->take(nullptr, n); }
    // Consumes and returns the bytes that were read but not consumed.
    std::string take_buffered();
    // Beast's reads stop after the next HTTP head; what follows it stays buffered, see Core.
    void stop_at_head_end() { core_->stop_at_head_end(); }
    // Keeps the last bytes read, at most `max`, for error messages.
    void keep_tail(std::size_t max) { core_->keep_tail(max); }
    [[nodiscard]] const std::string& tail() const { return core_->tail(); }

    [[nodiscard]] bool tls() const { return core_->ssl != nullptr; }
    [[nodiscard]] bool is_open() const { return core_ && core_->descriptor.is_open(); }
    [[nodiscard]] int native_handle() const { return core_->descriptor.native_handle(); }
    [[nodiscard]] std::uint64_t bytes_in() const { return core_->bytes_in; }
    [[nodiscard]] std::uint64_t bytes_out() const { return core_->bytes_out; }
    [[nodiscard]] const std::string& problem() const { return core_->problem; }
    // "127.0.0.1:5000", "[::1]:5000", "unix".
    [[nodiscard]] std::string peer() const;
    // The raw SHA-256 of the public key in the peer's certificate; empty without a certificate.
    [[nodiscard]] std::string peer_spki() const;
    void no_delay();

private:
    detail::CorePtr core_;
};

// "127.0.0.1:5000", "[::1]:5000", "unix".
std::string address_text(const struct sockaddr* address);

// Beast finds these by argument-dependent lookup and calls them to end a WebSocket over this stream.
void beast_close_socket(Stream&);
void teardown(boost::beast::role_type, Stream&, error_code&);

template <class TeardownHandler>
void async_teardown(boost::beast::role_type, Stream& stream, TeardownHandler&& handler)
{
    // The handler may be move-only and has its own executor; std::function requires copies.
    auto shared = std::make_shared<std::decay_t<TeardownHandler>>(std::forward<TeardownHandler>(handler));
    stream.async_shutdown([shared](error_code ec) { std::move (*shared)(ec); });
}

} // namespace agenthost::host::net

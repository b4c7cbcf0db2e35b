// The non-template part of Stream: one descriptor (plain or TLS), a read block and a cork. Private to
// host/net (see stream.hpp), shared by a Stream and its pending operations; on the executor's thread.
//
// One class, although it has more than 25 members: TLS and plain I/O use the same descriptor, counters and
// buffers, and every operation is a handful of lines over them. What needs no I/O is apart: Cork, HeadEnd,
// Tail.
#pragma once

#include "host/net/blocks.hpp"
#include "host/net/cork.hpp"
#include "host/net/frame.hpp"
#include "host/net/head_end.hpp"
#include "host/net/tail.hpp"
#include "netclient/tls.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace agenthost::host::net {

using boost::system::error_code;
using netclient::TlsContextPtr;

enum class StreamError { truncated = 1, tls = 2, pin = 3 };
const boost::system::error_category& stream_category();
inline error_code make_error_code(StreamError e) { return {static_cast<int>(e), stream_category()}; }

class Core : public std::enable_shared_from_this<Core> {
public:
    using executor_type = boost::asio::io_context::executor_type;
    using Descriptor = boost::asio::posix::basic_stream_descriptor<executor_type>;
    enum class Want { read, write };

    static constexpr std::size_t max_corked = Cork::max_bytes;

    Core(const executor_type& executor, int fd);
    ~Core();

    // Reads up to `size` bytes; 0 with would_block, eof or another error. Never blocks.
    std::size_t read_some(void* data, std::size_t size, error_code& ec);
    // Returns the bytes that were read but not consumed; reads a block if there are none. Empty on error. The
    // bytes may be modified.
    std::span<char> peek(error_code& ec);
    // From now on tail() returns the last bytes, at most `max`, that read_some() returned: for error
    // messages.
    void keep_tail(std::size_t max) { tail_.keep(max); }
    [[nodiscard]] const std::string& tail() const { return tail_.bytes(); }
    // From now on read_some() stops once at the empty line that ends an HTTP head: what follows a 101 is no
    // longer HTTP.
    void stop_at_head_end() { head_end_.look_for(); }
    // True if OpenSSL's buffer holds bytes, so that wait_readable need not wait.
    [[nodiscard]] bool has_more_inside() const;
    // Copies as much as fits into the cork; 0 with would_block if it is full even after a flush. Data of at
    // most `whole` bytes is written completely or not at all, so that write_frame() never splits one of
    // Beast's control frames.
    std::size_t write_some(const void* data, std::size_t size, error_code& ec);
    static constexpr std::size_t whole = 256;
    // Copies the complete frame into the cork: head and payload, masked if there is a key; a big one is sent
    // at once and only what the socket does not accept is copied. False: no space even after a flush, or
    // failed.
    bool write_frame(std::string_view head, std::string_view payload, const MaskKey* mask);
    // Copies as much of the payload as fits into the cork, starting at `at`; 0: no space, or failed.
    std::size_t write_payload(std::string_view payload, std::size_t at, const MaskKey* mask);
    // Bypasses the cork if it is empty (plain only): for big buffers.
    std::size_t write_through(const void* data, std::size_t size, error_code& ec);
    // Sends as much of the cork as the socket accepts; the rest is sent automatically when the socket is
    // writable again.
    void flush();
    // Schedules a flush that combines writes made outside the read path.
    void flush_soon();
    // While true, the reader will flush, so no flush is posted.
    bool reader_flushes = false;
    // Call it before waiting for input; flushes the cork first.
    Want before_wait()
    {
        flush();
        return read_wants_;
    }
    Descriptor::wait_type wait_for(Want want) const
    {
        return want == Want::read ? Descriptor::wait_read : Descriptor::wait_write;
    }

    // TLS write that bypasses the cork, which must be empty. After would_block, retry with the same bytes.
    std::size_t write_tls(const char* data, std::size_t size, error_code& ec);
    // Call it when the socket becomes readable.
    void readable() { perhaps_more_ = true; }

    void start_tls(TlsContextPtr context, const std::string& host);
    // True: done or failed. False: wait for what before_wait() returns, then call it again.
    bool handshake(error_code& ec);
    // Sends close_notify and FIN after a flush, as far as that is possible now.
    void shutdown_send();
    void close();

    [[nodiscard]] std::size_t unsent() const { return out_.size(); }
    [[nodiscard]] std::size_t unread() const { return in_end_ - in_begin_; }
    // The number of bytes that write_some() would accept without a flush.
    [[nodiscard]] std::size_t free_space() const { return out_.free_space(); }
    // Consumes unread bytes. `data` null: drops them.
    std::size_t take(char* data, std::size_t size);

    executor_type executor;
    Descriptor descriptor;
    TlsContextPtr tls;
    SSL* ssl = nullptr;
    // A read waits for the socket, so nothing else will flush.
    bool reading = false;
    // Why the cork could not be sent; every later write returns it.
    error_code out_error;
    // OpenSSL's text for the last failure.
    std::string problem;
    // On the wire.
    std::uint64_t bytes_in = 0, bytes_out = 0;
    friend struct BioAccess;

private:
    void late_flush(int hops);
    void wait_to_flush();
    // False: the socket is full.
    bool send_corked();
    bool send_corked_plain();
    bool send_corked_tls();
    // Sends the cork's bytes and the frame's; returns the number of the frame's bytes that were sent.
    std::size_t send_with_corked(std::string_view head, std::string_view payload);
    std::size_t send_now(std::span<iovec> pieces);
    std::size_t space_after_flush(std::size_t wanted);
    std::size_t receive(void* data, std::size_t size, error_code& ec);
    std::size_t receive_tls(char* data, std::size_t size, error_code& ec);
    error_code tls_error(int result, Want& wants);

    HeadEnd head_end_;
    Tail tail_;
    Block in_;
    std::uint32_t in_begin_ = 0, in_end_ = 0;
    Cork out_;
    Want read_wants_ = Want::read;
    // TLS: the stream has ended; every later read returns this.
    error_code in_error_;
    // The last recv() filled its buffer, so another may return more.
    bool perhaps_more_ = true;
    bool late_flush_posted_ = false, flush_waits_ = false, bio_eof_ = false;
    // OpenSSL needs more bytes from the socket.
    bool tls_drained_ = true;
};

} // namespace agenthost::host::net

template <> struct boost::system::is_error_code_enum<agenthost::host::net::StreamError> : std::true_type {};

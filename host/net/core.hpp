// The non-template part of Stream: one descriptor (plain or TLS), a read block and a cork. Private to
// host/net; see stream.hpp.
#pragma once

#include "host/net/blocks.hpp"
#include "host/net/frame.hpp"
#include "netclient/tls.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

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

    static constexpr std::size_t out_blocks = 4;
    static constexpr std::size_t cork_bytes = out_blocks * block_size;

    Core(const executor_type& executor, int fd);
    ~Core();

    // Reads up to `size` bytes; 0 with would_block, eof or another error. Never blocks.
    std::size_t read_some(void* data, std::size_t size, error_code& ec);
    // Returns the bytes that were read but not consumed; reads a block if there are none. Empty on error. The
    // bytes may be modified.
    std::span<char> peek(error_code& ec);
    // From now on tail() returns the last bytes, at most `most`, that read_some() returned: for error
    // messages.
    void keep_tail(std::size_t most) { max_tail_ = most; }
    [[nodiscard]] const std::string& tail() const { return tail_; }
    // From now on read_some() stops once at the empty line that ends an HTTP head: what follows a 101 is no
    // longer HTTP.
    void stop_at_head_end() { head_end_matched_ = 0; }
    // True if OpenSSL's buffer holds bytes, so that wait_readable need not wait.
    [[nodiscard]] bool has_more_inside() const;
    // Copies as much as fits into the cork; 0 with would_block if it is full even after a flush. Data of at
    // most `whole` bytes is written completely or not at all, so that write_frame() never splits one of
    // Beast's control frames.
    std::size_t write_some(const void* data, std::size_t size, error_code& ec);
    static constexpr std::size_t whole = 256;
    // Copies the complete frame into the cork: head and payload, masked if there is a key. False: no room
    // even after a flush, or failed.
    bool write_frame(std::string_view head, std::string_view payload, const MaskKey* mask);
    // Copies as much of the payload as fits into the cork, starting at `at`; 0: no room, or failed.
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
    // Called before waiting for input; flushes the cork first.
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
    void readable() { perhaps_more_ = true; } // called when the socket becomes readable

    void start_tls(TlsContextPtr context, const std::string& host);
    bool handshake(error_code& ec); // true: done or failed; false: wait for read_wants_
    void shutdown_send();           // close_notify and FIN, best effort, after a flush
    void close();

    [[nodiscard]] std::size_t unsent() const { return out_size_; }
    [[nodiscard]] std::size_t unread() const { return in_end_ - in_begin_; }
    [[nodiscard]] std::size_t room() const;         // bytes that write_some() would accept without a flush
    std::size_t take(char* data, std::size_t size); // consumes unread bytes; data null: drops them

    executor_type executor;
    Descriptor descriptor;
    TlsContextPtr tls;
    SSL* ssl = nullptr;
    bool reading = false;                      // a read waits for the socket, so nothing else will flush
    error_code out_error;                      // why the cork could not be sent; every later write returns it
    std::string problem;                       // OpenSSL's text for the last failure
    std::uint64_t bytes_in = 0, bytes_out = 0; // on the wire
    friend struct BioAccess;

private:
    struct OutBlock {
        Block block;
        std::uint32_t begin = 0, end = 0;
    };

    void late_flush(int hops);
    void wait_to_flush();
    bool send_corked(); // false: the socket is full
    bool send_corked_plain();
    bool send_corked_tls();
    void sent(std::size_t n);
    std::size_t room_after_flush(std::size_t wanted);
    std::pair<char*, std::size_t> out_space(); // in the last block or a new one; size 0: all are full
    void corked(std::size_t n);                // marks n bytes of out_space() as written
    std::size_t cork_payload(std::string_view payload, std::size_t at, const MaskKey* mask);
    std::size_t receive(void* data, std::size_t size, error_code& ec);
    std::size_t receive_tls(char* data, std::size_t size, error_code& ec);
    error_code tls_error(int result, Want& wants);

    void remember(std::string_view bytes);
    std::size_t up_to_head_end(std::size_t size);

    // Bytes of the empty line matched so far.
    std::optional<std::uint8_t> head_end_matched_;
    std::size_t max_tail_ = 0;
    std::string tail_;
    Block in_;
    std::uint32_t in_begin_ = 0, in_end_ = 0;
    std::array<OutBlock, out_blocks> out_;
    std::uint32_t out_first_ = 0, out_count_ = 0;
    std::size_t out_size_ = 0;
    Want read_wants_ = Want::read;
    error_code in_error_;      // TLS: the stream has ended; every later read returns this
    bool perhaps_more_ = true; // the last recv() filled its buffer, so another may return more
    bool late_flush_posted_ = false, flush_waits_ = false, bio_eof_ = false;
    bool tls_drained_ = true; // OpenSSL needs more bytes from the socket
};

} // namespace agenthost::host::net

template <> struct boost::system::is_error_code_enum<agenthost::host::net::StreamError> : std::true_type {};

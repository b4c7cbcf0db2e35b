// What a Stream does without templates: one descriptor, plain or TLS, a read block and a cork. Private to host/net; see stream.hpp.
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

    // Up to `size` bytes; 0 with would_block, eof or another error. Never blocks.
    std::size_t read_some(void* data, std::size_t size, error_code& ec);
    // What has been read and not yet taken; reads a block when there is nothing. Empty with an error. The bytes may be changed.
    std::span<char> peek(error_code& ec);
    // From now on tail() is the end of what read_some() returned, at most `most` bytes of it: for error messages.
    void keep_tail(std::size_t most) { most_tail_ = most; }
    [[nodiscard]] const std::string& tail() const { return tail_; }
    // From now on read_some() gives nothing beyond the empty line that ends an HTTP head, until that line has been given: what follows a 101
    // is no longer HTTP.
    void stop_at_head_end() { head_end_matched_ = 0; }
    // Must wait_readable wait? Not when bytes lie in OpenSSL's buffer.
    [[nodiscard]] bool has_more_inside() const;
    // Into the cork, as much as fits; 0 with would_block when it is full even after a flush. What is no longer than `whole` goes as a
    // whole or not at all, so that write_frame() never comes between the halves of a control frame of Beast's.
    std::size_t write_some(const void* data, std::size_t size, error_code& ec);
    static constexpr std::size_t whole = 256;
    // Into the cork as a whole: the head, and the payload, under its mask if there is one. False: no room even after a flush, or failed.
    bool write_frame(std::string_view head, std::string_view payload, const MaskKey* mask);
    // Into the cork, as much of the payload from `at` on as there is room for; 0: none, or failed.
    std::size_t write_payload(std::string_view payload, std::size_t at, const MaskKey* mask);
    // Past the cork when it is empty (plain only): for big buffers.
    std::size_t write_through(const void* data, std::size_t size, error_code& ec);
    // Sends what is corked, as far as the socket takes it; the rest follows by itself when it is writable again.
    void flush();
    // A write outside the read path leaves soon, together with its neighbours.
    void flush_soon();
    // While true whoever reads will flush, so that nothing is posted for it.
    bool reader_flushes = false;
    // Called before waiting for input: the cork leaves first.
    Want before_wait()
    {
        flush();
        return read_wants_;
    }
    Descriptor::wait_type wait_for(Want want) const
    {
        return want == Want::read ? Descriptor::wait_read : Descriptor::wait_write;
    }

    // TLS past the cork, which must be empty. After would_block come again with the same bytes.
    std::size_t write_tls(const char* data, std::size_t size, error_code& ec);
    void readable() { perhaps_more_ = true; } // the socket says so

    void start_tls(TlsContextPtr context, const std::string& host);
    bool handshake(error_code& ec); // true: done or failed; false: wait for read_wants_
    void shutdown_send();           // close_notify and FIN, best effort, after a flush
    void close();

    [[nodiscard]] std::size_t unsent() const { return out_size_; }
    [[nodiscard]] std::size_t unread() const { return in_end_ - in_begin_; }
    [[nodiscard]] std::size_t room() const;         // what write_some() would take without a flush
    std::size_t take(char* data, std::size_t size); // of what is unread; data null: dropped

    executor_type executor;
    Descriptor descriptor;
    TlsContextPtr tls;
    SSL* ssl = nullptr;
    bool reading = false;                      // a read waits for the socket: nobody else will flush
    error_code out_error;                      // the cork could not be sent; every later write says so
    std::string problem;                       // TLS's own words for the last failure
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
    std::pair<char*, std::size_t> out_space(); // in the last block, or a new one; size 0: all are full
    void corked(std::size_t n);                // of out_space()
    std::size_t cork_payload(std::string_view payload, std::size_t at, const MaskKey* mask);
    std::size_t receive(void* data, std::size_t size, error_code& ec);
    std::size_t receive_tls(char* data, std::size_t size, error_code& ec);
    error_code tls_error(int result, Want& wants);

    void remember(std::string_view bytes);
    std::size_t up_to_head_end(std::size_t size);

    // How much of the empty line has been seen.
    std::optional<std::uint8_t> head_end_matched_;
    std::size_t most_tail_ = 0;
    std::string tail_;
    Block in_;
    std::uint32_t in_begin_ = 0, in_end_ = 0;
    std::array<OutBlock, out_blocks> out_;
    std::uint32_t out_first_ = 0, out_count_ = 0;
    std::size_t out_size_ = 0;
    Want read_wants_ = Want::read;
    error_code in_error_;      // TLS: the stream is over, whatever is asked again
    bool perhaps_more_ = true; // the last recv() filled its buffer: another is worth its system call
    bool late_flush_posted_ = false, flush_waits_ = false, bio_eof_ = false;
    bool tls_drained_ = true; // OpenSSL has said that it needs more bytes
};

} // namespace agenthost::host::net

template <> struct boost::system::is_error_code_enum<agenthost::host::net::StreamError> : std::true_type {};

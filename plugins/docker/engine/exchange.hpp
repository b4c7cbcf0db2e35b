// Runs one request on one connection to the engine, from the first byte sent to the end of the reply.
//
// Runs on the I/O thread of the io_context; nothing blocks. No handler is called from within a call of the
// owner; on_end is called exactly once, as the last one, and never after abandon(). Bounds: the head 32 KiB,
// an error body 64 KiB, bytes waiting to be sent as the owner checks by unsent(). A reply is passed on piece
// by piece; it is not stored here.
#pragma once

#include "base/fd.hpp"
#include "error.hpp"
#include "reply_reader.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

using Socket = boost::asio::local::stream_protocol::socket;
using Clock = std::chrono::steady_clock;

struct Timeouts {
    // Zero: none. They count from when the call has a connection. Until then it waits for 60 s, or as long as the
    // longer of `whole` and `head`, and fails without being sent.
    std::chrono::milliseconds whole{0}; // until the reply is complete
    std::chrono::milliseconds head{0};  // until the reply begins
    std::chrono::milliseconds idle{0};  // between two pieces of the reply
};

struct Request {
    CallContext context;
    std::string method = "GET";
    // Without the version's prefix.
    std::string target;
    netclient::Headers headers;
    // Sent with its length. Not with streamed_body.
    std::string body;
    // The body is sent by send() and finish_body(), chunked.
    bool streamed_body = false;
    netclient::Switching switching = netclient::Switching::refused;
    Timeouts timeouts;
    // How long to wait between two reads, so that a read takes many small pieces at once. Zero: none.
    std::chrono::milliseconds pace{0};
    // Has a connection of its own, because it lasts, or because it must not wait for others.
    bool own_connection = false;
    // Whether the target is below /vX.Y.
    bool versioned = true;
};

struct Handlers {
    // The reply has begun, and its status means success.
    std::function<void(const netclient::ResponseHead&)> on_head;
    // A piece of the body. Returns null, or a clause that says why the reply is not usable; this ends the
    // exchange.
    std::function<const char*(std::string_view)> on_content;
    // Everything given to send() was sent.
    std::function<void()> on_sent;
    // No error: the reply is complete.
    std::function<void(std::optional<Error>)> on_end;
};

class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    // What the owner of the connections does for an exchange; both outlive it or abandon() it.
    struct Shell {
        boost::asio::io_context& io;
        // Pieces are read into it; one for all exchanges, since each piece is consumed at once. An exchange
        // whose handler destroys the shell still looks at the rest of the piece.
        std::shared_ptr<std::string> read_buffer;
        // The exchange has ended. The socket is open when it may carry another request.
        std::function<void(Exchange&, Socket)> on_over;
        // The connection was closed before a byte arrived, and the request may be repeated on a new one.
        std::function<void(Exchange&)> on_stale;
        // When bytes last arrived from the engine, on any connection.
        Clock::time_point heard{};
    };

    Exchange(Shell&, Request, Handlers);

    // Starts the clock, before there is a connection.
    void begin();
    // Runs on a connected socket. `prefix`: "/v1.41", or nothing.
    void run(Socket, bool reused, const std::string& prefix);

    // Ends it with this error. on_end is posted.
    void fail(Error);
    void cancel();
    // No handler is called any more.
    void abandon();

    // Appends to the streamed body, or after an upgrade to what the other side reads.
    void send(std::string_view);
    // The streamed body is complete; after an upgrade: nothing more will be sent.
    void finish_body();
    // Bytes given to send() that the kernel has not taken.
    [[nodiscard]] std::size_t unsent() const { return out_.size() + writing_.size(); }

    // Stops reading, so that the engine waits; up to 64 KiB may still be passed on.
    void pause();
    void resume();

    [[nodiscard]] const Request& request() const { return request_; }
    [[nodiscard]] Request& request() { return request_; }
    [[nodiscard]] bool over() const { return over_; }
    // Only inside of on_head and on_content.
    [[nodiscard]] int descriptor()
    {
        return parked_ ? parked_.get() : socket_ ? socket_->native_handle() : -1;
    }

    static constexpr std::size_t max_error_body = 64 * 1024;

private:
    void write_more();
    void wait_readable();
    void pace();
    bool unpark();
    std::size_t read_some(boost::system::error_code&);
    void on_readable();
    void take(std::string_view bytes);
    bool take_step(std::string_view& bytes);
    void on_head();
    bool on_content(std::string_view);
    void on_connection_end(std::string_view why);
    void complete();
    void end(std::optional<Error>);
    void close();
    void arm();
    void on_timer();
    [[nodiscard]] Clock::time_point next_deadline() const;

    Shell& shell_;
    Request request_;
    Handlers handlers_;
    std::optional<Socket> socket_;
    // The socket's descriptor between two paced reads: while the event loop knows it, each piece wakes the
    // loop.
    base::Fd parked_;
    boost::asio::steady_timer timer_, pace_timer_;
    ReplyReader reader_;
    std::string out_, writing_, error_body_;
    Clock::time_point begun_, last_piece_;
    bool reused_ = false, sent_ = false, over_ = false, ended_ = false;
    bool queued_ = true; // has had no connection yet
    bool waiting_ = false, paused_ = false;
    bool upgrading_ = false;     // bytes are held back: Docker would lose them with the request
    bool failing_ = false;       // the reply's status means an error
    bool body_finished_ = false; // of the streamed body
    bool shut_ = false;          // our side of an upgraded connection
};

} // namespace agenthost::docker::engine

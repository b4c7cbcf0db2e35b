// Owns one accepted socket from its first byte to its last, and decides the next step: the opening, heads,
// requests, a WebSocket, the end. Everything on its I/O thread unless marked [any]. Owned by its IoThread,
// its exchange and its pending operations.
//
// Its parts do the work: Client (the peer, or the client behind proxies), Opening (PROXY header and TLS),
// HeadCollector and parse_request() (heads), RequestHandler (body and answer), WebSocket, Mailbox (the calls
// of other threads).
//
// One class, although it has more than 25 members: each part reports to it in a few lines, and all share one
// state and one socket. connection.cpp: life, ends, time; connection_requests.cpp: from a head to its
// request; connection_ws.cpp: its WebSocket.
#pragma once

#include "host/listener/client.hpp"
#include "host/listener/mailbox.hpp"
#include "host/listener/opening.hpp"
#include "host/listener/request_handler.hpp"
#include "host/listener/request_head.hpp"
#include "host/listener/server.hpp"
#include "host/listener/websocket.hpp"

namespace agenthost::host::listener {

struct RouteMatch;

// What the acceptor knows of a connection.
struct Accepted {
    int fd = -1;
    // The address under which it is counted; empty: not yet known, or a unix socket.
    std::string key;
    // It comes from one of trusted_proxies.
    bool trusted = false;
    // The serial of the listening socket.
    std::uint64_t socket = 0;
};

class Connection final : public std::enable_shared_from_this<Connection>, private WebSocketEvents {
public:
    Connection(std::shared_ptr<Server>, IoThread&, ListeningPtr, SettingsPtr, Accepted);
    ~Connection();

    void start();
    void tick(Clock::time_point now);
    // Finishes the running request and starts no other.
    void drain();
    // `code`: for the plugin of the running exchange.
    void abort(int code = 0);

    // Does `work` on the connection's thread, in the order of the calls from all threads. [any]
    void post(Mailbox::Work work);
    // True on the connection's thread if the WebSocket is open and no posted work waits, so that send() needs
    // no post(). [any]
    [[nodiscard]] bool sends_directly() const;
    [[nodiscard]] const Listening& listening() const { return *listening_; }
    [[nodiscard]] std::uint64_t socket() const { return socket_; }

    // The exchange has not ended.
    [[nodiscard]] bool runs(const ExchangePtr& exchange) const { return exchange_ == exchange; }
    // The plugin's calls for the running exchange. The exchange's phase has already changed.
    [[nodiscard]] RequestHandler& requests() { return requests_; }
    void upgrade(Headers, WebSocketLimits);
    void send(int opcode, std::string message);
    void set_limits(const std::string& json);
    void pause(bool on);
    void close(int code, const std::string& reason);

    // For the RequestHandler.
    [[nodiscard]] net::Stream& stream() { return *stream_; }
    [[nodiscard]] ConnectionContext context()
    {
        return {*stream_, thread_->io, server_->disk, weak_from_this()};
    }
    [[nodiscard]] const Settings& settings() const { return *settings_; }
    [[nodiscard]] const ExchangePtr& exchange() const { return exchange_; }
    // The part that works then is told, see on_readable().
    void wait_for_input();
    [[nodiscard]] bool waits_for_input() const { return waiting_; }
    // `bytes` have left the exchange's queue.
    void dequeued(std::size_t bytes);
    // Ends the exchange: makes the last call to the plugin.
    void finish(int code);
    // Sends an answer of the host itself.
    void refuse(const Refusal&);
    // The answer was sent.
    void answered(bool keep_alive);

private:
    enum class State : std::uint8_t { opening, head, request, websocket, lingering, closed };

    void opened(Opening::Outcome);
    void later(std::function<void()> work);
    void on_readable();
    void read_head();
    void head_read();
    void begin_exchange(RequestHead, RouteMatch);
    std::string describe(const RequestHead&) const;
    void refuse_client();
    void next_request();
    void linger();
    void discard();
    void gone();
    void enter(State);
    void tick_head(Clock::time_point now);

    void ws_message(int opcode, std::string_view message) override;
    void ws_sent(std::size_t bytes) override { dequeued(bytes); }
    void ws_ended(int code) override;

    std::shared_ptr<Server> server_;
    std::shared_ptr<IoThread> thread_;
    ListeningPtr listening_;
    SettingsPtr settings_;
    std::uint64_t socket_;
    Client client_;
    // Until the WebSocket takes it.
    std::optional<net::Stream> stream_;
    State state_ = State::opening;
    // A wait for input is pending.
    bool waiting_ = false;
    bool draining_ = false;
    std::atomic<bool> direct_{false};
    // When the state, or the head, began.
    Clock::time_point since_;
    // Bytes dropped while lingering.
    std::uint64_t dropped_ = 0;
    std::shared_ptr<Opening> opening_;
    HeadCollector head_;
    ExchangePtr exchange_;
    RequestHandler requests_{*this};
    std::shared_ptr<WebSocket> ws_;
    Mailbox mailbox_;
};

} // namespace agenthost::host::listener

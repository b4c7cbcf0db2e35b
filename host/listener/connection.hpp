// One accepted socket, from its first byte to its last: the thin owner of the parts that do the work, one
// request after another, or a WebSocket. Everything on its I/O thread unless marked.
//
// The parts: Client (whose connection it is), HeadCollector and parse_request() (heads), BodyReceiver,
// AnswerSender and PieceSender (answers), WebSocket, Mailbox (what callers ask). connection.cpp: life, ends,
// time-outs; connection_requests.cpp: requests and answers; connection_ws.cpp: its WebSocket.
#pragma once

#include "host/listener/answer_sender.hpp"
#include "host/listener/body_receiver.hpp"
#include "host/listener/client.hpp"
#include "host/listener/mailbox.hpp"
#include "host/listener/request_head.hpp"
#include "host/listener/server.hpp"
#include "host/listener/text.hpp"
#include "host/listener/websocket.hpp"

namespace agenthost::host::listener {

struct Reply {
    int status = 200;
    Headers headers;
    bool has_body = false;
    std::string text;
    base::Fd fd;
    std::uint64_t offset = 0, length = 0;
};

// What accept() knows.
struct Accepted {
    int fd = -1;
    std::string key;          // under which its address is counted; empty: not yet, or a unix socket
    bool trusted = false;     // from one of trusted_proxies
    std::uint64_t socket = 0; // serial of the listening socket
};

class Connection final : public std::enable_shared_from_this<Connection>,
                         private WebSocketEvents,
                         private BodyReceiver::Owner,
                         private AnswerOwner {
public:
    Connection(std::shared_ptr<Server>, IoThread&, ListeningPtr, SettingsPtr, Accepted);
    ~Connection();

    void start();
    void tick(Clock::time_point now);
    void drain(); // finishes the running request, starts no further one
    void abort(int code = 0);
    void drop(const ExchangePtr& exchange) // unless it has ended and another one runs
    {
        if (exchange_ == exchange) abort();
    }

    // The plugin's requests; the exchange's phase has already changed.
    void do_answer(const ExchangePtr&, Reply);
    void do_receive(const ExchangePtr&, int fd, std::uint64_t offset, std::uint64_t max);
    void do_upgrade(const ExchangePtr&, Headers, WebSocketLimits);
    void do_send(const ExchangePtr&, int opcode, std::string);
    void do_limits(const ExchangePtr&, const std::string& json);
    void do_pause(const ExchangePtr&, bool on);
    void do_close(const ExchangePtr&, int code, const std::string& reason);
    void do_begin(const ExchangePtr&, int status, Headers, std::uint64_t length);
    void do_chunk(const ExchangePtr&, const std::string&);
    void do_end(const ExchangePtr&);
    void check_writable(const ExchangePtr&);

    // On the thread already, open, and nothing that was posted waits: send() needs no hop. [any]
    [[nodiscard]] bool sends_directly() const;
    // What a caller asks: done in the order of the calls, whichever threads they come from. [any]
    void post(Mailbox::Work);
    [[nodiscard]] const Listening& listening() const { return *listening_; }
    [[nodiscard]] std::uint64_t socket() const { return socket_; }

private:
    enum class State {
        proxy,
        certificate, // waits a moment for the look at the certificate's files
        handshake,
        head,
        pending,
        body,
        answering,
        streaming,
        websocket,
        lingering,
        closed
    };
    using Request = WebSocket::Request;
    struct Delivery;

    // Our own next step, when the loop comes by.
    void later(std::function<void()> work);
    void begin();
    void handshake(netclient::TlsContextPtr);
    void arm_read();
    void on_readable();
    void read_proxy_header();
    void refuse_client();
    void read_head();
    void head_read();
    RoutePtr find_route(const Request&, const Target&, bool& websocket);
    void begin_exchange(Request, const Target&);
    std::string describe(const Request&, const Target&) const;
    void watch_peer();
    void refuse(int status, std::string_view code, std::string_view message, std::string_view header = {});
    void next_request();
    void finish_exchange(int code);
    void linger();
    void discard();
    void gone();
    void enter(State);
    void tick_request(Clock::time_point now);
    void tick_body(Clock::time_point now);
    void tick_answer(Clock::time_point now);
    [[nodiscard]] bool pool_is_busy() const
    {
        return (body_ && body_->busy()) || (answer_ && answer_->busy());
    }
    void drop_parts();
    [[nodiscard]] std::chrono::milliseconds body_timeout() const;
    [[nodiscard]] Place place() { return {*stream_, thread_->io, server_->disk, weak_from_this()}; }

    void wait_for_body() override { arm_read(); }
    bool still_wanted() override;
    bool body_landed(std::uint64_t bytes) override;
    void body_ended(ReceivedBody) override;
    void body_refused(const ReceivedBody&, std::uint64_t max);
    void answer_moved() override { progress_at_ = Clock::now(); }
    void pieces_taken(std::size_t bytes) override { took(exchange_, bytes); }
    void answer_sent() override;
    void answer_failed() override { abort(); }

    void ws_message(int opcode, std::string_view message) override;
    void ws_sent(std::size_t bytes) override;
    void ws_ended(int code) override;
    void took(const ExchangePtr&, std::size_t bytes);

    std::shared_ptr<Server> server_;
    std::shared_ptr<IoThread> thread_;
    ListeningPtr listening_;
    SettingsPtr settings_;
    std::uint64_t socket_;
    Client client_;
    std::optional<net::Stream> stream_;
    State state_ = State::proxy;
    bool waiting_ = false; // a wait_readable is pending
    bool draining_ = false, abort_wanted_ = false;
    Clock::time_point since_, progress_at_;
    std::uint64_t progress_bytes_ = 0;
    HeadCollector head_;
    // of the running request
    ExchangePtr exchange_;
    std::unique_ptr<Request> upgrade_;
    RequestFacts facts_;
    int status_ = 0;
    std::shared_ptr<BodyReceiver> body_;
    std::shared_ptr<AnswerSender> answer_;
    std::shared_ptr<PieceSender> pieces_;
    std::shared_ptr<WebSocket> ws_;
    std::atomic<bool> direct_{false};
    Mailbox mailbox_;
};

} // namespace agenthost::host::listener

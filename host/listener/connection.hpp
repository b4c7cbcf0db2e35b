// One accepted socket: head, body, answer, again; or a WebSocket. Everything on its I/O thread unless marked.
//
// connection.cpp: life, ends, time-outs; connection_client.cpp: whose connection it is; connection_head.cpp: heads; connection_body.cpp: receive(); connection_answer.cpp: answers; connection_ws.cpp: WebSocket.
#pragma once

#include "host/listener/body.hpp"
#include "host/listener/mailbox.hpp"
#include "host/listener/proxy_header.hpp"
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

class Connection final : public std::enable_shared_from_this<Connection>, private WebSocketEvents {
public:
    Connection(std::shared_ptr<Server>, IoThread&, ListeningPtr, SettingsPtr, Accepted);
    ~Connection();

    void start();
    void tick(Clock::time_point now);
    void drain(); // finish what runs, start nothing
    void abort(int code = 0);
    void drop(const ExchangePtr& exchange) // unless it is over and another runs
    {
        if (exchange_ == exchange) abort();
    }

    // What the plugin asked for; the exchange's phase has moved already.
    void do_answer(const ExchangePtr&, Reply);
    void do_receive(const ExchangePtr&, int fd, std::uint64_t offset, std::uint64_t max);
    void do_upgrade(const ExchangePtr&, Headers, WebSocketLimits);
    void do_send(const ExchangePtr&, int opcode, std::string);
    void do_limits(const ExchangePtr&, const std::string& json);
    void do_pause(const ExchangePtr&, bool on);
    void do_close(const ExchangePtr&, int code, const std::string& reason);
    void do_begin(const ExchangePtr&, int status, Headers, std::uint64_t length);
    void do_chunk(const ExchangePtr&, std::string);
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
    void proxy_header_read();
    void refuse_client();
    bool find_client(const Request&);                // of this request; false: it has been refused
    bool count_client(const netclient::IpEndpoint&); // instead of whom it was counted for; false: too many
    void read_head();
    bool collect_head();
    void parse_head();
    void begin_exchange(Request, const Target&);
    std::string head_json(const Request&, const Target&) const;
    void watch_peer();
    void refuse(int status, std::string_view code, std::string_view message, std::string_view header = {});
    void next_request();
    void finish_exchange(int code);
    void linger();
    void discard();
    void gone();
    void enter(State);
    void made_progress() { progress_at_ = Clock::now(); }
    [[nodiscard]] std::chrono::milliseconds body_timeout() const;

    void pump_body();
    bool fill_body(error_code& ec);
    void hand_to_disk();
    void body_on_disk(int error);
    void end_body(agh_status);
    void finish_body();

    std::string head_text(int status, const Headers&, std::optional<std::uint64_t> length,
                          bool chunked) const;
    void pump_answer();
    bool pump_text();
    void pump_file();
    void pump_file_tls();
    void read_ahead();
    void answered();
    void pump_backlog();

    void ws_message(int opcode, std::string_view message) override;
    void ws_sent(std::size_t bytes) override;
    void ws_ended(int code) override;
    void took(const ExchangePtr&, std::size_t bytes);

    std::shared_ptr<Server> server_;
    std::shared_ptr<IoThread> thread_;
    ListeningPtr listening_;
    SettingsPtr settings_;
    std::string key_;           // its client's address, as it is counted
    std::string peer_;          // the client's address and port
    netclient::IpEndpoint far_; // the other end of the socket, or what a PROXY header said in its place
    std::uint64_t socket_;
    bool trusted_;         // far_ is a proxy whose headers are believed
    bool proxied_ = false; // peer_ is not the other end of the socket
    std::unique_ptr<ProxyHeader> proxy_header_;
    std::optional<net::Stream> stream_;
    State state_ = State::proxy;
    bool waiting_ = false; // a wait_readable is under way
    bool draining_ = false, abort_wanted_ = false;
    Clock::time_point since_, progress_at_;
    std::uint64_t progress_bytes_ = 0;

    std::string head_;            // collected so far
    std::size_t empty_lines_ = 0; // bytes of them before the head
    // of the running request
    ExchangePtr exchange_;
    std::unique_ptr<Request> upgrade_;
    bool head_request_ = false, keep_alive_ = true, http10_ = false, expects_ = false, body_unread_ = false,
         chunked_ = false;
    std::uint64_t length_ = 0;
    int status_ = 0;
    std::unique_ptr<Receiving> receiving_;
    std::unique_ptr<Sending> sending_;
    std::string backlog_;           // chunks that did not fit the cork
    std::size_t backlog_sent_ = 0;  // of it
    std::size_t backlog_bytes_ = 0; // of the plugin's data in it
    bool ending_ = false, backlog_waits_ = false;
    std::optional<std::uint64_t> stream_left_; // of an answer whose length is known
    std::shared_ptr<WebSocket> ws_;
    std::atomic<bool> direct_{false};
    Mailbox mailbox_;
};

} // namespace agenthost::host::listener

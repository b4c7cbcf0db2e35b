#include "connection.hpp"

#include <boost/asio/post.hpp>

#include <sys/socket.h>

namespace agenthost::host::listener {
using namespace std::chrono_literals;

namespace {

constexpr auto answer_patience = 30s;     // ext/listener.h: nothing within 30 s is answered 503
constexpr auto certificate_patience = 1s; // for the look at the certificate's files
constexpr auto linger_patience = 2s;      // for the peer to read our last word before the reset
constexpr std::uint64_t linger_bytes = 1 << 20;
constexpr int discards_per_turn = 16; // of 4 KiB: then the loop serves the others
constexpr std::uint64_t worth_mentioning =
    1024; // fewer bytes within a body time-out are a trickle, not progress

} // namespace

Connection::Connection(std::shared_ptr<Server> server, IoThread& thread, ListeningPtr listening,
                       SettingsPtr settings, Accepted accepted)
    : server_{std::move(server)}, thread_{thread.shared_from_this()}, listening_{std::move(listening)},
      settings_{std::move(settings)}, socket_{accepted.socket}, client_{listening_, settings_,
                                                                        std::move(accepted.key),
                                                                        accepted.trusted},
      stream_{std::in_place, thread.io.get_executor(), accepted.fd}, since_{Clock::now()}, progress_at_{
                                                                                               since_}
{
    ++server_->live;
}

Connection::~Connection()
{
    if (exchange_) Routes::release(*exchange_->route); // an io_context that ended with us inside
    if (state_ == State::lingering) --server_->lingering;
    client_.leave();
    --server_->live;
}

void Connection::start()
{
    thread_->add(shared_from_this());
    client_.connected(stream_->peer());
    if (client_.shown() != "unix") stream_->no_delay();
    if (!client_.expects_proxy_header()) return begin();
    read_proxy_header();
}

void Connection::read_proxy_header()
{
    switch (client_.read_proxy_header(stream_->native_handle())) {
    case Client::Header::more: return arm_read();
    case Client::Header::invalid: return gone();
    case Client::Header::good: return begin();
    case Client::Header::too_many: return refuse_client();
    }
}

void Connection::refuse_client()
{
    ++listening_->refused;
    if (state_ == State::proxy) {
        if (settings_->tls) return gone(); // a handshake is what the limit is to save
        enter(State::head);
    }
    refuse(503, "BUSY", "too many connections from this address", "Retry-After: 10\r\n");
}

// TLS or HTTP begins. Once in a second the disk is asked first whether the certificate was renewed; other handshakes go on meanwhile.
// A disk that hangs holds up nobody: after a moment the handshake goes on with the certificate there was.
void Connection::begin()
{
    if (!settings_->tls) {
        enter(State::head);
        return read_head();
    }
    if (!settings_->tls->claim_check()) return handshake(settings_->tls->last());
    enter(State::certificate);
    server_->disk.run([self = shared_from_this()]() mutable {
        auto now = self->settings_->tls->check();
        if ((now.renewed || !now.problem.empty()) && self->server_->on_renewal)
            self->server_->on_renewal(self->listening_->name, now.problem);
        auto& io = self->thread_->io; // the last reference must not be dropped here
        asio::post(io, [self = std::move(self), context = std::move(now.context)]() mutable {
            if (self->state_ == State::certificate) self->handshake(std::move(context));
        });
    });
}

void Connection::handshake(netclient::TlsContextPtr context)
{
    enter(State::handshake);
    stream_->async_handshake(std::move(context), {}, [self = shared_from_this()](error_code ec) {
        if (self->state_ != State::handshake) return;
        if (ec) return self->gone();
        self->enter(State::head);
        self->read_head();
    });
}

void Connection::enter(State state)
{
    if (state_ == State::lingering && state != State::lingering) --server_->lingering;
    if (state_ != State::lingering && state == State::lingering) ++server_->lingering;
    state_ = state;
    since_ = progress_at_ = Clock::now();
    progress_bytes_ = state == State::answering || state == State::streaming ? stream_->bytes_out() : 0;
}

// Holds the connection until the loop calls; a loop that ends without calling must not leave work in the mailbox, which holds it, too.
struct Connection::Delivery {
    explicit Delivery(std::shared_ptr<Connection> to) : connection{std::move(to)} {}
    Delivery(Delivery&&) noexcept = default;
    ~Delivery()
    {
        if (connection) connection->mailbox_.clear();
    }
    void operator()()
    {
        const auto self = std::exchange(connection, nullptr);
        if (self->mailbox_.deliver()) asio::post(self->thread_->io, Delivery{self});
    }

    std::shared_ptr<Connection> connection;
};

void Connection::post(Mailbox::Work work)
{
    if (mailbox_.put(std::move(work))) asio::post(thread_->io, Delivery{shared_from_this()});
}

void Connection::later(std::function<void()> work)
{
    asio::post(thread_->io, [self = shared_from_this(), work = std::move(work)] { work(); });
}

void Connection::arm_read()
{
    if (waiting_ || state_ == State::closed) return;
    waiting_ = true;
    stream_->wait_readable([self = shared_from_this()](error_code ec) {
        self->waiting_ = false;
        if (self->state_ == State::closed || self->state_ == State::websocket) return;
        if (ec) return self->abort();
        self->on_readable();
    });
}

void Connection::on_readable()
{
    switch (state_) {
    case State::proxy: return read_proxy_header();
    case State::head: return read_head();
    case State::body: {
        const auto body = body_;
        return body->came();
    }
    case State::lingering: return discard();
    case State::pending:
    case State::answering:
    case State::streaming: return watch_peer();
    default: return;
    }
}

// While the answer is being made: the peer that leaves cancels; one that sends the next request already waits for its turn.
void Connection::watch_peer()
{
    if (facts_.body_unread || waiting_) return;
    error_code ec;
    stream_->peek(ec);
    if (ec == asio::error::would_block) return arm_read();
    if (ec && state_ != State::answering) abort();
}

// --- ends

// An answer of the host's own, without a plugin.
void Connection::refuse(int status, std::string_view code, std::string_view message, std::string_view header)
{
    if (facts_.body_unread || status != 404) facts_.keep_alive = false;
    head_.reset();
    const std::string body = error_body(code, message);
    std::string text = answer_head(status, {{"Content-Type", "application/json"}}, body.size(), false,
                                   facts_.connection_field());
    text.insert(text.size() - 2, header);
    if (!facts_.head_only) text += body;
    stream_->write(text);
    if (facts_.keep_alive) return next_request();
    linger();
}

void Connection::next_request()
{
    drop_parts();
    upgrade_.reset();
    facts_.body_unread = false;
    enter(State::head);
    if (stream_->unsent() < net::block_size) {
        // From the loop: a peer with thousands of requests in one block must not keep the others waiting, nor nest our stack.
        return later([this] {
            if (state_ == State::head && !waiting_) read_head();
        });
    }
    stream_->async_flush([self = shared_from_this()](error_code ec) {
        if (self->state_ != State::head) return;
        if (ec) return self->gone();
        if (!self->waiting_) self->read_head();
    });
}

// The plugin hears of this exchange for the last time.
void Connection::finish_exchange(int code)
{
    if (!exchange_) return;
    direct_ = false;
    const auto exchange = std::move(exchange_);
    exchange->phase = Exchange::Phase::over;
    server_->exchanges.remove(exchange->id);
    if (!exchange->route->owner->silent)
        exchange->route->api.on_closed(exchange->route->ctx, exchange->id, code);
    Routes::release(*exchange->route);
    client_.request_over();
}

// Our last word must reach a peer that is still sending: closing at once would reset the connection.
void Connection::linger()
{
    enter(State::lingering);
    if (server_->lingering > Server::max_lingering) {
        stream_->flush(); // as far as the socket takes it
        return gone();
    }
    stream_->async_shutdown([self = shared_from_this()](error_code) {
        if (self->state_ == State::lingering) self->discard();
    });
}

void Connection::discard()
{
    char waste[4096];
    error_code ec;
    for (int i = 0; i < discards_per_turn; ++i) {
        // It has sent all that we take. What it sends now holds it up until it reads us, or until the clock ends this.
        if (progress_bytes_ >= linger_bytes) return;
        progress_bytes_ += stream_->read_now(waste, sizeof waste, ec);
        if (ec == asio::error::would_block) return arm_read();
        if (ec) return gone();
    }
    later([this] {
        if (state_ == State::lingering) discard();
    });
}

void Connection::abort(int code)
{
    if (state_ == State::closed) return;
    if (const auto ws = ws_) return ws->abort(1006);
    if (pool_is_busy()) { // it still uses the descriptors
        abort_wanted_ = true;
        status_ = code;
        ::shutdown(stream_->native_handle(), SHUT_RDWR);
        return;
    }
    if (body_ && exchange_) { // on_body is still due
        const ReceivedBody body = std::exchange(body_, nullptr)->drop();
        exchange_->route->api.on_body(exchange_->route->ctx, exchange_->id, body.got,
                                      {body.digest.data(), body.digest.size()}, {}, AGH_E_CLOSED);
    }
    finish_exchange(code);
    gone();
}

void Connection::gone()
{
    if (state_ == State::closed) return;
    finish_exchange(status_);
    enter(State::closed);
    drop_parts();
    stream_->close();
    thread_->remove(this);
}

void Connection::drop_parts()
{
    if (const auto body = std::move(body_)) body->drop();
    if (const auto answer = std::move(answer_)) answer->drop();
    if (const auto pieces = std::move(pieces_)) pieces->drop();
}

void Connection::drain()
{
    draining_ = true;
    facts_.keep_alive = false;
    if (const auto ws = ws_) return ws->close(1001, "going away");
    if (state_ == State::proxy || state_ == State::certificate || state_ == State::handshake ||
        (state_ == State::head && !head_.begun()))
        gone();
}

// --- time

std::chrono::milliseconds Connection::body_timeout() const
{
    return exchange_ ? exchange_->route->body_timeout.value_or(settings_->config.body_timeout)
                     : settings_->config.body_timeout;
}

void Connection::tick(Clock::time_point now)
{
    const auto self = shared_from_this();
    switch (state_) {
    case State::certificate:
        if (now - since_ >= certificate_patience) handshake(settings_->tls->last());
        return;
    case State::proxy:
    case State::handshake:
        if (now - since_ >= settings_->config.header_timeout) gone();
        return;
    case State::head:
    case State::pending: return tick_request(now);
    case State::body: return tick_body(now);
    case State::answering:
    case State::streaming: return tick_answer(now);
    case State::websocket:
        if (const auto ws = ws_) ws->tick(now); // it may end, and with it ws_
        return;
    case State::lingering:
        if (now - since_ >= linger_patience) gone();
        return;
    case State::closed: return;
    }
}

void Connection::tick_request(Clock::time_point now)
{
    if (state_ == State::pending) {
        if (now - since_ < exchange_->route->answer_timeout.value_or(answer_patience)) return;
        if (!exchange_->move(Exchange::Phase::asked, Exchange::Phase::answering) &&
            !exchange_->move(Exchange::Phase::received, Exchange::Phase::answering))
            return;
        Reply reply;
        reply.status = 503;
        reply.has_body = true;
        reply.text = error_body("TIMEOUT", "no answer in time");
        reply.headers = {{"Content-Type", "application/json"}};
        facts_.keep_alive = false;
        return do_answer(exchange_, std::move(reply));
    }
    if (!head_.begun()) {
        if (now - since_ >= settings_->config.idle_timeout) gone();
    } else if (now - since_ >= settings_->config.header_timeout) {
        refuse(408, "REQUEST_TIMEOUT", "the request's head did not come in time");
    }
}

void Connection::tick_body(Clock::time_point now)
{
    if (body_->busy() || body_->got() - progress_bytes_ >= worth_mentioning) {
        progress_bytes_ = body_->got();
        progress_at_ = now;
    } else if (now - progress_at_ >= body_timeout()) {
        const auto body = body_;
        body->end(AGH_E_CLOSED);
    }
}

void Connection::tick_answer(Clock::time_point now)
{
    const std::uint64_t out = stream_->bytes_out();
    const bool idle = state_ == State::streaming && stream_->unsent() == 0 && pieces_->empty();
    if (idle || out != progress_bytes_ || (answer_ && answer_->busy())) {
        progress_bytes_ = out;
        progress_at_ = now;
    } else if (now - progress_at_ >= body_timeout()) {
        abort(0);
    }
}

} // namespace agenthost::host::listener

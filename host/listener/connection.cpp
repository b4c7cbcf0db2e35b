#include "connection.hpp"

#include "host/listener/linger.hpp"

#include <boost/asio/post.hpp>

#include <sys/socket.h>

namespace agenthost::host::listener {

Connection::Connection(std::shared_ptr<Server> server, IoThread& thread, ListeningPtr listening,
                       SettingsPtr settings, Accepted accepted)
    : server_{std::move(server)}, thread_{thread.shared_from_this()}, listening_{std::move(listening)},
      settings_{std::move(settings)}, socket_{accepted.socket}, client_{*listening_, *settings_,
                                                                        std::move(accepted.key),
                                                                        accepted.trusted},
      stream_{std::in_place, thread.io.get_executor(), accepted.fd}, since_{Clock::now()}
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
    if (client_.address() != "unix") stream_->no_delay();
    opening_ = std::make_shared<Opening>(context(), *server_, *listening_, *settings_, client_,
                                         [this](Opening::Outcome outcome) { opened(outcome); });
    opening_->start();
}

void Connection::opened(Opening::Outcome outcome)
{
    opening_.reset();
    switch (outcome) {
    case Opening::Outcome::failed: return gone();
    case Opening::Outcome::too_many: return refuse_client();
    case Opening::Outcome::open: break;
    }
    enter(State::head);
    read_head();
}

void Connection::refuse_client()
{
    ++listening_->refused;
    // The limit is meant to save the handshake.
    if (state_ == State::opening && settings_->tls) return gone();
    refuse({503, "BUSY", "too many connections from this address", "Retry-After: 10\r\n"});
}

void Connection::enter(State state)
{
    if (state_ == State::lingering && state != State::lingering) --server_->lingering;
    if (state_ != State::lingering && state == State::lingering) ++server_->lingering;
    state_ = state;
    since_ = Clock::now();
}

void Connection::post(Mailbox::Work work)
{
    if (mailbox_.put(std::move(work)))
        deliver_on(thread_->io, std::shared_ptr<Mailbox>{shared_from_this(), &mailbox_});
}

// Does `work` in the loop's next iteration.
void Connection::later(std::function<void()> work)
{
    asio::post(thread_->io, [self = shared_from_this(), work = std::move(work)] { work(); });
}

void Connection::wait_for_input()
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
    case State::head: return read_head();
    case State::request: return requests_.readable();
    case State::lingering: return discard();
    case State::opening:
    case State::websocket:
    case State::closed: return;
    }
}

// --- ends

void Connection::answered(bool keep_alive)
{
    if (state_ == State::closed) return;
    if (keep_alive)
        next_request();
    else
        linger();
}

void Connection::next_request()
{
    requests_.reset();
    enter(State::head);
    if (stream_->unsent() < net::block_size) {
        // From the loop: thousands of requests in one block must neither delay other connections nor nest our
        // stack.
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

void Connection::finish(int code)
{
    if (!exchange_) return;
    direct_ = false;
    const auto exchange = std::move(exchange_);
    exchange->phase = Exchange::Phase::over;
    server_->exchanges.remove(exchange->id);
    if (!exchange->route->owner->silent) exchange->call(&agh_route_api::on_closed, code);
    Routes::release(*exchange->route);
    client_.request_over();
}

// The peer may still be sending. See linger.hpp.
void Connection::linger()
{
    enter(State::lingering);
    if (server_->lingering > Server::max_lingering) {
        stream_->flush(); // as far as the socket accepts it
        return gone();
    }
    stream_->async_shutdown([self = shared_from_this()](error_code) {
        if (self->state_ == State::lingering) self->discard();
    });
}

void Connection::discard()
{
    switch (drop_input(*stream_, dropped_)) {
    case Lingering::wait: return wait_for_input();
    case Lingering::more:
        return later([this] {
            if (state_ == State::lingering) discard();
        });
    case Lingering::enough: return;
    case Lingering::ended: return gone();
    }
}

void Connection::abort(int code)
{
    if (state_ == State::closed) return;
    if (const auto ws = ws_) return ws->abort(1006);
    if (requests_.stop(code))
        gone();
    else
        ::shutdown(stream_->native_handle(), SHUT_RDWR);
}

void Connection::gone()
{
    if (state_ == State::closed) return;
    finish(requests_.status());
    enter(State::closed);
    if (const auto opening = std::move(opening_)) opening->drop();
    requests_.reset();
    stream_->close();
    thread_->remove(this);
}

void Connection::drain()
{
    draining_ = true;
    requests_.close_afterwards();
    if (const auto ws = ws_) return ws->close(1001, "going away");
    if (state_ == State::opening || (state_ == State::head && !head_.begun())) gone();
}

// --- time

void Connection::tick(Clock::time_point now)
{
    const auto self = shared_from_this();
    switch (state_) {
    case State::opening: return opening_->tick(now);
    case State::head: return tick_head(now);
    case State::request: return requests_.tick(now);
    case State::websocket:
        if (const auto ws = ws_) ws->tick(now); // it may end, and with it ws_
        return;
    case State::lingering:
        if (now - since_ >= linger_timeout) gone();
        return;
    case State::closed: return;
    }
}

void Connection::tick_head(Clock::time_point now)
{
    if (!head_.begun()) {
        if (now - since_ >= settings_->config.idle_timeout) gone();
    } else if (now - since_ >= settings_->config.header_timeout) {
        refuse({408, "REQUEST_TIMEOUT", "the request's head did not arrive in time"});
    }
}

} // namespace agenthost::host::listener

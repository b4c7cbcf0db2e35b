#include "connection.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/parser.hpp>

#include <sys/socket.h>

namespace agenthost::host::listener {
namespace http = boost::beast::http;
using namespace std::chrono_literals;

namespace {

constexpr auto answer_patience = 30s; // ext/listener.h: nothing within 30 s is answered 503
constexpr auto linger_patience = 2s;  // for the peer to read our last word before the reset
constexpr std::uint64_t linger_bytes = 1 << 20;
constexpr std::uint64_t worth_mentioning = 1024; // fewer bytes within a body time-out are a trickle, not progress

bool equals(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return (x | 32) == (y | 32); });
}

} // namespace

Connection::Connection(std::shared_ptr<Server> server, IoThread& thread, ListeningPtr listening, SettingsPtr settings, int fd,
                       std::string address)
    : server_{std::move(server)}, thread_{thread.shared_from_this()}, listening_{std::move(listening)}, settings_{std::move(settings)},
      address_{std::move(address)}, stream_{std::in_place, thread.io.get_executor(), fd}, since_{Clock::now()}, progress_at_{since_}
{
    ++server_->live;
}

Connection::~Connection()
{
    if (exchange_) Routes::release(*exchange_->route); // an io_context that ended with us inside
    listening_->leave(address_);
    --server_->live;
}

void Connection::start()
{
    thread_->add(shared_from_this());
    peer_ = stream_->peer();
    if (peer_ != "unix") stream_->no_delay();
    if (!settings_->tls) {
        enter(State::head);
        return read_head();
    }
    stream_->async_handshake(settings_->tls, {}, [self = shared_from_this()](error_code ec) {
        if (self->state_ != State::handshake) return;
        if (ec) return self->gone();
        self->enter(State::head);
        self->read_head();
    });
}

void Connection::enter(State state)
{
    state_ = state;
    since_ = progress_at_ = Clock::now();
    progress_bytes_ = state == State::answering || state == State::streaming ? stream_->bytes_out() : 0;
}

void Connection::post(std::function<void()> work)
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
    case State::head: return read_head();
    case State::body: return pump_body();
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
    if (body_unread_ || waiting_) return;
    error_code ec;
    stream_->peek(ec);
    if (ec == asio::error::would_block) return arm_read();
    if (ec && state_ != State::answering) abort();
}

// --- head

void Connection::read_head()
{
    if (!collect_head()) return;
    parse_head();
}

// True when head_ holds a whole head; bytes after it stay in the stream.
bool Connection::collect_head()
{
    for (;;) {
        error_code ec;
        std::string_view in = stream_->peek(ec);
        if (ec) {
            if (ec == asio::error::would_block) arm_read();
            else gone();
            return false;
        }
        if (head_.empty()) {
            std::size_t skip = 0; // an empty line before a request is tolerated (RFC 9112, 2.2)
            while (skip < in.size() && skip < 4 && (in[skip] == '\r' || in[skip] == '\n')) ++skip;
            stream_->consume(skip);
            in.remove_prefix(skip);
            if (in.empty()) continue;
            since_ = Clock::now(); // the head's own time begins
        }
        const std::size_t before = head_.size();
        const std::size_t limit = settings_->config.header_bytes;
        head_.append(in.substr(0, limit + 1 - std::min(limit, before)));
        const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        const std::size_t wanted = end == std::string::npos ? head_.size() : end + 4;
        stream_->consume(wanted - before);
        head_.resize(wanted);
        if (wanted > limit) {
            refuse(431, "HEADER_TOO_LARGE", "the request's head is larger than this listener takes");
            return false;
        }
        if (end != std::string::npos) return true;
    }
}

void Connection::parse_head()
{
    ++listening_->requests;
    keep_alive_ = head_request_ = body_unread_ = false; // until the request is known to be sound
    if (const auto problem = head_problem(head_); !problem.empty()) return refuse(400, "BAD_REQUEST", problem);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(head_.size() + 1));
    parser.body_limit(boost::none);
    error_code ec;
    parser.put(asio::buffer(head_), ec);
    if ((ec && ec != http::error::need_more && ec != http::error::unexpected_body) || !parser.is_header_done()) {
        return refuse(400, "BAD_REQUEST", ec.message());
    }
    Request request = parser.release();
    head_ = {}; // its memory too: an idle connection is small
    http10_ = request.version() < 11;
    head_request_ = request.method() == http::verb::head;
    chunked_ = request.count(http::field::transfer_encoding) != 0;
    length_ = 0;
    if (const auto length = request[http::field::content_length]; !length.empty()) length_ = std::stoull(std::string{length});
    body_unread_ = chunked_ || length_ != 0;
    expects_ = false;
    if (const auto expect = request[http::field::expect]; !expect.empty()) {
        if (!equals({expect.data(), expect.size()}, "100-continue")) return refuse(417, "EXPECTATION_FAILED", "only 100-continue is known");
        expects_ = body_unread_ && !http10_;
    }
    const auto target = parse_target({request.target().data(), request.target().size()});
    if (!target || request.method() == http::verb::connect) return refuse(400, "BAD_REQUEST", "the request's target is not a path");
    keep_alive_ = request.keep_alive() && !draining_ && !server_->draining;
    begin_exchange(std::move(request), *target);
}

void Connection::begin_exchange(Request request, const Target& target)
{
    const Handshake handshake = websocket_handshake(request);
    RoutePtr route = handshake == Handshake::no ? nullptr : server_->routes.match(listening_->name, true, target.path);
    const bool websocket = route != nullptr;
    if (!route) route = server_->routes.match(listening_->name, false, target.path);
    if (!route) {
        const bool other = handshake == Handshake::no && [&] { // a WebSocket path asked for without the upgrade
            const auto ws = server_->routes.match(listening_->name, true, target.path);
            if (ws) Routes::release(*ws);
            return ws != nullptr;
        }();
        if (other) return refuse(426, "UPGRADE_REQUIRED", "this path is a WebSocket", "Upgrade: websocket\r\n");
        return refuse(404, "NOT_FOUND", "no such path");
    }
    if (websocket && (handshake == Handshake::bad || body_unread_)) {
        Routes::release(*route);
        return refuse(400, "BAD_REQUEST", "not a WebSocket handshake of version 13", "Sec-WebSocket-Version: 13\r\n");
    }
    exchange_ = std::make_shared<Exchange>(shared_from_this(), std::move(route), websocket);
    server_->exchanges.add(exchange_);
    const std::string json = head_json(request, target);
    upgrade_ = websocket ? std::make_unique<Request>(std::move(request)) : nullptr;
    status_ = 0;
    enter(State::pending);
    const auto exchange = exchange_;
    exchange->route->api.on_request(exchange->route->ctx, exchange->id, {json.data(), json.size()});
    if (state_ == State::pending) watch_peer();
}

std::string Connection::head_json(const Request& request, const Target& target) const
{
    std::string out = R"({"method":)";
    append_json_string(out, {request.method_string().data(), request.method_string().size()});
    out += R"(,"path":)";
    append_json_string(out, target.path);
    out += R"(,"query":)";
    append_json_string(out, target.query);
    out += R"(,"headers":{)";
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& field : request) {
        std::string name{field.name_string()};
        for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        const auto same = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == name; });
        if (same == fields.end()) fields.emplace_back(std::move(name), field.value());
        else same->second.append(", ").append(field.value());
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i != 0) out += ',';
        append_json_string(out, fields[i].first);
        out += ':';
        append_json_string(out, fields[i].second);
    }
    out += R"(},"peer":)";
    append_json_string(out, peer_);
    out += R"(,"listener":)";
    append_json_string(out, listening_->name);
    out += stream_->tls() ? R"(,"tls":true)" : R"(,"tls":false)";
    if (const auto spki = stream_->peer_spki(); !spki.empty()) out += R"(,"spki":")" + kit::hex(spki.data(), spki.size()) + '"';
    if (chunked_) out += R"(,"chunked":true)";
    else if (request.count(http::field::content_length) != 0) out += R"(,"length":)" + std::to_string(length_);
    return out + '}';
}

// --- ends

// An answer of the host's own, without a plugin.
void Connection::refuse(int status, std::string_view code, std::string_view message, std::string_view header)
{
    if (body_unread_ || status != 404) keep_alive_ = false;
    head_ = {};
    const std::string body = error_body(code, message);
    std::string text = head_text(status, {{"Content-Type", "application/json"}}, body.size(), false);
    text.insert(text.size() - 2, header);
    if (!head_request_) text += body;
    stream_->write(text);
    if (keep_alive_) return next_request();
    linger();
}

void Connection::next_request()
{
    receiving_.reset();
    sending_.reset();
    upgrade_.reset();
    body_unread_ = false;
    enter(State::head);
    if (stream_->unsent() < net::block_size) {
        // From the loop: a peer with thousands of requests in one block must not keep the others waiting, nor nest our stack.
        return post([this] { if (state_ == State::head && !waiting_) read_head(); });
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
    exchange->route->api.on_closed(exchange->route->ctx, exchange->id, code);
    Routes::release(*exchange->route);
}

// Our last word must reach a peer that is still sending: closing at once would reset the connection.
void Connection::linger()
{
    enter(State::lingering);
    stream_->async_shutdown([self = shared_from_this()](error_code) {
        if (self->state_ == State::lingering) self->discard();
    });
}

void Connection::discard()
{
    char waste[4096];
    error_code ec;
    while (!ec && progress_bytes_ < linger_bytes) progress_bytes_ += stream_->read_now(waste, sizeof waste, ec);
    if (ec != asio::error::would_block) return gone();
    arm_read();
}

void Connection::abort(int code)
{
    if (state_ == State::closed) return;
    if (const auto ws = ws_) return ws->abort(1006);
    if ((receiving_ && receiving_->busy) || (sending_ && sending_->busy)) { // the pool still uses the descriptors
        abort_wanted_ = true;
        status_ = code;
        ::shutdown(stream_->native_handle(), SHUT_RDWR);
        return;
    }
    if (receiving_ && !receiving_->ended && exchange_) {
        receiving_->ended = true;
        auto digest = receiving_->sha.finish();
        exchange_->route->api.on_body(exchange_->route->ctx, exchange_->id, receiving_->got, {digest.data(), digest.size()}, {}, AGH_E_CLOSED);
    }
    finish_exchange(code);
    gone();
}

void Connection::gone()
{
    if (state_ == State::closed) return;
    finish_exchange(status_);
    state_ = State::closed;
    receiving_.reset();
    sending_.reset();
    stream_->close();
    thread_->remove(this);
}

void Connection::drain()
{
    draining_ = true;
    keep_alive_ = false;
    if (const auto ws = ws_) return ws->close(1001, "going away");
    if (state_ == State::handshake || (state_ == State::head && head_.empty())) gone();
}

// --- time

std::chrono::milliseconds Connection::body_timeout() const
{
    return exchange_ ? exchange_->route->body_timeout.value_or(settings_->config.body_timeout) : settings_->config.body_timeout;
}

void Connection::tick(Clock::time_point now)
{
    const auto self = shared_from_this();
    const auto& config = settings_->config;
    switch (state_) {
    case State::handshake:
        if (now - since_ >= config.header_timeout) gone();
        return;
    case State::head:
        if (head_.empty()) {
            if (now - since_ >= config.idle_timeout) gone();
        } else if (now - since_ >= config.header_timeout) {
            refuse(408, "REQUEST_TIMEOUT", "the request's head did not come in time");
        }
        return;
    case State::pending:
        if (now - since_ < exchange_->route->answer_timeout.value_or(answer_patience)) return;
        if (exchange_->move(Exchange::Phase::asked, Exchange::Phase::answering) ||
            exchange_->move(Exchange::Phase::received, Exchange::Phase::answering)) {
            Reply reply;
            reply.status = 503;
            reply.has_body = true;
            reply.text = error_body("TIMEOUT", "no answer in time");
            reply.headers = {{"Content-Type", "application/json"}};
            keep_alive_ = false;
            do_answer(exchange_, std::move(reply));
        }
        return;
    case State::body:
        if (receiving_->busy || receiving_->got - progress_bytes_ >= worth_mentioning) {
            progress_bytes_ = receiving_->got;
            progress_at_ = now;
        } else if (now - progress_at_ >= body_timeout()) {
            end_body(AGH_E_CLOSED);
        }
        return;
    case State::answering:
    case State::streaming: {
        const std::uint64_t out = stream_->bytes_out();
        const bool idle = state_ == State::streaming && stream_->unsent() == 0 && backlog_.empty();
        if (idle || out != progress_bytes_ || (sending_ && sending_->busy)) {
            progress_bytes_ = out;
            progress_at_ = now;
        } else if (now - progress_at_ >= body_timeout()) {
            abort(0);
        }
        return;
    }
    case State::websocket:
        if (const auto ws = ws_) ws->tick(now); // it may end, and with it ws_
        return;
    case State::lingering:
        if (now - since_ >= linger_patience) gone();
        return;
    case State::closed: return;
    }
}

} // namespace agenthost::host::listener

// A connection's requests: from head to route, body and answer.
#include "connection.hpp"

#include "host/listener/listener.hpp"

namespace agenthost::host::listener {
namespace {

bool bodiless(int status) { return status < 200 || status == 204 || status == 304; }

} // namespace

// --- heads

void Connection::read_head()
{
    while (head_.state() == HeadCollector::State::more) {
        error_code ec;
        const std::string_view in = stream_->peek(ec);
        if (ec == asio::error::would_block) return arm_read();
        if (ec) return gone();
        const bool begun = head_.begun();
        stream_->consume(head_.feed(in, settings_->config.header_bytes));
        if (!begun && head_.begun()) since_ = Clock::now(); // the head's own time begins
    }
    if (head_.state() == HeadCollector::State::too_large)
        return refuse(431, "HEADER_TOO_LARGE", "the request's head is larger than this listener takes");
    head_read();
}

void Connection::head_read()
{
    ++listening_->requests;
    RequestHead head = parse_request(head_.bytes());
    head_.reset();
    facts_ = head.facts;
    if (head.refusal) return refuse(head.refusal->status, head.refusal->code, head.refusal->message);
    if (draining_ || server_->draining) facts_.keep_alive = false;
    begin_exchange(std::move(head.request), head.target);
}

// Null: it has been refused.
RoutePtr Connection::find_route(const Request& request, const Target& target, bool& websocket)
{
    const Handshake handshake = websocket_handshake(request);
    const auto match = [&](bool upgraded) {
        return server_->routes.match(listening_->name, upgraded, target.path);
    };
    RoutePtr route = handshake == Handshake::no ? nullptr : match(true);
    websocket = route != nullptr;
    if (!route) route = match(false);
    if (!route) {
        const RoutePtr other = handshake == Handshake::no ? match(true) : nullptr;
        if (other) {
            Routes::release(*other);
            refuse(426, "UPGRADE_REQUIRED", "this path is a WebSocket", "Upgrade: websocket\r\n");
        } else {
            refuse(404, "NOT_FOUND", "no such path");
        }
        return nullptr;
    }
    if (websocket && (handshake == Handshake::bad || facts_.body_unread)) {
        Routes::release(*route);
        refuse(400, "BAD_REQUEST", "not a WebSocket handshake of version 13",
               "Sec-WebSocket-Version: 13\r\n");
        return nullptr;
    }
    if (!client_.find(request, *stream_)) {
        Routes::release(*route);
        refuse_client();
        return nullptr;
    }
    return route;
}

void Connection::begin_exchange(Request request, const Target& target)
{
    bool websocket = false;
    RoutePtr route = find_route(request, target, websocket);
    if (!route) return;
    exchange_ = std::make_shared<Exchange>(shared_from_this(), std::move(route), websocket);
    server_->exchanges.add(exchange_);
    const std::string json = describe(request, target);
    upgrade_ = websocket ? std::make_unique<Request>(std::move(request)) : nullptr;
    status_ = 0;
    enter(State::pending);
    const auto exchange = exchange_;
    exchange->route->api.on_request(exchange->route->ctx, exchange->id, {json.data(), json.size()});
    if (state_ == State::pending) watch_peer();
}

std::string Connection::describe(const Request& request, const Target& target) const
{
    const std::string proxy = client_.behind_proxy() ? stream_->peer() : std::string{};
    const std::string spki = stream_->peer_spki();
    return head_json(request, target, facts_,
                     {.peer = client_.shown(),
                      .proxy = proxy,
                      .listener = listening_->name,
                      .tls = stream_->tls(),
                      .spki = spki});
}

// --- bodies

void Connection::do_receive(const ExchangePtr& exchange, int fd, std::uint64_t offset, std::uint64_t max)
{
    if (exchange_ != exchange || state_ != State::pending) return;
    const auto length = facts_.chunked ? std::nullopt : std::optional{facts_.length};
    BodyReceiver::Owner& owner = *this;
    body_ = std::make_shared<BodyReceiver>(
        place(), BodyReceiver::Plan{.fd = fd, .offset = offset, .max = max, .length = length}, owner);
    const auto body = body_;
    enter(State::body);
    if (body->too_large()) return body->end(AGH_E_INVALID);
    if (facts_.expects_continue) stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
    facts_.expects_continue = false;
    if (length == 0U) return body->end(AGH_OK); // a look-out for the peer may be under way
    body->start(waiting_);
}

bool Connection::still_wanted()
{
    if (!abort_wanted_) return true;
    abort(status_);
    return false;
}

bool Connection::body_landed(std::uint64_t bytes)
{
    const auto exchange = exchange_;
    return exchange->route->api.on_progress(exchange->route->ctx, exchange->id, bytes) == AGH_OK;
}

void Connection::body_ended(ReceivedBody body)
{
    const auto exchange = exchange_;
    const std::uint64_t max = std::exchange(body_, nullptr)->max();
    if (body.whole) facts_.body_unread = false;
    const bool whole = body.status == AGH_OK;
    if (!whole) facts_.keep_alive = false;
    const bool answered = whole || body.status == AGH_E_INTERNAL; // by the plugin
    if (answered) {
        enter(State::pending);
        exchange->phase = Exchange::Phase::received;
    }
    const agh_bytes data = whole ? agh_bytes{body.memory.data(), body.memory.size()} : agh_bytes{};
    exchange->route->api.on_body(exchange->route->ctx, exchange->id, body.got,
                                 {body.digest.data(), body.digest.size()}, data, body.status);
    if (!answered) return body_refused(body, max);
    if (state_ == State::pending) watch_peer();
}

void Connection::body_refused(const ReceivedBody& body, std::uint64_t max)
{
    if (body.status == AGH_E_CLOSED) {
        const bool slow = stream_->is_open() && Clock::now() - progress_at_ >= body_timeout();
        if (!slow) return abort(0);
        finish_exchange(408);
        return refuse(408, "REQUEST_TIMEOUT", "the body did not come in time");
    }
    finish_exchange(body.malformed ? 400 : 413);
    if (body.malformed) return refuse(400, "BAD_REQUEST", "the body's chunks are malformed");
    refuse(413, "BODY_TOO_LARGE", "the body is larger than is taken here: " + std::to_string(max) + " bytes");
}

// --- answers

void Connection::do_answer(const ExchangePtr& exchange, Reply reply)
{
    if (exchange_ != exchange || state_ != State::pending) return;
    if (facts_.body_unread) facts_.keep_alive = false;
    status_ = reply.status;
    const std::uint64_t length = reply.fd ? reply.length : reply.text.size();
    const bool silent = bodiless(reply.status);
    AnswerSender::Answer answer;
    answer.text = answer_head(reply.status, reply.headers, silent ? std::nullopt : std::optional{length},
                              false, facts_.connection_field());
    if (!silent && !facts_.head_only) {
        answer.text += reply.text;
        if (reply.fd) {
            answer.fd = std::move(reply.fd);
            answer.offset = reply.offset;
            answer.size = reply.length;
        }
    }
    enter(State::answering);
    AnswerOwner& owner = *this;
    answer_ = std::make_shared<AnswerSender>(place(), std::move(answer), owner);
    answer_->start();
}

void Connection::do_begin(const ExchangePtr& exchange, int status, Headers headers, std::uint64_t length)
{
    if (exchange_ != exchange || state_ != State::pending) return;
    const bool known = length != Listeners::unknown_length;
    const auto whole = known ? std::optional{length} : std::nullopt;
    const bool chunked = !facts_.http10 && !known;
    if (facts_.body_unread || (facts_.http10 && !known))
        facts_.keep_alive = false; // 1.0 has no chunks: the end is the end of the connection
    status_ = status;
    enter(State::streaming);
    AnswerOwner& owner = *this;
    const auto coding = chunked ? PieceSender::Coding::chunked : PieceSender::Coding::none;
    pieces_ = std::make_shared<PieceSender>(place(), coding, whole, facts_.head_only, owner);
    pieces_->begin(answer_head(status, headers, whole, chunked, facts_.connection_field()));
    if (state_ == State::streaming) watch_peer();
}

void Connection::do_chunk(const ExchangePtr& exchange, const std::string& data)
{
    if (exchange_ != exchange || state_ != State::streaming) return;
    pieces_->add(data);
}

void Connection::do_end(const ExchangePtr& exchange)
{
    if (exchange_ != exchange || state_ != State::streaming) return;
    pieces_->end();
}

void Connection::answer_sent()
{
    const bool again = facts_.keep_alive;
    finish_exchange(status_);
    if (state_ == State::closed) return;
    if (again)
        next_request();
    else
        linger();
}

} // namespace agenthost::host::listener

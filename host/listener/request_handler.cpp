#include "request_handler.hpp"

#include "host/listener/connection.hpp"
#include "host/listener/listener.hpp"

namespace agenthost::host::listener {
using namespace std::chrono_literals;

namespace {

// ext/listener.h: without an answer within 30 s, the host answers 503.
constexpr auto default_answer_timeout = 30s;
// Fewer bytes of a body within its timeout are a trickle, not progress.
constexpr std::uint64_t min_progress = 1024;

bool bodiless(int status) { return status < 200 || status == 204 || status == 304; }

} // namespace

void RequestHandler::enter(Stage stage)
{
    stage_ = stage;
    const bool sends = stage == Stage::answering || stage == Stage::streaming;
    progress_.restart(Clock::now(), sends ? connection_.stream().bytes_out() : 0);
}

void RequestHandler::begin(std::string_view head, std::unique_ptr<Request> upgrade)
{
    part_ = {};
    if (upgrade) part_ = std::move(upgrade);
    status_ = 0;
    enter(Stage::pending);
    const auto exchange = connection_.exchange();
    exchange->call(&agh_route_api::on_request, agh_bytes{head.data(), head.size()});
    if (stage_ == Stage::pending) watch_peer();
}

std::unique_ptr<RequestHandler::Request> RequestHandler::take_upgrade()
{
    auto* const upgrade = std::get_if<std::unique_ptr<Request>>(&part_);
    return stage_ == Stage::pending && upgrade ? std::move(*upgrade) : nullptr;
}

// While the plugin works: a peer that closes cancels the request; its next request waits.
void RequestHandler::watch_peer()
{
    if (facts_.body_unread || connection_.waits_for_input()) return;
    error_code ec;
    connection_.stream().peek(ec);
    if (ec == asio::error::would_block) return connection_.wait_for_input();
    if (ec && stage_ != Stage::answering) connection_.abort();
}

void RequestHandler::readable()
{
    if (const auto body = part<BodyReceiver>()) return body->readable();
    if (stage_ != Stage::none && stage_ != Stage::body) watch_peer();
}

bool RequestHandler::pool_is_busy() const
{
    const auto body = part<BodyReceiver>();
    const auto answer = part<AnswerSender>();
    return (body && body->busy()) || (answer && answer->busy());
}

bool RequestHandler::stop(int code)
{
    if (pool_is_busy()) {
        stop_wanted_ = true;
        status_ = code;
        return false;
    }
    const auto exchange = connection_.exchange();
    if (const auto receiver = part<BodyReceiver>(); receiver && exchange) {
        part_ = {};
        const ReceivedBody body = receiver->drop();
        exchange->call(&agh_route_api::on_body, body.got, agh_bytes{body.digest.data(), body.digest.size()},
                       agh_bytes{}, agh_status{AGH_E_CLOSED});
    }
    connection_.finish(code);
    return true;
}

bool RequestHandler::still_wanted()
{
    if (!stop_wanted_) return true;
    connection_.abort(status_);
    return false;
}

void RequestHandler::reset()
{
    stage_ = Stage::none;
    facts_ = {};
    const auto dropped = std::exchange(part_, {});
    if (const auto* const body = std::get_if<std::shared_ptr<BodyReceiver>>(&dropped)) (*body)->drop();
    if (const auto* const answer = std::get_if<std::shared_ptr<AnswerSender>>(&dropped)) (*answer)->drop();
    if (const auto* const pieces = std::get_if<std::shared_ptr<PieceSender>>(&dropped)) (*pieces)->drop();
}

// --- bodies

void RequestHandler::receive(int fd, std::uint64_t offset, std::uint64_t max)
{
    if (stage_ != Stage::pending) return;
    const auto length = facts_.chunked ? std::nullopt : std::optional{facts_.length};
    BodyReceiver::Owner& owner = *this;
    const auto body = std::make_shared<BodyReceiver>(
        connection_.context(), BodyReceiver::Plan{.fd = fd, .offset = offset, .max = max, .length = length},
        owner);
    part_ = body;
    enter(Stage::body);
    if (body->too_large()) return body->end(AGH_E_INVALID);
    if (facts_.expects_continue) connection_.stream().write("HTTP/1.1 100 Continue\r\n\r\n");
    facts_.expects_continue = false;
    if (length == 0U) return body->end(AGH_OK); // watch_peer() may be waiting for input
    body->start(connection_.waits_for_input());
}

void RequestHandler::wait_for_body() { connection_.wait_for_input(); }

bool RequestHandler::body_landed(std::uint64_t bytes)
{
    const auto exchange = connection_.exchange();
    return exchange->call(&agh_route_api::on_progress, bytes) == AGH_OK;
}

void RequestHandler::body_ended(ReceivedBody body)
{
    const auto exchange = connection_.exchange();
    const auto receiver = part<BodyReceiver>();
    part_ = {};
    if (body.whole) facts_.body_unread = false;
    const bool whole = body.status == AGH_OK;
    if (!whole) facts_.keep_alive = false;
    // By the plugin.
    const bool answered = whole || body.status == AGH_E_INTERNAL;
    if (answered) {
        enter(Stage::pending);
        exchange->phase = Exchange::Phase::received;
    }
    const agh_bytes data = whole ? agh_bytes{body.memory.data(), body.memory.size()} : agh_bytes{};
    exchange->call(&agh_route_api::on_body, body.got, agh_bytes{body.digest.data(), body.digest.size()}, data,
                   body.status);
    if (stage_ == Stage::body) refuse_body(body, receiver->max());
    if (stage_ == Stage::pending) watch_peer();
}

void RequestHandler::refuse_body(const ReceivedBody& body, std::uint64_t max)
{
    if (body.status == AGH_E_CLOSED) {
        const bool slow = connection_.stream().is_open() && progress_.idle(Clock::now()) >= body_timeout();
        if (!slow) return connection_.abort();
        connection_.finish(408);
        return connection_.refuse({408, "REQUEST_TIMEOUT", "the body did not arrive in time"});
    }
    connection_.finish(body.malformed ? 400 : 413);
    if (body.malformed) return connection_.refuse({400, "BAD_REQUEST", "the body's chunks are malformed"});
    connection_.refuse(
        {413, "BODY_TOO_LARGE", "the body exceeds the limit of " + std::to_string(max) + " bytes"});
}

// --- answers

void RequestHandler::answer(Reply reply)
{
    if (stage_ != Stage::pending) return;
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
    enter(Stage::answering);
    AnswerOwner& owner = *this;
    const auto sender = std::make_shared<AnswerSender>(connection_.context(), std::move(answer), owner);
    part_ = sender;
    sender->start();
}

void RequestHandler::begin_answer(int status, const Headers& headers, std::uint64_t length)
{
    if (stage_ != Stage::pending) return;
    const bool known = length != Listeners::unknown_length;
    const auto whole = known ? std::optional{length} : std::nullopt;
    const bool chunked = !facts_.http10 && !known;
    // HTTP/1.0 has no chunks: the end of the connection ends the body.
    if (facts_.body_unread || (facts_.http10 && !known)) facts_.keep_alive = false;
    status_ = status;
    enter(Stage::streaming);
    AnswerOwner& owner = *this;
    const auto coding = chunked ? PieceSender::Coding::chunked : PieceSender::Coding::none;
    const auto sender =
        std::make_shared<PieceSender>(connection_.context(), coding, whole, facts_.head_only, owner);
    part_ = sender;
    sender->begin(answer_head(status, headers, whole, chunked, facts_.connection_field()));
    if (stage_ == Stage::streaming) watch_peer();
}

void RequestHandler::add_piece(std::string_view piece)
{
    if (const auto sender = part<PieceSender>()) sender->add(piece);
}

void RequestHandler::end_answer()
{
    if (const auto sender = part<PieceSender>()) sender->end();
}

void RequestHandler::pieces_taken(std::size_t bytes) { connection_.dequeued(bytes); }
void RequestHandler::answer_failed() { connection_.abort(); }

void RequestHandler::answer_sent()
{
    const bool keep_alive = facts_.keep_alive;
    connection_.finish(status_);
    connection_.answered(keep_alive);
}

// --- time

std::chrono::milliseconds RequestHandler::body_timeout() const
{
    const auto standard = connection_.settings().config.body_timeout;
    const auto& exchange = connection_.exchange();
    return exchange ? exchange->route->body_timeout.value_or(standard) : standard;
}

void RequestHandler::tick(Clock::time_point now)
{
    switch (stage_) {
    case Stage::none: return;
    case Stage::pending: return tick_pending(now);
    case Stage::body: return tick_body(now);
    case Stage::answering:
    case Stage::streaming: return tick_answer(now);
    }
}

void RequestHandler::tick_pending(Clock::time_point now)
{
    const auto exchange = connection_.exchange();
    if (progress_.idle(now) < exchange->route->answer_timeout.value_or(default_answer_timeout)) return;
    if (!exchange->move(Exchange::Phase::asked, Exchange::Phase::answering) &&
        !exchange->move(Exchange::Phase::received, Exchange::Phase::answering))
        return;
    Reply reply;
    reply.status = 503;
    reply.text = error_body("TIMEOUT", "no answer in time");
    reply.headers = {{"Content-Type", "application/json"}};
    facts_.keep_alive = false;
    answer(std::move(reply));
}

void RequestHandler::tick_body(Clock::time_point now)
{
    const auto body = part<BodyReceiver>();
    if (body->busy())
        progress_.restart(now, body->got());
    else if (progress_.stalled(now, body->got(), min_progress, body_timeout()))
        body->end(AGH_E_CLOSED);
}

void RequestHandler::tick_answer(Clock::time_point now)
{
    const std::uint64_t out = connection_.stream().bytes_out();
    const auto answer = part<AnswerSender>();
    const auto pieces = part<PieceSender>();
    const bool idle = pieces && pieces->empty() && connection_.stream().unsent() == 0;
    if (idle || (answer && answer->busy()))
        progress_.restart(now, out);
    else if (progress_.stalled(now, out, 1, body_timeout()))
        connection_.abort();
}

} // namespace agenthost::host::listener

#include "exchange.hpp"

#include "netclient/chunked.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace agenthost::docker::engine {

namespace {

using boost::system::error_code;
namespace asio = boost::asio;

// Consecutive reads of one exchange: a flood must not keep the others waiting.
constexpr int reads_in_a_row = 4;

// Waiting behind other calls of ours says nothing about the engine: many servers that start at once must not fail
// because their inspects, which are quick, wait for connections. A stopped engine is noticed by its own way.
constexpr std::chrono::milliseconds max_queue_time = std::chrono::seconds{60};

// Zero: without a bound.
std::chrono::milliseconds longest_wait(const Timeouts& timeouts)
{
    const auto longest = std::max(timeouts.whole, timeouts.head);
    return longest.count() > 0 ? std::max(longest, max_queue_time) : longest;
}

bool means_success(int status) { return (status >= 200 && status < 300) || status == 101 || status == 304; }

} // namespace

Exchange::Exchange(Shell& shell, Request request, Handlers handlers)
    : shell_{shell}, request_{std::move(request)}, handlers_{std::move(handlers)}, timer_{shell.io},
      pace_timer_{shell.io}, reader_{request_.switching}
{}

void Exchange::begin()
{
    begun_ = last_piece_ = Clock::now();
    arm();
}

void Exchange::run(Socket socket, bool reused, const std::string& prefix)
{
    if (over_) return;
    socket_ = std::move(socket);
    reused_ = reused;
    reader_ = ReplyReader{request_.switching};
    last_piece_ = Clock::now();
    if (std::exchange(queued_, false)) {
        begun_ = last_piece_;
        arm();
    }
    auto headers = request_.headers;
    const bool upgrade = request_.switching == netclient::Switching::expected;
    headers.emplace_back("Connection", upgrade                   ? "Upgrade"
                                       : request_.own_connection ? "close"
                                                                 : "keep-alive");
    if (upgrade) headers.emplace_back("Upgrade", "tcp");
    if (request_.streamed_body)
        headers.emplace_back("Transfer-Encoding", "chunked");
    else if (!request_.body.empty() || request_.method != "GET")
        headers.emplace_back("Content-Length", std::to_string(request_.body.size()));
    std::string head = netclient::request_head(request_.method, "engine", prefix + request_.target, headers);
    if (!request_.streamed_body) head += request_.body;
    std::string held;
    if (upgrade) held.swap(out_);
    upgrading_ = upgrade;
    out_.insert(0, head);
    write_more();
    if (upgrade) out_ = std::move(held);
    wait_readable();
}

void Exchange::send(std::string_view bytes)
{
    if (over_ || body_finished_ || bytes.empty()) return;
    if (request_.streamed_body) out_ += netclient::chunk_head(bytes.size());
    out_ += bytes;
    if (request_.streamed_body) out_ += "\r\n";
    if (socket_) write_more();
}

void Exchange::finish_body()
{
    if (over_ || std::exchange(body_finished_, true)) return;
    if (request_.streamed_body) out_ += "0\r\n\r\n";
    if (socket_) write_more();
}

void Exchange::write_more()
{
    if (!writing_.empty() || over_ || (upgrading_ && sent_)) return;
    if (out_.empty()) {
        if (body_finished_ && !request_.streamed_body && !std::exchange(shut_, true)) {
            error_code ignored;
            socket_->shutdown(Socket::shutdown_send, ignored);
        }
        return;
    }
    writing_.swap(out_);
    sent_ = true;
    asio::async_write(*socket_, asio::buffer(writing_), [self = shared_from_this()](error_code error, auto) {
        self->writing_.clear();
        if (self->writing_.capacity() > 64 * 1024) self->writing_.shrink_to_fit();
        // After a write error the reader still finds the reply that the engine may have sent before.
        if (error || self->over_) return;
        self->last_piece_ = Clock::now();
        self->write_more();
        if (self->unsent() == 0 && !self->upgrading_ && self->handlers_.on_sent) self->handlers_.on_sent();
    });
}

void Exchange::wait_readable()
{
    if (over_ || paused_ || waiting_ || !socket_ || !unpark()) return;
    waiting_ = true;
    socket_->async_wait(Socket::wait_read, [self = shared_from_this()](error_code error) {
        self->waiting_ = false;
        if (self->over_ || error == asio::error::operation_aborted) return;
        self->on_readable();
    });
}

void Exchange::on_readable()
{
    const auto buffer = shell_.read_buffer;
    for (int i = 0; i < reads_in_a_row && !over_ && !paused_; ++i) {
        error_code error;
        const auto n = read_some(error);
        if (error == asio::error::would_block || error == asio::error::try_again) break;
        if (error) return on_connection_end(error == asio::error::eof ? std::string{} : error.message());
        last_piece_ = shell_.heard = Clock::now();
        const bool more = n == buffer->size();
        take({buffer->data(), n}); // its callbacks may destroy the client, and the shell with it
        if (request_.pace.count() > 0 && reader_.has_head()) return pace();
        if (!more) break;
    }
    wait_readable();
}

std::size_t Exchange::read_some(error_code& error)
{
    if (!parked_) return socket_->read_some(asio::buffer(*shell_.read_buffer), error);
    const auto n =
        ::recv(parked_.get(), shell_.read_buffer->data(), shell_.read_buffer->size(), MSG_DONTWAIT);
    if (n > 0) return static_cast<std::size_t>(n);
    error = n == 0 ? error_code{asio::error::eof} : error_code{errno, asio::error::get_system_category()};
    return 0;
}

void Exchange::pace()
{
    if (over_) return;
    if (!parked_ && writing_.empty()) {
        error_code ignored;
        parked_ = base::Fd{socket_->release(ignored)};
    }
    waiting_ = true;
    pace_timer_.expires_after(request_.pace);
    pace_timer_.async_wait([self = shared_from_this()](error_code error) {
        self->waiting_ = false;
        if (!self->over_ && !error && !self->paused_) self->on_readable();
    });
}

// Gives the descriptor back to the event loop. False: that failed, and the exchange has ended.
bool Exchange::unpark()
{
    if (!parked_) return true;
    error_code error;
    socket_->assign(boost::asio::local::stream_protocol{}, parked_.get(), error);
    if (!error) {
        parked_.release();
        socket_->non_blocking(true, error);
    }
    if (!error) return true;
    end(error_of_break(request_.context, error.message(), sent_));
    return false;
}

void Exchange::take(std::string_view bytes)
{
    while (!over_ && take_step(bytes)) {}
}

// False: no bytes are left, or the exchange has ended.
bool Exchange::take_step(std::string_view& bytes)
{
    const auto step = reader_.step(bytes);
    bytes.remove_prefix(step.taken);
    switch (step.event) {
    case ReplyReader::Event::more: return false;
    case ReplyReader::Event::head: on_head(); return true;
    case ReplyReader::Event::content: return on_content(step.content);
    case ReplyReader::Event::end:
        if (!bytes.empty()) close(); // bytes after the reply: the connection cannot be trusted
        complete();
        return false;
    case ReplyReader::Event::failed: end(error_of_answer(request_.context, reader_.why())); return false;
    }
    return false;
}

void Exchange::on_head()
{
    failing_ = !means_success(reader_.head().status);
    arm();
    if (!failing_ && handlers_.on_head) handlers_.on_head(reader_.head());
    if (!failing_ && std::exchange(upgrading_, false)) write_more();
}

bool Exchange::on_content(std::string_view content)
{
    if (failing_) {
        error_body_ += content.substr(0, max_error_body - error_body_.size());
        return true;
    }
    const char* why = handlers_.on_content ? handlers_.on_content(content) : nullptr;
    if (why == nullptr || over_) return !over_;
    end(error_of_answer(request_.context, why));
    return false;
}

void Exchange::on_connection_end(std::string_view why)
{
    const bool begun = reader_.begun();
    if (!begun && reused_ && writing_.empty() && request_.method == "GET") {
        close();
        socket_.reset();
        out_.clear();
        return shell_.on_stale(*this);
    }
    if (why.empty() && reader_.finish() == ReplyReader::Event::end) {
        close();
        return complete();
    }
    // An error response with an incomplete body says more than the broken connection.
    if (failing_) return complete();
    end(error_of_break(request_.context, why.empty() ? std::string_view{reader_.why()} : why, sent_));
}

void Exchange::complete()
{
    if (failing_) return end(error_of_reply(request_.context, reader_.head().status, error_body_));
    end(std::nullopt);
}

void Exchange::end(std::optional<Error> error)
{
    if (over_) return;
    over_ = true;
    timer_.cancel();
    pace_timer_.cancel();
    const bool written = writing_.empty() && out_.empty();
    const bool reusable = socket_ && socket_->is_open() && reader_.reusable() && written &&
                          !request_.own_connection && (!error || failing_);
    if (!reusable) close();
    const auto self = shared_from_this(); // on_over drops the owner's reference
    Socket socket = socket_ ? std::move(*socket_) : Socket{shell_.io};
    if (waiting_ && socket.is_open()) {
        error_code ignored;
        socket.cancel(ignored);
    }
    socket_.reset();
    shell_.on_over(*this, std::move(socket));
    if (ended_ || !handlers_.on_end) return;
    ended_ = true;
    const auto on_end = std::move(handlers_.on_end);
    on_end(std::move(error));
}

void Exchange::fail(Error error)
{
    if (over_) return;
    asio::post(shell_.io, [self = shared_from_this(), error = std::move(error)]() mutable {
        if (!self->over_) self->end(std::move(error));
    });
}

void Exchange::cancel() { fail(error_of_cancel(request_.context, sent_)); }

void Exchange::abandon()
{
    over_ = ended_ = true;
    timer_.cancel();
    pace_timer_.cancel();
    close();
}

void Exchange::pause() { paused_ = true; }

void Exchange::resume()
{
    if (!std::exchange(paused_, false)) return;
    if (over_) return;
    last_piece_ = Clock::now(); // the pause was ours
    arm();
    wait_readable();
}

void Exchange::close()
{
    parked_.reset();
    if (!socket_) return;
    error_code ignored;
    socket_->close(ignored);
}

Clock::time_point Exchange::next_deadline() const
{
    constexpr std::chrono::milliseconds none{0};
    const Timeouts& timeouts = request_.timeouts;
    auto next = Clock::time_point::max();
    if (queued_) {
        const auto wait = longest_wait(timeouts);
        return wait > none ? begun_ + wait : next;
    }
    if (timeouts.whole > none) next = std::min(next, begun_ + timeouts.whole);
    if (timeouts.head > none && !reader_.has_head()) next = std::min(next, begun_ + timeouts.head);
    if (timeouts.idle > none && (reader_.has_head() || request_.streamed_body) && !paused_)
        next = std::min(next, last_piece_ + timeouts.idle);
    return next;
}

// One timer for all deadlines. Pieces do not arm it: it looks again when it expires.
void Exchange::arm()
{
    const auto next = next_deadline();
    if (next == Clock::time_point::max()) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(next);
    timer_.async_wait([self = shared_from_this()](error_code error) {
        if (!error && !self->over_) self->on_timer();
    });
}

void Exchange::on_timer()
{
    const auto now = Clock::now();
    if (next_deadline() > now) return arm();
    const Timeouts& timeouts = request_.timeouts;
    auto waited = timeouts.idle;
    if (queued_)
        waited = longest_wait(timeouts);
    else if (timeouts.whole.count() > 0 && begun_ + timeouts.whole <= now)
        waited = timeouts.whole;
    else if (timeouts.head.count() > 0 && !reader_.has_head() && begun_ + timeouts.head <= now)
        waited = timeouts.head;
    end(error_of_timeout(request_.context, waited, sent_));
}

} // namespace agenthost::docker::engine

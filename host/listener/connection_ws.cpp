// The WebSocket of a connection, and what it shares with streamed answers: the exchange's send queue.
#include "connection.hpp"

namespace agenthost::host::listener {

void Connection::upgrade(Headers headers, WebSocketLimits limits)
{
    const auto request = requests_.take_upgrade();
    if (state_ != State::request || !request) return;
    requests_.reset();
    enter(State::websocket);
    ++listening_->websockets;
    ws_ = make_websocket(std::move(*stream_), limits, *request, *this, shared_from_this());
    stream_.reset();
    client_.forget_address();
    exchange_->phase = Exchange::Phase::websocket;
    ws_->accept(std::move(*request), std::move(headers));
    direct_ = true;
    if (draining_ || server_->draining) ws_->close(1001, "going away");
}

bool Connection::sends_directly() const
{
    return direct_ && thread_->io.get_executor().running_in_this_thread() && mailbox_.empty();
}

void Connection::send(int opcode, std::string message)
{
    if (ws_) ws_->send(opcode, std::move(message));
}

void Connection::set_limits(const std::string& json)
{
    if (!ws_) return;
    WebSocketLimits limits = ws_->limits();
    if (!merge_limits(limits, json)) return;
    exchange_->max_queued = limits.send_queue;
    ws_->set_limits(limits);
}

void Connection::pause(bool on)
{
    if (const auto ws = ws_) ws->pause(on);
}

void Connection::close(int code, const std::string& reason)
{
    if (const auto ws = ws_)
        ws->close(code, reason);
    else
        abort(requests_.status());
}

void Connection::ws_message(int opcode, std::string_view message)
{
    if (!exchange_) return;
    const auto exchange = exchange_;
    exchange->call(&agh_route_api::on_frame, opcode, agh_bytes{message.data(), message.size()});
}

// A caller that got BUSY is notified once half of the queue is free: from the loop, never inside send().
void Connection::dequeued(std::size_t bytes)
{
    if (!exchange_) return;
    exchange_->queued -= bytes;
    if (!exchange_->blocked || !exchange_->half_empty()) return;
    later([this, exchange = exchange_] {
        if (runs(exchange)) exchange->notify_writable();
    });
}

void Connection::ws_ended(int code)
{
    --listening_->websockets;
    const auto self = shared_from_this();
    finish(code);
    enter(State::closed);
    ws_.reset();
    thread_->remove(this);
}

} // namespace agenthost::host::listener

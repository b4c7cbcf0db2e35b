// The WebSocket side of a connection, and what both sides share about send queues.
#include "connection.hpp"

namespace agenthost::host::listener {

void Connection::do_upgrade(const ExchangePtr& exchange, Headers headers, WebSocketLimits limits)
{
    if (exchange_ != exchange || state_ != State::pending || !upgrade_) return;
    enter(State::websocket);
    ++listening_->websockets;
    const auto request = std::move(upgrade_);
    ws_ = make_websocket(std::move(*stream_), limits, *request, *this, shared_from_this());
    stream_.reset();
    client_.forget_shown();
    exchange->phase = Exchange::Phase::websocket;
    ws_->accept(std::move(*request), std::move(headers));
    direct_ = true;
    if (draining_ || server_->draining) ws_->close(1001, "going away");
}

bool Connection::sends_directly() const
{
    return direct_ && thread_->io.get_executor().running_in_this_thread() && mailbox_.empty();
}

void Connection::do_send(const ExchangePtr& exchange, int opcode, std::string message)
{
    if (exchange_ != exchange || !ws_) return;
    ws_->send(opcode, std::move(message));
}

void Connection::do_limits(const ExchangePtr& exchange, const std::string& json)
{
    if (exchange_ != exchange || !ws_) return;
    WebSocketLimits limits = ws_->limits();
    if (!merge_limits(limits, json)) return;
    exchange->queue_limit = limits.send_queue;
    ws_->set_limits(limits);
}

void Connection::do_pause(const ExchangePtr& exchange, bool on)
{
    if (exchange_ != exchange) return;
    if (const auto ws = ws_) ws->pause(on);
}

void Connection::do_close(const ExchangePtr& exchange, int code, const std::string& reason)
{
    if (exchange_ != exchange) return;
    if (const auto ws = ws_)
        ws->close(code, reason);
    else
        abort(status_);
}

void Connection::ws_message(int opcode, std::string_view message)
{
    if (!exchange_) return;
    const auto exchange = exchange_;
    exchange->route->api.on_frame(exchange->route->ctx, exchange->id, opcode,
                                  {message.data(), message.size()});
}

void Connection::ws_sent(std::size_t bytes)
{
    if (exchange_) took(exchange_, bytes);
}

// The queue is shorter by that much; who was told BUSY hears of it once half is free. From the loop, never inside send().
void Connection::took(const ExchangePtr& exchange, std::size_t bytes)
{
    exchange->queued -= bytes;
    if (!exchange->blocked || exchange->queued > exchange->queue_limit / 2) return;
    later([this, exchange] { check_writable(exchange); });
}

void Connection::check_writable(const ExchangePtr& exchange)
{
    if (exchange_ != exchange || exchange->queued > exchange->queue_limit / 2) return;
    if (exchange->blocked.exchange(false))
        exchange->route->api.on_writable(exchange->route->ctx, exchange->id);
}

void Connection::ws_ended(int code)
{
    --listening_->websockets;
    const auto self = shared_from_this();
    finish_exchange(code);
    enter(State::closed);
    ws_.reset();
    thread_->remove(this);
}

} // namespace agenthost::host::listener

// The calls of ext/listener.h, from any thread: the exchange's phase decides here whether a call is valid,
// then the work is posted to the connection.
#include "listener_impl.hpp"

namespace agenthost::host {
using namespace listener;
using Phase = Exchange::Phase;

namespace {

std::string text(agh_bytes bytes) { return {static_cast<const char*>(bytes.data), bytes.size}; }

// Does work(connection) on the connection's thread, unless the exchange has ended by then.
template <class Work> void post(const ExchangePtr& exchange, Work work)
{
    exchange->connection->post([exchange, work = std::move(work)]() mutable {
        Connection& connection = *exchange->connection;
        if (connection.runs(exchange)) work(connection);
    });
}

} // namespace

agh_status Listeners::Impl::reserve(const ExchangePtr& exchange, std::size_t n)
{
    if (exchange->reserve(n)) return AGH_OK;
    exchange->blocked = true;
    // If it emptied before `blocked` was set, no other notification follows.
    if (exchange->half_empty()) post(exchange, [](Connection& c) { c.exchange()->notify_writable(); });
    return AGH_E_BUSY;
}

ExchangePtr Listeners::Impl::websocket(agh_conn id) const
{
    auto exchange = server->exchanges.find(id);
    if (!exchange) return nullptr;
    const Phase phase = exchange->phase;
    return phase == Phase::upgrading || phase == Phase::websocket ? exchange : nullptr;
}

agh_status Listeners::answer(agh_conn id, int status, std::string_view headers_json, const agh_blob* blob)
{
    Reply reply;
    reply.status = status;
    if (blob) {
        if (blob->fd >= 0) reply.fd.reset(blob->fd); // closed even if the call is refused
        reply.offset = blob->offset;
        reply.length = blob->length;
        if (blob->fd < 0) reply.text = text(blob->inl);
        if (AGH_HAS(blob, media_type.data) && blob->media_type.size != 0)
            reply.headers.emplace_back("Content-Type", text(blob->media_type));
    }
    auto headers = parse_headers_json(headers_json);
    if (!headers || status < 200 || status > 599) return AGH_E_INVALID;
    reply.headers.insert(reply.headers.end(), headers->begin(), headers->end());
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    if (!exchange->move(Phase::asked, Phase::answering) && !exchange->move(Phase::received, Phase::answering))
        return AGH_E_STALE;
    auto shared = std::make_shared<Reply>(std::move(reply)); // std::function copies
    post(exchange, [shared](Connection& c) { c.requests().answer(std::move(*shared)); });
    return AGH_OK;
}

agh_status Listeners::receive(agh_conn id, int fd, std::uint64_t offset, std::uint64_t max)
{
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange || !exchange->move(Phase::asked, Phase::receiving)) return AGH_E_STALE;
    post(exchange, [fd, offset, max](Connection& c) { c.requests().receive(fd, offset, max); });
    return AGH_OK;
}

agh_status Listeners::upgrade(agh_conn id, std::string_view headers_json, std::string_view limits_json)
{
    auto headers = parse_headers_json(headers_json);
    WebSocketLimits limits;
    if (!headers || !merge_limits(limits, limits_json)) return AGH_E_INVALID;
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    if (!exchange->websocket) return AGH_E_INVALID;
    if (!exchange->move(Phase::asked, Phase::upgrading)) return AGH_E_STALE;
    exchange->max_queued = limits.send_queue;
    post(exchange, [limits, headers = std::move(*headers)](Connection& c) mutable {
        c.upgrade(std::move(headers), limits);
    });
    return AGH_OK;
}

agh_status Listeners::send(agh_conn id, int opcode, std::string_view message)
{
    if (opcode != AGH_WS_TEXT && opcode != AGH_WS_BINARY) return AGH_E_INVALID;
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    const Phase phase = exchange->phase;
    if (phase != Phase::upgrading && phase != Phase::websocket) return AGH_E_STALE;
    if (const auto status = Impl::reserve(exchange, message.size()); status != AGH_OK) return status;
    Connection& connection = *exchange->connection;
    if (connection.sends_directly()) {
        if (connection.runs(exchange)) connection.send(opcode, std::string{message});
    } else {
        post(exchange, [opcode, copy = std::string{message}](Connection& c) mutable {
            c.send(opcode, std::move(copy));
        });
    }
    return AGH_OK;
}

agh_status Listeners::limits(agh_conn id, std::string_view json)
{
    WebSocketLimits check;
    if (!merge_limits(check, json)) return AGH_E_INVALID;
    const auto exchange = impl_->websocket(id);
    if (!exchange) return AGH_E_STALE;
    post(exchange, [copy = std::string{json}](Connection& c) { c.set_limits(copy); });
    return AGH_OK;
}

agh_status Listeners::pause(agh_conn id, bool on)
{
    const auto exchange = impl_->websocket(id);
    if (!exchange) return AGH_E_STALE;
    post(exchange, [on](Connection& c) { c.pause(on); });
    return AGH_OK;
}

agh_status Listeners::close(agh_conn id, int code, std::string_view reason)
{
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    post(exchange, [code, copy = std::string{reason}](Connection& c) { c.close(code, copy); });
    return AGH_OK;
}

agh_status Listeners::answer_begin(agh_conn id, int status, std::string_view headers_json,
                                   std::uint64_t length)
{
    auto headers = parse_headers_json(headers_json);
    if (!headers || status < 200 || status > 599) return AGH_E_INVALID;
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange) return AGH_E_STALE;
    if (!exchange->move(Phase::asked, Phase::streaming) && !exchange->move(Phase::received, Phase::streaming))
        return AGH_E_STALE;
    post(exchange, [status, length, headers = std::move(*headers)](Connection& c) {
        c.requests().begin_answer(status, headers, length);
    });
    return AGH_OK;
}

agh_status Listeners::answer_chunk(agh_conn id, std::string_view data)
{
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange || exchange->phase != Phase::streaming) return AGH_E_STALE;
    if (const auto status = Impl::reserve(exchange, data.size()); status != AGH_OK) return status;
    post(exchange, [copy = std::string{data}](Connection& c) { c.requests().add_piece(copy); });
    return AGH_OK;
}

agh_status Listeners::answer_end(agh_conn id)
{
    const auto exchange = impl_->server->exchanges.find(id);
    if (!exchange || !exchange->move(Phase::streaming, Phase::answering)) return AGH_E_STALE;
    post(exchange, [](Connection& c) { c.requests().end_answer(); });
    return AGH_OK;
}

} // namespace agenthost::host

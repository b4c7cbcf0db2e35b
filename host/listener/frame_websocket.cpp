// WebSockets of the listener that do not compress: Beast answers the upgrade, net::FrameSocket reads and
// writes the frames.
#include "host/listener/timed_websocket.hpp"
#include "host/net/frame_socket.hpp"

#include <agenthost/ext/listener.h>
#include <boost/beast/websocket/error.hpp>

namespace agenthost::host::listener {
namespace websocket = boost::beast::websocket;
using net::error_code;

namespace {

net::Opcode opcode_of(int opcode)
{
    return opcode == AGH_WS_BINARY ? net::Opcode::binary : net::Opcode::text;
}

class FrameWebSocket final : public TimedWebSocket, private net::FrameSocket::Owner {
public:
    using Kind = net::FrameSocket::Kind;

    FrameWebSocket(net::Stream stream, WebSocketLimits limits, WebSocketEvents& events,
                   std::shared_ptr<void> owner)
        : TimedWebSocket{limits, events, std::move(owner)}, upgrade_{make_upgrade(std::move(stream))}
    {}
    ~FrameWebSocket()
    {
        if (socket_) socket_->abort();
    }

    void accept(Request request, std::vector<std::pair<std::string, std::string>> headers) override
    {
        upgrade_->accept(std::move(request), std::move(headers),
                         [self = shared_from_this(), this](error_code ec) { accepted(ec); });
    }

    void send(int opcode, std::string message) override
    {
        if (closing_ || ended_) return events_ ? events_->ws_sent(message.size()) : void();
        const bool next = open_ && queue_.empty();
        // Most messages fit into the cork and are never queued.
        if (next && message.size() <= max_direct_bytes && socket_->try_send(opcode_of(opcode), message))
            return events_->ws_sent(message.size());
        queue_.push_back({opcode, std::move(message)});
        if (next) write();
    }

    void set_limits(const WebSocketLimits& limits) override
    {
        limits_ = limits;
        if (socket_) socket_->set_max_message(limits_.message_bytes);
    }

    void pause(bool on) override
    {
        paused_ = on;
        if (socket_ && !ended_) socket_->pause(on);
    }

private:
    // Larger messages are always queued.
    static constexpr std::size_t max_direct_bytes = 16 * 1024;

    net::Stream& stream() override { return socket_ ? socket_->stream() : upgrade_->stream(); }

    void close_stream() override
    {
        if (socket_)
            socket_->abort();
        else
            upgrade_->stream().close();
    }

    void accepted(error_code ec)
    {
        if (ec || ended_) return end(lost);
        net::FrameSocket::Owner& owner = *this;
        socket_ =
            std::make_shared<net::FrameSocket>(std::move(upgrade_->stream()), net::FrameReader::Role::server,
                                               limits_.message_bytes, owner, weak_from_this());
        upgrade_.reset();
        opened();
        socket_->pause(paused_);
        if (!queue_.empty() || closing_) write();
        if (!ended_) socket_->start();
    }

    void on_message(Kind kind, std::string_view message) override
    {
        heard_ = true;
        if (!closing_ && !ended_)
            events_->ws_message(kind == Kind::text ? AGH_WS_TEXT : AGH_WS_BINARY, message);
    }

    void write() override
    {
        while (!ended_ && !socket_->sending()) {
            if (queue_.empty()) return closing_ && !close_sent_ ? send_close() : void();
            if (!socket_->send(opcode_of(queue_.front().opcode), queue_.front().text)) return;
            sent();
        }
    }

    void on_written() override
    {
        sent();
        write();
    }

    void sent()
    {
        const std::size_t n = queue_.front().text.size();
        queue_.pop_front();
        if (events_) events_->ws_sent(n);
    }

    void send_close()
    {
        close_frame_sent();
        socket_->close(static_cast<std::uint16_t>(close_code_), close_reason_);
    }

    void send_ping() override { socket_->ping({}); }

    void on_end(error_code ec) override
    {
        if (ec == websocket::error::closed) return end(closed_code(socket_->close_code()));
        end_with(ec);
    }

    // Until the upgrade is answered.
    std::shared_ptr<Upgrade> upgrade_;
    // From then on; null before.
    std::shared_ptr<net::FrameSocket> socket_;
};

} // namespace

std::shared_ptr<WebSocket> make_frame_websocket(net::Stream stream, WebSocketLimits limits,
                                                WebSocketEvents& events, std::shared_ptr<void> owner)
{
    return std::make_shared<FrameWebSocket>(std::move(stream), limits, events, std::move(owner));
}

} // namespace agenthost::host::listener

#include "server.hpp"

#include "host/net/stream.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <algorithm>
#include <deque>
#include <sstream>

namespace agenthost::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using host::net::error_code;

class BeastPeer final : public Peer, public std::enable_shared_from_this<BeastPeer> {
public:
    BeastPeer(host::net::Stream stream, Server& server, Cut cut)
        : server_{server}, options_{server.options}, cut_{cut}, ws_{std::move(stream)}
    {}

    void start()
    {
        if (reached(Cut::accepted)) return;
        if (!options_.tls) return upgrade();
        ws_.next_layer().async_handshake(options_.tls, {}, [self = shared_from_this()](error_code ec) {
            if (ec)
                self->gone = true;
            else if (!self->reached(Cut::secured))
                self->upgrade();
        });
    }
    void send(std::string text) override { queue(std::move(text), true); }
    void send_binary(std::string bytes) override { queue(std::move(bytes), false); }
    void ping(std::string payload) override
    {
        pings_.push_back(std::move(payload));
        if (pings_.size() == 1) next_ping(); // Beast has space for one at a time
    }
    void read_on(bool on) override
    {
        on_ = on;
        if (on_) read();
    }
    void close_with(int code, const std::string& reason) override
    {
        ws_.async_close(websocket::close_reason{static_cast<websocket::close_code>(code), reason},
                        [self = shared_from_this()](error_code) { self->gone = true; });
    }
    void cut() override
    {
        gone = true;
        open = false;
        ws_.next_layer().close();
    }

private:
    void next_ping()
    {
        ws_.async_ping(websocket::ping_data{pings_.front()}, [self = shared_from_this()](error_code ec) {
            self->pings_.pop_front();
            if (!ec && !self->pings_.empty()) self->next_ping();
        });
    }
    bool reached(Cut where)
    {
        if (cut_ == where) cut();
        return gone;
    }

    void upgrade()
    {
        http::async_read(ws_.next_layer(), in_, upgrade_,
                         [self = shared_from_this()](error_code ec, std::size_t) {
                             if (ec) {
                                 self->gone = true;
                                 return;
                             }
                             std::ostringstream text;
                             text << self->upgrade_;
                             self->request = text.str();
                             if (!websocket::is_upgrade(self->upgrade_) && self->options_.http)
                                 return self->answer();
                             if (self->options_.refuse == 0) return self->accept();
                             self->response_.result(static_cast<unsigned>(self->options_.refuse));
                             if (!self->options_.date.empty())
                                 self->response_.set(http::field::date, self->options_.date);
                             self->response_.prepare_payload();
                             http::async_write(self->ws_.next_layer(), self->response_,
                                               [self](error_code, std::size_t) { self->gone = true; });
                         });
    }

    void answer()
    {
        http = true;
        server_.requests.push_back(request);
        const auto [status, body] = options_.http(request);
        response_.result(static_cast<unsigned>(status));
        response_.body() = body;
        response_.set(http::field::connection, "close");
        response_.prepare_payload();
        http::async_write(ws_.next_layer(), response_, [self = shared_from_this()](error_code, std::size_t) {
            self->ws_.next_layer().async_shutdown([self](error_code) { self->gone = true; });
        });
    }

    void accept()
    {
        ws_.set_option(websocket::stream_base::decorator{[this](websocket::response_type& response) {
            if (!options_.date.empty()) response.set(http::field::date, options_.date);
        }});
        if (options_.deflate) {
            websocket::permessage_deflate deflate;
            deflate.server_enable = true;
            ws_.set_option(deflate);
        }
        ws_.read_message_max(options_.message_bytes);
        ws_.auto_fragment(false);
        ws_.control_callback([this](websocket::frame_type kind, beast::string_view payload) {
            if (kind == websocket::frame_type::pong) pongs.emplace_back(payload);
            if (kind == websocket::frame_type::ping) ++pings;
        });
        ws_.async_accept(upgrade_, [self = shared_from_this()](error_code ec) {
            self->in_.clear();
            self->open = !ec;
            self->gone = static_cast<bool>(ec);
            if (ec || self->reached(Cut::upgraded)) return;
            int open = 0;
            for (const auto& peer : self->server_.peers) open += peer->open;
            self->server_.most_open = std::max(self->server_.most_open, open);
            self->read();
            if (self->options_.on_open) self->options_.on_open(*self);
        });
    }

    void read()
    {
        if (reading_ || !on_ || gone) return;
        reading_ = true;
        ws_.async_read(in_, [self = shared_from_this()](error_code ec, std::size_t) {
            self->reading_ = false;
            if (ec) {
                self->close_code = self->ws_.reason().code;
                self->end = ec.message();
                self->open = false;
                self->gone = true;
                return;
            }
            self->got.push_back(beast::buffers_to_string(self->in_.data()));
            self->in_.clear();
            self->on_ = self->on_ && self->got.size() != self->options_.read_frames;
            self->on_frame();
            self->read();
        });
    }

    void on_frame()
    {
        if (options_.on_message) options_.on_message(*this, std::string{got.back()});
        if (got.size() > 1) {
            reached(Cut::result);
            return;
        }
        if (reached(Cut::hello) || options_.answer.empty()) return;
        send(options_.answer);
    }

    void queue(std::string text, bool is_text)
    {
        out_.emplace_back(std::move(text), is_text);
        if (!writing_) write();
    }
    void write()
    {
        writing_ = true;
        ws_.text(out_.front().second);
        ws_.async_write(asio::buffer(out_.front().first),
                        [self = shared_from_this()](error_code ec, std::size_t) {
                            if (ec) return;
                            self->out_.pop_front();
                            self->writing_ = false;
                            self->ws_.next_layer().flush();
                            ++self->sent_;
                            if (self->sent_ == 1 && !self->reached(Cut::welcome) && self->options_.on_ready)
                                self->options_.on_ready(*self);
                            if (self->sent_ == 2) self->reached(Cut::command);
                            if (!self->gone && !self->writing_ && !self->out_.empty()) self->write();
                        });
    }

    Server& server_;
    const Server::Options& options_;
    Cut cut_;
    websocket::stream<host::net::Stream, true> ws_;
    beast::flat_buffer in_;
    http::request<http::string_body> upgrade_;
    http::response<http::string_body> response_;
    std::deque<std::pair<std::string, bool>> out_;
    std::deque<std::string> pings_;
    int sent_ = 0;
    bool reading_ = false, writing_ = false, on_ = true;
};

class BeastServer final : public Server {
public:
    BeastServer(asio::io_context& io, Options given)
        : io_{io}, acceptor_{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}}
    {
        options = std::move(given);
        // Bounded, or the kernel would take megabytes for a peer that reads nothing; accepted sockets inherit
        // it.
        acceptor_.set_option(asio::socket_base::receive_buffer_size{64 << 10});
        accept();
    }
    [[nodiscard]] int port() const override { return acceptor_.local_endpoint().port(); }

private:
    void accept()
    {
        acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
            if (ec) return;
            const Cut cut = peers.size() < options.cuts.size() ? options.cuts[peers.size()] : Cut::never;
            auto peer = std::make_shared<BeastPeer>(host::net::Stream{io_.get_executor(), socket.release()},
                                                    *this, cut);
            peers.push_back(peer);
            peer->start();
            accept();
        });
    }

    asio::io_context& io_;
    tcp::acceptor acceptor_;
};

} // namespace

std::unique_ptr<Server> Server::make(asio::io_context& io, Options options)
{
    return std::make_unique<BeastServer>(io, std::move(options));
}

} // namespace agenthost::test

#include "dial.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace agenthost::host {

namespace {

using boost::asio::ip::tcp;
using net::error_code;

// Bytes of the last input, searched for an HTTP error when the WebSocket fails.
constexpr std::size_t kept_tail = 2048;

} // namespace

Dial::Dial(boost::asio::any_io_executor main, const Link::Options& options)
    : main_{std::move(main)}, options_{options}, socket_{main_}, timer_{main_}
{}

void Dial::start(std::function<void(std::string)> done)
{
    done_ = std::move(done);
    boost::asio::post(main_, alive_.guard([this] { connect(); }));
}

void Dial::stop()
{
    // Handlers that are already queued do nothing.
    alive_ = {};
    done_ = nullptr;
    error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
    if (stream_) stream_->close();
}

net::Stream Dial::take_stream()
{
    net::Stream stream{std::move(stream_).value()};
    stream_.reset();
    return stream;
}

void Dial::finish(std::string problem)
{
    if (done_) std::exchange(done_, nullptr)(std::move(problem));
}

std::string Dial::no_address() const
{
    const bool proxy = options_.proxy.has_value();
    return "cannot connect to " + (proxy ? "the proxy " + options_.proxy->host : options_.url.host) + ": " +
           (tried_.empty() ? "it has no address" : tried_) + ". Check " +
           (proxy ? "proxy" : "url, the server") + " and the firewall between";
}

void Dial::connect()
{
    if (next_address_ == options_.addresses.size()) return finish(no_address());
    const tcp::endpoint address = options_.addresses[next_address_++];
    socket_ = tcp::socket{main_};
    timer_.expires_after(options_.address_timeout);
    timer_.async_wait(alive_.guard([this, attempt = next_address_](error_code ec) {
        if (!ec && attempt == next_address_) socket_.close(ec);
    }));
    socket_.async_connect(address, alive_.guard([this, address](error_code ec) {
        const bool in_time = timer_.cancel() > 0;
        if (!ec && socket_.is_open()) return connected();
        tried_ = net::address_text(address.data()) + " " + (in_time ? ec.message() : "does not answer");
        connect();
    }));
}

void Dial::connected()
{
    error_code ignored; // the first read fails too, with a more specific error
    socket_.set_option(boost::asio::socket_base::keep_alive{true}, ignored);
    const int fd = socket_.release(ignored);
    stream_.emplace(main_, fd);
    stream_->no_delay();
    stream_->keep_tail(kept_tail);
    if (options_.proxy) return ask_proxy();
    secure();
}

void Dial::ask_proxy()
{
    stream_->write(netclient::connect_request(*options_.proxy, options_.url.host, options_.url.port));
    wait_for_proxy();
}

void Dial::wait_for_proxy()
{
    // The read returns the same error.
    stream_->wait_readable(alive_.guard([this](error_code) { read_from_proxy(); }));
}

void Dial::read_from_proxy()
{
    using State = netclient::ConnectAnswer::State;
    while (tunnel_.state() == State::more) {
        error_code ec;
        const std::string_view bytes = stream_->peek(ec);
        if (ec == boost::asio::error::would_block) return wait_for_proxy();
        if (ec) return finish(tunnel_.broke_off(*options_.proxy, "the connection ended: " + ec.message()));
        stream_->consume(tunnel_.feed(bytes));
    }
    if (tunnel_.state() == State::refused)
        return finish(tunnel_.problem(*options_.proxy, options_.url.host, options_.url.port));
    if (stream_->buffered() == 0) return secure();
    error_code ignored;
    finish(netclient::ConnectAnswer::overrun(*options_.proxy, stream_->peek(ignored)));
}

void Dial::secure()
{
    if (!options_.tls) return finish({});
    stream_->async_handshake(options_.tls, options_.url.host, alive_.guard([this](error_code ec) {
        if (!ec) return finish({});
        const std::string& problem = stream_->problem();
        finish("TLS with " + options_.url.host + ": " + (problem.empty() ? ec.message() : problem));
    }));
}

} // namespace agenthost::host

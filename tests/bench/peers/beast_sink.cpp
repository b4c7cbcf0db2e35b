// The named peer of the hub-in bench: a WebSocket server as Beast's examples write it, async_read in a loop,
// that drops every message and answers pings. One thread. Prints its port. beast_sink
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include <cstdio>
#include <memory>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;

struct Session : std::enable_shared_from_this<Session> {
    explicit Session(tcp::socket socket) : ws{std::move(socket)} {}
    websocket::stream<beast::tcp_stream> ws;
    beast::flat_buffer buffer;
    void start()
    {
        ws.async_accept([self = shared_from_this()](beast::error_code error) {
            if (!error) self->read();
        });
    }
    void read()
    {
        ws.async_read(buffer, [self = shared_from_this()](beast::error_code error, std::size_t n) {
            if (error) return;
            self->buffer.consume(n);
            self->read();
        });
    }
};

void accept(tcp::acceptor& acceptor)
{
    acceptor.async_accept([&](beast::error_code error, tcp::socket socket) {
        if (error) return;
        beast::error_code ignored;
        socket.set_option(tcp::no_delay{true}, ignored);
        std::make_shared<Session>(std::move(socket))->start();
        accept(acceptor);
    });
}

int main()
{
    asio::io_context io{1};
    tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    std::printf("%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    accept(acceptor);
    io.run();
}

// The named peer of the dispatch bench: a WebSocket client as Beast's examples write it, async_read then
// async_write, that sends back every message. beast_echo HOST PORT [CA]
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <iostream>
#include <memory>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

template <typename Next> struct Echo : std::enable_shared_from_this<Echo<Next>> {
    template <typename... Args> explicit Echo(Args&&... args) : ws(std::forward<Args>(args)...) {}
    websocket::stream<Next> ws;
    beast::flat_buffer buffer;
    void read()
    {
        ws.async_read(buffer, [self = this->shared_from_this()](beast::error_code error, std::size_t) {
            if (error) return;
            self->ws.text(self->ws.got_text());
            self->ws.async_write(self->buffer.data(), [self](beast::error_code failed, std::size_t n) {
                if (failed) return;
                self->buffer.consume(n);
                self->read();
            });
        });
    }
};

int main(int argc, char** argv)
{
    if (argc < 3) return 2;
    asio::io_context io{1};
    asio::ip::tcp::resolver resolver{io};
    const auto where = resolver.resolve(argv[1], argv[2]);
    if (argc == 3) {
        auto echo = std::make_shared<Echo<beast::tcp_stream>>(io);
        beast::get_lowest_layer(echo->ws).connect(where);
        beast::get_lowest_layer(echo->ws).socket().set_option(asio::ip::tcp::no_delay{true});
        echo->ws.handshake(argv[1], "/");
        echo->read();
        io.run();
    } else {
        asio::ssl::context tls{asio::ssl::context::tls_client};
        tls.load_verify_file(argv[3]);
        tls.set_verify_mode(asio::ssl::verify_peer);
        auto echo = std::make_shared<Echo<beast::ssl_stream<beast::tcp_stream>>>(io, tls);
        beast::get_lowest_layer(echo->ws).connect(where);
        beast::get_lowest_layer(echo->ws).socket().set_option(asio::ip::tcp::no_delay{true});
        echo->ws.next_layer().handshake(asio::ssl::stream_base::client);
        echo->ws.handshake(argv[1], "/");
        echo->read();
        io.run();
    }
}

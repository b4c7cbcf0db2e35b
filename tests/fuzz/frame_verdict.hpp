// What a reader of WebSocket frames finds in a stream of bytes that arrives in given pieces, as a list of
// words to compare: our FrameReader and Beast's reader.
#pragma once

#include "host/net/frame_reader.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::test {

using Pieces = std::vector<std::string>;
using Verdict = std::vector<std::string>;
using Role = host::net::FrameReader::Role;

inline std::string close_word(unsigned code, std::string_view reason)
{
    return "close " + std::to_string(code) + " " + std::string{reason};
}

inline Verdict our_verdict(Role role, std::uint64_t max_message, const Pieces& pieces)
{
    using Kind = host::net::FrameReader::Kind;
    host::net::FrameReader reader{role, max_message};
    Verdict found;
    for (const std::string& piece : pieces) {
        // Memory of exactly this size, for AddressSanitizer.
        std::vector<char> bytes{piece.begin(), piece.end()};
        for (std::size_t at = 0; at < bytes.size();) {
            const auto step = reader.next(bytes.data() + at, bytes.size() - at);
            at += step.used;
            const std::string payload{step.payload};
            switch (step.kind) {
            case Kind::more: break;
            case Kind::text: found.push_back("text " + payload); break;
            case Kind::binary: found.push_back("binary " + payload); break;
            case Kind::ping: found.push_back("ping " + payload); break;
            case Kind::pong: found.push_back("pong " + payload); break;
            case Kind::close: return found.push_back(close_word(reader.close_code(), payload)), found;
            case Kind::fault: return found.push_back("fault " + reader.fault().message()), found;
            }
        }
        reader.release_memory();
    }
    return found;
}

// Beast over a stream in memory, its handshake done once for every call.
class BeastReader {
public:
    BeastReader(Role role, std::uint64_t max_message) : role_{role}
    {
        client_.next_layer().connect(server_.next_layer());
        int open = 0;
        server_.async_accept([&](boost::beast::error_code ec) { open += !ec; });
        client_.async_handshake("x", "/", [&](boost::beast::error_code ec) { open += !ec; });
        io_.run();
        io_.restart();
        reader().read_message_max(max_message);
        reader().control_callback(
            [this](boost::beast::websocket::frame_type kind, boost::beast::string_view payload) {
                using Kind = boost::beast::websocket::frame_type;
                if (kind != Kind::close)
                    found_.push_back((kind == Kind::ping ? "ping " : "pong ") + std::string{payload});
            });
        if (open != 2) found_.emplace_back("no handshake");
    }

    Verdict verdict(const Pieces& pieces)
    {
        read();
        for (const std::string& piece : pieces) {
            peer().next_layer().write_some(boost::asio::buffer(piece));
            io_.restart();
            io_.poll();
        }
        return found_;
    }

private:
    using Stream = boost::beast::websocket::stream<boost::beast::test::stream, false>;
    Stream& reader() { return role_ == Role::server ? server_ : client_; }
    Stream& peer() { return role_ == Role::server ? client_ : server_; }

    void read()
    {
        reader().async_read(buffer_, [this](boost::beast::error_code ec, std::size_t) {
            if (ec == boost::beast::websocket::error::closed) {
                const auto& reason = reader().reason();
                found_.push_back(close_word(reason.code, {reason.reason.data(), reason.reason.size()}));
            } else if (ec) {
                found_.push_back("fault " + ec.message());
            } else {
                found_.push_back((reader().got_text() ? "text " : "binary ") +
                                 boost::beast::buffers_to_string(buffer_.data()));
                buffer_.clear();
                read();
            }
        });
    }

    Role role_;
    boost::asio::io_context io_;
    Stream client_{io_}, server_{io_};
    boost::beast::flat_buffer buffer_;
    Verdict found_;
};

inline Verdict beast_verdict(Role role, std::uint64_t max_message, const Pieces& pieces)
{
    return std::make_unique<BeastReader>(role, max_message)->verdict(pieces);
}

} // namespace agenthost::test

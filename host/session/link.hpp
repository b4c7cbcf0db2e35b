// One WebSocket connection to a server: from an address to its end. Knows no protocol and no policy; tells its owner what happens.
// Main I/O thread only. The only file with Beast behind it is link.cpp.
#pragma once

#include "netclient/proxy.hpp"
#include "netclient/tls.hpp"
#include "netclient/url.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::host {

class Link {
public:
    struct Options {
        netclient::Url url;
        std::vector<std::pair<std::string, std::string>>
            headers; // a later one of the same name counts; may be secret
        std::vector<boost::asio::ip::tcp::endpoint> addresses; // the proxy's when there is one
        std::optional<netclient::Proxy> proxy;
        netclient::TlsContextPtr tls;
        std::uint64_t message_bytes = 1 << 20;
        std::chrono::milliseconds address_patience{5'000}; // for TCP to one address; then the next is tried
        std::string user_agent;
        bool compress = false; // offers permessage-deflate; only messages above compress_from are compressed
    };
    static constexpr std::size_t compress_from = 10
                                                 << 10; // bytes; smaller ones would cost more than they save
    struct End {
        std::string why;      // empty: as we asked
        bool refused = false; // the server said no to who we are (401, 403, close 1008)
        int close_code = 0;   // the peer's, with its words; 0: it closed without, or was not asked
        std::string close_reason{};
    };
    // Calls come from the event loop, never from inside a call to the Link.
    class Owner {
    public:
        virtual ~Owner() = default;
        virtual void on_open() = 0;
        virtual void on_frame(std::string_view text) = 0;
        virtual void on_ping() = 0;
        virtual void on_pong(std::string_view payload) = 0;
        // The next frame to write; empty: none now, kick() when there is. Valid until on_written().
        virtual std::string_view next_frame() = 0;
        virtual void on_written() = 0;
        virtual void on_end(const End&) = 0; // exactly once, unless forget() came before; nothing follows
    };

    virtual ~Link() = default;
    virtual void open() = 0;
    virtual void kick() = 0;                    // next_frame() has something
    virtual void ping(std::string payload) = 0; // after what is written by now; one at a time, a second waits
    virtual void hold(bool) = 0;                // true: read nothing more until false
    virtual void close(int code, std::string_view reason) = 0;
    virtual void abort() = 0;  // at once; on_end() follows
    virtual void forget() = 0; // at once and silently: the owner goes
    [[nodiscard]] virtual bool writing() const = 0;
    // The Date of the answer to the upgrade, a refusal included; empty: none. Handed over once, in on_open() or in on_end() of an attempt
    // that never opened: later it is old.
    [[nodiscard]] virtual std::string take_date() = 0;
    [[nodiscard]] virtual std::uint64_t bytes_in() const = 0; // on the wire
    [[nodiscard]] virtual std::uint64_t bytes_out() const = 0;
};

std::shared_ptr<Link> make_link(const boost::asio::any_io_executor&, Link::Options, Link::Owner&);

} // namespace agenthost::host

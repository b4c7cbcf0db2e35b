#include "echo.hpp"

#include "base/fd.hpp"

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <utility>

namespace agenthost::printer::network {

namespace {

namespace asio = boost::asio;

constexpr std::uint8_t echo_v4 = 8, echo_v6 = 128;

// The kernel fills in the identifier and the checksum, and delivers only replies to our own requests.
bool send_request(int fd, const asio::ip::address& address)
{
    const std::array<std::uint8_t, 16> request{address.is_v4() ? echo_v4 : echo_v6};
    const asio::ip::udp::endpoint to{address, 0};
    return ::sendto(fd, request.data(), request.size(), MSG_DONTWAIT, to.data(),
                    static_cast<socklen_t>(to.size())) == static_cast<ssize_t>(request.size());
}

struct Asked {
    Asked(asio::io_context& io, int fd) : socket{io, fd}, timer{io} {}
    asio::posix::stream_descriptor socket;
    asio::steady_timer timer;
    std::function<void(Echo)> done;

    void end(Echo echo)
    {
        if (!done) return;
        timer.cancel();
        boost::system::error_code ignored;
        socket.close(ignored);
        std::exchange(done, nullptr)(echo);
    }
};

} // namespace

void ask_echo(asio::io_context& io, const asio::ip::address& address, std::chrono::milliseconds time,
              std::function<void(Echo)> done)
{
    base::Fd fd{::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                         address.is_v4() ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6})};
    if (!fd || !send_request(fd.get(), address)) {
        asio::post(io,
                   [done = std::move(done), echo = fd ? Echo::silent : Echo::not_permitted] { done(echo); });
        return;
    }
    const auto asked = std::make_shared<Asked>(io, fd.release());
    asked->done = std::move(done);
    asked->timer.expires_after(time);
    asked->timer.async_wait([asked](const boost::system::error_code& error) {
        if (!error) asked->end(Echo::silent);
    });
    asked->socket.async_wait(asio::posix::stream_descriptor::wait_read,
                             [asked](const boost::system::error_code& error) {
                                 asked->end(error ? Echo::silent : Echo::answered);
                             });
}

} // namespace agenthost::printer::network

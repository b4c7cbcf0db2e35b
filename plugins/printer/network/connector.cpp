#include "connector.hpp"

#include "echo.hpp"
#include "tcp_link.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <netinet/in.h>

#include <cstring>

#include <utility>
#include <vector>

namespace agenthost::printer::network {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::chrono::seconds lookup_time{5};

tcp::endpoint endpoint_of(const netclient::Address& address)
{
    tcp::endpoint out;
    out.resize(address.size);
    std::memcpy(out.data(), &address.storage, address.size);
    return out;
}

// One attempt to reach one address. Its handlers own it.
class Attempt : public std::enable_shared_from_this<Attempt> {
public:
    Attempt(asio::io_context& io, PrinterAddress address, const Model& model, Connector::Times times,
            OpenDone done, std::weak_ptr<int> alive)
        : io_{io}, address_{std::move(address)}, model_{model}, times_{times}, done_{std::move(done)},
          alive_{std::move(alive)}, socket_{io}, timer_{io}
    {}

    void unknown_name(const std::string& why)
    {
        fail(OpenError::Kind::unreachable,
             "its name cannot be resolved: " + why +
                 ". Correct the name in the configuration, or check the node's DNS");
    }
    void connect(const tcp::endpoint& to)
    {
        to_ = to;
        timer_.expires_after(times_.connect);
        timer_.async_wait([self = shared_from_this()](const Error& error) {
            if (!error) self->timed_out();
        });
        socket_.async_connect(to,
                              [self = shared_from_this()](const Error& error) { self->connected(error); });
    }

private:
    void connected(const Error& error)
    {
        if (over_) return;
        timer_.cancel();
        over_ = true;
        if (alive_.expired() || !done_) return;
        if (!error) return done_({make_tcp_link(std::move(socket_), model_, times_.finish), std::nullopt});
        if (error == asio::error::connection_refused)
            return fail(
                OpenError::Kind::refused,
                "it refuses connections: it serves another host, is still starting, or its raw port is "
                "another one. Wait for the other host, or correct the port");
        fail(OpenError::Kind::unreachable,
             error.message() + ". Check its power, its network cable and its address");
    }
    void timed_out()
    {
        if (over_) return;
        over_ = true;
        Error ignored;
        socket_.close(ignored);
        ask_echo(io_, to_.address(), times_.echo, [self = shared_from_this()](Echo echo) {
            if (echo == Echo::answered)
                return self->fail(
                    OpenError::Kind::busy,
                    "it answers to ping, but does not accept a connection: another host prints, or "
                    "an old connection lingers. Wait, or switch the printer off and on");
            self->fail(OpenError::Kind::unreachable,
                       "it does not answer. Check its power, its network cable and its address");
        });
    }
    void fail(OpenError::Kind kind, const std::string& what)
    {
        if (alive_.expired() || !done_) return;
        std::exchange(done_, nullptr)(
            {nullptr, OpenError{kind, "Printer at " + address_.text() + ": " + what + "."}});
    }

    asio::io_context& io_;
    const PrinterAddress address_;
    const Model model_;
    const Connector::Times times_;
    OpenDone done_;
    std::weak_ptr<int> alive_;
    tcp::socket socket_;
    asio::steady_timer timer_;
    tcp::endpoint to_;
    bool over_ = false;
};

} // namespace

Connector::Connector(asio::io_context& io, Times times) : io_{io}, times_{times} {}

Connector::~Connector()
{
    cancel_.set();
    alive_.reset();
    lookups_.stop();
    lookups_.join();
}

void Connector::open(const PrinterAddress& address, const Model& model, OpenDone done)
{
    const auto attempt =
        std::make_shared<Attempt>(io_, address, model, times_, std::move(done), std::weak_ptr{alive_});
    Error error;
    if (const auto ip = asio::ip::make_address(address.host, error); !error) {
        asio::post(io_, [attempt, to = tcp::endpoint{ip, address.port}] { attempt->connect(to); });
        return;
    }
    asio::post(lookups_, [this, attempt, address] {
        std::string why;
        const netclient::WaitLimits limits{cancel_};
        const auto found = resolver_.resolve(address.host, address.port, lookup_time, limits, why);
        asio::post(io_, [attempt, found, why] {
            if (found.empty()) return attempt->unknown_name(why);
            attempt->connect(endpoint_of(found.front()));
        });
    });
}

} // namespace agenthost::printer::network

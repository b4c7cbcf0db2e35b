#include "players_query.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <utility>

namespace agenthost::docker::service {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct PlayersQuery::Attempt : std::enable_shared_from_this<Attempt> {
    Attempt(asio::io_context& io, PlayersQuery* o) : owner{o}, socket{io}, timer{io} {}

    PlayersQuery* owner; // null: nobody waits
    tcp::socket socket;
    asio::steady_timer timer;
    MinecraftReader reader;
    std::string request;
    std::array<char, 4096> buffer{};

    void begin(const tcp::endpoint& to)
    {
        timer.expires_after(deadline);
        timer.async_wait([self = shared_from_this()](error_code cancelled) {
            if (!cancelled) self->end(std::nullopt);
        });
        socket.async_connect(to, [self = shared_from_this()](error_code failed) {
            if (failed) return self->end(std::nullopt);
            asio::async_write(self->socket, asio::buffer(self->request),
                              [self](error_code broken, std::size_t) {
                                  if (broken) return self->end(std::nullopt);
                                  self->read();
                              });
        });
    }
    void read()
    {
        socket.async_read_some(asio::buffer(buffer),
                               [self = shared_from_this()](error_code failed, std::size_t size) {
                                   if (failed) return self->end(std::nullopt);
                                   switch (self->reader.push({self->buffer.data(), size})) {
                                   case MinecraftReader::Is::incomplete: return self->read();
                                   case MinecraftReader::Is::complete:
                                       return self->end(self->reader.players());
                                   case MinecraftReader::Is::wrong: return self->end(std::nullopt);
                                   }
                               });
    }
    void end(std::optional<Players> players)
    {
        timer.cancel();
        error_code ignored;
        socket.close(ignored);
        if (PlayersQuery* const waiting = std::exchange(owner, nullptr)) waiting->ended(std::move(players));
    }
};

PlayersQuery::PlayersQuery(asio::io_context& io, std::string address, std::uint16_t port)
    : io_{io}, address_{std::move(address)}, port_{port}
{}

PlayersQuery::~PlayersQuery()
{
    if (!attempt_) return;
    attempt_->owner = nullptr;
    attempt_->end(std::nullopt);
}

void PlayersQuery::ask()
{
    if (attempt_) return;
    error_code failed;
    const auto address = asio::ip::make_address(address_, failed);
    if (failed) return;
    attempt_ = std::make_shared<Attempt>(io_, this);
    attempt_->request = minecraft_request(address_, port_);
    attempt_->begin({address, port_});
}

void PlayersQuery::ended(std::optional<Players> players)
{
    players_ = std::move(players);
    attempt_.reset();
}

} // namespace agenthost::docker::service

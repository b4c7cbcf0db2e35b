// Asks one server now and then how many players it has. On the engine thread; owned by the server's shell.
#pragma once

#include "minecraft.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace agenthost::docker::service {

class PlayersQuery {
public:
    // `address`: an IP address of this machine.
    PlayersQuery(boost::asio::io_context&, std::string address, std::uint16_t port);
    ~PlayersQuery(); // nothing happens afterwards

    // Asks again, unless a question is in progress.
    void ask();
    // Of the last answer; absent when there was none, or when the last question was not answered.
    [[nodiscard]] const std::optional<Players>& players() const { return players_; }
    void forget() { players_.reset(); }

    static constexpr std::chrono::seconds deadline{3};

private:
    struct Attempt;
    void ended(std::optional<Players>);

    boost::asio::io_context& io_;
    std::string address_;
    std::uint16_t port_;
    std::optional<Players> players_;
    std::shared_ptr<Attempt> attempt_;
};

} // namespace agenthost::docker::service

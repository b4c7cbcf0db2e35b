// Whether a host answers an ICMP echo request.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <functional>

namespace agenthost::printer::network {

enum class Echo { answered, silent, not_permitted };

// Sends one request and retries nothing. `done` is called once, on the loop.
void ask_echo(boost::asio::io_context&, const boost::asio::ip::address&, std::chrono::milliseconds time,
              std::function<void(Echo)> done);

} // namespace agenthost::printer::network

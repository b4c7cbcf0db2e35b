// Implements Link over TCP: a connection to a printer's raw port (9100).
//
// A write completes when the printer's TCP stack has acknowledged all but 4 KiB. finish() tells whether the
// rest arrived: the printer's FIN or an empty send queue means that it has everything in its buffer, though
// not necessarily on paper. After Fault::no_progress, `taken` counts acknowledged bytes. If the connection is
// dead it counts the bytes that the kernel accepted, which is the most that the printer can have.
//
// Back-pressure is the socket's own. EOF and resets are noticed at once while read() has a handler, and
// otherwise at the next write. The connection is closed by FIN, and bytes that the printer still sends are
// read, so that no RST discards data in flight.
#pragma once

#include "plugins/printer/device/link.hpp"
#include "plugins/printer/device/model.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <memory>

namespace agenthost::printer::network {

constexpr std::chrono::milliseconds finish_bound{2'000};

// `socket` is connected.
std::unique_ptr<Link> make_tcp_link(boost::asio::ip::tcp::socket socket, const Model&,
                                    std::chrono::milliseconds finish = finish_bound);

} // namespace agenthost::printer::network

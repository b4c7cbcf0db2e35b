// A connection to a printer's raw port (9100): a Link over TCP.
//
// A write is done when the printer's end has acknowledged it but for 4 KiB; what became of those is known at
// finish(): the FIN of the printer, or an empty send queue, says that the printer's end has everything. That is
// its buffer, not its paper. After no progress `taken` is what was acknowledged; beside a dead connection it is
// what the kernel took, all that the printer may have.
// Back-pressure is the socket's own. EOF and reset are noticed at once while read() has a handler, and at the
// next write.
// The connection is ended by FIN; what the printer still sends is read, so that no RST takes bytes away.
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

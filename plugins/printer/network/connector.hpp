// Opens connections to network printers.
//
// A printer serves one host at a time. If it does not accept a connection but answers a ping, it is busy with
// another host; if it answers neither, it is off or unreachable. (Pings need a group in
// net.ipv4.ping_group_range; without one a timeout counts as unreachable.)
//
// Threads: the printer loop's. DNS lookups run on a thread of their own.
#pragma once

#include "address.hpp"

#include "plugins/printer/device/link.hpp"
#include "plugins/printer/device/model.hpp"

#include "base/cancel.hpp"
#include "netclient/net.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <memory>

namespace agenthost::printer::network {

class Connector {
public:
    struct Times {
        std::chrono::milliseconds connect{5'000};
        std::chrono::milliseconds echo{1'000};
        std::chrono::milliseconds finish{2'000};
    };
    Connector(boost::asio::io_context&, Times);
    // Waits for a DNS lookup in progress, at most as long as the resolver's own timeouts.
    ~Connector();
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;

    // `done` is called exactly once, unless the Connector is destroyed first.
    void open(const PrinterAddress&, const Model&, OpenDone done);

private:
    boost::asio::io_context& io_;
    const Times times_;
    base::Cancel cancel_;
    netclient::Resolver resolver_{4};
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    boost::asio::thread_pool lookups_{1}; // the last member: joined first
};

} // namespace agenthost::printer::network

// The USB bus of this machine: which printers are plugged in, and how to get hold of one.
//
//     usb::Bus bus{io, {}};
//     bus.start([&] { for (const auto& facts : bus.printers()) ...; });
//     bus.open(number, model, [](Opened opened) { ... });
//
// Threads: everything is called, and calls back, on the thread that runs the io_context. A callback never
// runs inside of the call that takes it and never after the Bus was destroyed. What blocks (opening,
// claiming, sysfs) runs on threads of its own. libusb's udev monitor is a thread of libusb; like everything
// here it sleeps while nothing happens.
// Lifetime: destroy all links first. The destructor closes what is open, which takes at most
// Options::stop_bound even if a device hangs; it may run on any thread once the loop has stopped, or on the
// loop outside of the links' callbacks.
#pragma once

#include "facts.hpp"
#include "quirks.hpp"

#include "plugins/printer/device/link.hpp"
#include "plugins/printer/device/model.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace agenthost::printer::usb {

struct Options {
    // Opening and claiming together; claiming is tried until `claim_time` has passed.
    std::chrono::milliseconds open_deadline{8'000}, claim_time{3'000};
    std::chrono::milliseconds stop_bound{2'000};
    std::vector<Quirk> quirks; // from the configuration, added to our own
};

class Bus {
public:
    static constexpr std::size_t max_printers = 64; // devices beyond are ignored

    Bus(boost::asio::io_context&, Options);
    ~Bus();
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    // Looks for printers. `on_change` is called when the first look has ended (also if there is nothing),
    // and whenever a printer comes or goes.
    void start(std::function<void()> on_change);
    // The first look has ended, and no device is being examined.
    [[nodiscard]] bool settled() const;
    // Why there are no printers at all: a sentence with the remedy. Empty: USB works.
    [[nodiscard]] std::string trouble() const;
    // By the number of arrival.
    [[nodiscard]] std::vector<Facts> printers() const;
    // One owner: a printer whose link lives, or that is being opened, is busy.
    void open(DeviceNumber, const Model&, OpenDone done);

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace agenthost::printer::usb

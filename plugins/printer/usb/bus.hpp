// Tracks the USB printers that are plugged in, and opens them.
//
//     usb::Bus bus{io, {}};
//     bus.start([&] { for (const auto& facts : bus.printers()) ...; });
//     bus.open(number, model, [](Opened opened) { ... });
//
// Threads: everything is called, and calls back, on the thread that runs the io_context. A callback never
// runs inside the call that takes it and never after the Bus is destroyed. Blocking calls (opening, claiming,
// sysfs) run on worker threads. libusb has a thread for its udev monitor, which sleeps while nothing happens.
// Lifetime: destroy all links first. The destructor closes what is open, which takes at most
// Options::stop_bound even if a device hangs. It may run on any thread once the loop has stopped, or on the
// loop outside the links' callbacks.
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
    // Printers, and what is being examined: at the start that is everything on the bus.
    std::size_t max_devices = 1'024;
    std::vector<Quirk> quirks; // from the configuration, added to our own
};

class Bus {
public:
    static constexpr std::size_t max_printers = 64; // devices beyond are ignored

    Bus(boost::asio::io_context&, Options);
    ~Bus();
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    // Starts the search for printers. `on_change` is called when the first search ends, even if it found
    // none, and whenever a printer is plugged in or removed.
    void start(std::function<void()> on_change);
    // The first search has ended, and no device is being examined.
    [[nodiscard]] bool settled() const;
    // Why USB does not work at all, with the remedy. Empty: it works.
    [[nodiscard]] std::string trouble() const;
    // Calls that wait for a worker, because as many as there may be are busy or hang.
    [[nodiscard]] std::size_t waiting_calls() const;
    // In the order in which they were plugged in.
    [[nodiscard]] std::vector<Facts> printers() const;
    // A printer has one owner: while it has a link or is being opened, it is busy.
    void open(DeviceNumber, const Model&, OpenDone done);

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace agenthost::printer::usb

// Reads the IN endpoint while a handler is set: one transfer with one buffer, and the next one after the
// handler has returned.
//
// Threads: the printer loop.
#pragma once

#include "channel.hpp"
#include "transfer.hpp"

#include "plugins/printer/device/link.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>

namespace agenthost::printer::usb {

class Reader final : public ChannelPart {
public:
    explicit Reader(Channel&);

    void start(std::function<void(Bytes)> handler);
    void stop();

    bool device_left() override
    {
        transfer_.cancel();
        return false;
    }
    void close() override;
    [[nodiscard]] bool in_flight() const override { return transfer_.in_flight(); }

private:
    void submit();
    void completed(libusb_transfer_status, std::size_t actual);
    void deliver(std::vector<std::uint8_t> bytes);
    void clear_halt();
    // Some printers complete every read at once with no data.
    void read_again_later();

    Channel& channel_;
    Transfer transfer_;
    boost::asio::steady_timer pause_;
    std::chrono::milliseconds pause_time_;
    std::function<void(Bytes)> handler_;
    bool waiting_ = false; // for the pause, the handler or a cleared halt; submits afterwards
    int halts_ = 0;        // in a row
};

} // namespace agenthost::printer::usb

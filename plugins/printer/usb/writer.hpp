// Sends bytes to the OUT endpoint, one transfer at a time, and counts exactly how many the printer has
// accepted. A write ends when all bytes are accepted or with a Fault; a slow printer alone never ends it.
//
// Threads: the printer loop.
#pragma once

#include "channel.hpp"
#include "transfer.hpp"

#include "plugins/printer/device/link.hpp"
#include "plugins/printer/device/model.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace agenthost::printer::usb {

class Writer final : public ChannelPart {
public:
    Writer(Channel&, const Model&);

    void write(Bytes, std::function<void(Written)> done);
    void cancel();
    void recover(std::function<void(bool ok)> done);
    void finish(std::function<void(bool clean)> done);
    // A write is in progress, even between two transfers.
    [[nodiscard]] bool writing() const { return static_cast<bool>(done_); }

    bool device_left() override;
    void close() override;
    [[nodiscard]] bool in_flight() const override { return transfer_.in_flight(); }

private:
    using Clock = std::chrono::steady_clock;
    void next();
    void submit(std::size_t size);
    void completed(libusb_transfer_status, std::size_t actual);
    void judge(libusb_transfer_status, std::size_t actual);
    void end(Fault, std::string detail = {});
    void arm_no_progress();
    void pace(std::size_t taken);
    void send_ending();

    Channel& channel_;
    const Model model_;
    const std::size_t chunk_;
    Transfer transfer_;
    boost::asio::steady_timer timer_; // no progress, or the pause of pacing
    Bytes rest_;
    std::size_t taken_ = 0;
    std::function<void(Written)> done_;
    std::function<void(bool)> finish_done_;
    bool cancelled_ = false, expired_ = false, pausing_ = false, stalled_ = false, recovering_ = false;
    bool full_packet_ = false;                     // the last transfer ended with a full packet
    Clock::time_point submitted_at_{}, next_at_{}; // pacing: the next transfer not before
};

} // namespace agenthost::printer::usb

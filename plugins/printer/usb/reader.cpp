#include "reader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace agenthost::printer::usb {

namespace {

constexpr std::size_t wanted_buffer = 1'024;
constexpr std::chrono::milliseconds first_pause{10}, max_pause{250};
constexpr int max_halts = 3;

std::size_t buffer_of(const Interface& interface)
{
    const std::size_t packet = std::max<std::size_t>(interface.in_packet, 1);
    return std::max(wanted_buffer / packet, std::size_t{1}) * packet;
}

} // namespace

Reader::Reader(Channel& channel)
    : channel_{channel}, transfer_{buffer_of(channel.interface())}, pause_{channel.io()}, pause_time_{
                                                                                              first_pause}
{}

void Reader::start(std::function<void(Bytes)> handler)
{
    handler_ = std::move(handler);
    halts_ = 0;
    if (!transfer_.in_flight() && !waiting_) submit();
}

void Reader::stop()
{
    handler_ = nullptr;
    transfer_.cancel();
}

void Reader::submit()
{
    if (!handler_ || channel_.gone() || channel_.interface().in == 0) return;
    const int code = transfer_.receive(
        channel_.handle(), channel_.interface().in, transfer_.capacity(),
        [this](libusb_transfer_status status, std::size_t actual) { completed(status, actual); });
    if (code == LIBUSB_ERROR_NO_DEVICE) channel_.report_gone("the printer was unplugged or switched off");
}

void Reader::completed(libusb_transfer_status status, std::size_t actual)
{
    if (channel_.closed()) return channel_.ended();
    if (actual > 0) {
        halts_ = 0;
        pause_time_ = first_pause;
        const auto bytes = transfer_.received(actual);
        deliver({bytes.begin(), bytes.end()});
    }
    switch (status) {
    case LIBUSB_TRANSFER_COMPLETED:
        if (actual == 0) read_again_later();
        return;
    case LIBUSB_TRANSFER_CANCELLED: // or started again since
        if (actual == 0) submit();
        return;
    case LIBUSB_TRANSFER_STALL: return clear_halt();
    case LIBUSB_TRANSFER_NO_DEVICE: return channel_.report_gone("the printer was unplugged or switched off");
    default: return; // a device that left is reported by the bus; else the job only lacks the answer
    }
}

void Reader::deliver(std::vector<std::uint8_t> bytes)
{
    waiting_ = true;
    channel_.later([this, bytes = std::move(bytes)] {
        waiting_ = false;
        if (const auto handler = handler_) handler(bytes);
        if (!channel_.closed() && !transfer_.in_flight() && !waiting_) submit();
    });
}

void Reader::clear_halt()
{
    if (++halts_ > max_halts) return;
    waiting_ = true;
    channel_.clear_halt(channel_.interface().in, [this](int code) {
        waiting_ = false;
        if (code == 0) submit();
    });
}

void Reader::read_again_later()
{
    waiting_ = true;
    pause_.expires_after(pause_time_);
    pause_time_ = std::min(pause_time_ * 2, max_pause);
    pause_.async_wait([this, life = channel_.weak_from_this()](boost::system::error_code error) {
        const auto channel = life.lock();
        if (error || !channel || channel->closed()) return;
        waiting_ = false;
        submit();
    });
}

void Reader::close()
{
    handler_ = nullptr;
    pause_.cancel();
    transfer_.cancel();
}

} // namespace agenthost::printer::usb

#include "writer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::printer::usb {

namespace {

constexpr std::size_t max_chunk = 16 * 1024; // what usbfs takes as one URB: actual_length is then exact
constexpr std::size_t pieces_a_second = 10;  // a paced printer gets pieces of 100 ms

// As many whole packets as fit; a paced printer gets at least one.
std::size_t chunk_of(const Interface& interface, const Model& model)
{
    const std::size_t packet = interface.out_packet;
    std::size_t wanted = max_chunk;
    if (model.pacing > 0) wanted = std::min(wanted, model.pacing / pieces_a_second);
    return std::max(wanted / packet, std::size_t{1}) * packet;
}

std::string text_of(libusb_transfer_status status)
{
    switch (status) {
    case LIBUSB_TRANSFER_STALL: return "the printer has halted its endpoint";
    case LIBUSB_TRANSFER_NO_DEVICE: return "the printer was unplugged or switched off";
    case LIBUSB_TRANSFER_OVERFLOW: return "USB overflow: the printer breaks the protocol";
    default: return "USB I/O error: the printer was unplugged, or its cable or hub is bad";
    }
}

} // namespace

Writer::Writer(Channel& channel, const Model& model)
    : channel_{channel}, model_{model}, chunk_{chunk_of(channel.interface(), model)}, transfer_{chunk_},
      timer_{channel.io()}
{}

void Writer::write(Bytes bytes, std::function<void(Written)> done)
{
    if (writing() || finish_done_)
        return channel_.later([done = std::move(done)] {
            done({0, Fault::cancelled, "another write is in progress on this link"});
        });
    rest_ = bytes;
    taken_ = 0;
    cancelled_ = false;
    done_ = std::move(done);
    next();
}

void Writer::next()
{
    if (channel_.gone()) return end(Fault::gone, channel_.gone_detail());
    if (stalled_) return end(Fault::stalled, text_of(LIBUSB_TRANSFER_STALL));
    if (rest_.empty()) return end(Fault::none);
    if (cancelled_) return end(Fault::cancelled, "cancelled");
    if (model_.pacing > 0 && Clock::now() < next_at_) {
        pausing_ = true;
        timer_.expires_at(next_at_);
        timer_.async_wait([this, life = channel_.weak_from_this()](boost::system::error_code error) {
            const auto channel = life.lock();
            if (error || !channel || channel->closed() || !pausing_) return;
            pausing_ = false;
            next();
        });
        return;
    }
    submit(std::min(rest_.size(), chunk_));
}

void Writer::submit(std::size_t size)
{
    submitted_at_ = Clock::now();
    const int code = transfer_.send(
        channel_.handle(), channel_.interface().out, rest_.first(size),
        [this](libusb_transfer_status status, std::size_t actual) { completed(status, actual); });
    if (code == 0) return arm_no_progress();
    channel_.report_gone(code == LIBUSB_ERROR_NO_DEVICE ? text_of(LIBUSB_TRANSFER_NO_DEVICE)
                                                        : std::string{"USB: "} + libusb_strerror(code));
}

// The transfer itself has no timeout: only an end without any byte is one.
void Writer::arm_no_progress()
{
    expired_ = false;
    timer_.expires_after(model_.no_progress);
    timer_.async_wait([this, life = channel_.weak_from_this()](boost::system::error_code error) {
        const auto channel = life.lock();
        if (error || !channel || !transfer_.in_flight()) return;
        // Re-armed since this was queued.
        if (timer_.expiry() > Clock::now()) return;
        expired_ = true;
        transfer_.cancel();
    });
}

void Writer::completed(libusb_transfer_status status, std::size_t actual)
{
    timer_.cancel();
    if (channel_.closed()) return channel_.ended();
    if (finish_done_) {
        const bool gone = status == LIBUSB_TRANSFER_NO_DEVICE || status == LIBUSB_TRANSFER_ERROR;
        channel_.later([done = std::exchange(finish_done_, nullptr)] { done(false); });
        if (gone) channel_.report_gone(text_of(status));
        return;
    }
    actual = std::min(actual, rest_.size());
    rest_ = rest_.subspan(actual);
    taken_ += actual;
    if (actual > 0) full_packet_ = actual % channel_.interface().out_packet == 0;
    pace(actual);
    judge(status, actual);
}

void Writer::judge(libusb_transfer_status status, std::size_t actual)
{
    switch (status) {
    case LIBUSB_TRANSFER_COMPLETED: return next();
    case LIBUSB_TRANSFER_TIMED_OUT:
    case LIBUSB_TRANSFER_CANCELLED:
        // A slow printer took a part in the time: that is progress.
        if (channel_.gone() || rest_.empty() || cancelled_ || actual > 0 || !expired_) return next();
        return end(Fault::no_progress,
                   "the printer took no byte for " + std::to_string(model_.no_progress.count()) + " ms");
    case LIBUSB_TRANSFER_STALL: stalled_ = true; return next();
    default:
        channel_.report_gone(text_of(status));
        if (writing()) end(Fault::gone, channel_.gone_detail()); // the bus knew it before
        return;
    }
}

void Writer::pace(std::size_t taken)
{
    if (model_.pacing == 0 || taken == 0) return;
    const auto cost = std::chrono::nanoseconds{taken * 1'000'000'000 / model_.pacing};
    next_at_ = std::max(next_at_, submitted_at_) + cost;
}

void Writer::end(Fault fault, std::string detail)
{
    pausing_ = false;
    timer_.cancel();
    rest_ = {};
    channel_.later([done = std::exchange(done_, nullptr),
                    written = Written{taken_, fault, std::move(detail)}] { done(written); });
}

void Writer::cancel()
{
    if (!writing()) return;
    cancelled_ = true;
    if (pausing_) return next();
    transfer_.cancel();
}

void Writer::recover(std::function<void(bool)> done)
{
    if (channel_.gone() || !stalled_ || recovering_) {
        const bool ok = !channel_.gone() && !recovering_;
        return channel_.later([done = std::move(done), ok] { done(ok); });
    }
    recovering_ = true;
    channel_.clear_halt(channel_.interface().out, [this, done = std::move(done)](int code) {
        recovering_ = false;
        if (code == 0) stalled_ = false;
        if (code == LIBUSB_ERROR_NO_DEVICE || code == LIBUSB_ERROR_NOT_FOUND)
            channel_.report_gone(text_of(LIBUSB_TRANSFER_NO_DEVICE));
        done(code == 0 && !channel_.gone());
    });
}

void Writer::finish(std::function<void(bool)> done)
{
    if (writing() || finish_done_) return channel_.later([done = std::move(done)] { done(false); });
    finish_done_ = std::move(done);
    const bool wanted = model_.zero_length_packet || model_.trailing_nul;
    if (std::exchange(full_packet_, false) && wanted && !channel_.gone() && !stalled_) return send_ending();
    channel_.later([ended = std::exchange(finish_done_, nullptr)] { ended(false); });
}

// Only here a transfer of length 0 may be made: printers that do not expect one hang.
void Writer::send_ending()
{
    constexpr std::array<std::uint8_t, 1> nul{0};
    const auto bytes =
        model_.trailing_nul ? std::span<const std::uint8_t>{nul} : std::span<const std::uint8_t>{};
    const int code = transfer_.send(
        channel_.handle(), channel_.interface().out, bytes,
        [this](libusb_transfer_status status, std::size_t actual) { completed(status, actual); });
    if (code == 0) return arm_no_progress();
    channel_.later([ended = std::exchange(finish_done_, nullptr)] { ended(false); });
    channel_.report_gone(std::string{"USB: "} + libusb_strerror(code));
}

bool Writer::device_left()
{
    const bool told = writing();
    if (transfer_.in_flight())
        transfer_.cancel(); // it ends with what was taken
    else if (told)
        end(Fault::gone, channel_.gone_detail());
    return told;
}

void Writer::close()
{
    done_ = nullptr;
    finish_done_ = nullptr;
    pausing_ = false;
    timer_.cancel();
    transfer_.cancel();
}

} // namespace agenthost::printer::usb

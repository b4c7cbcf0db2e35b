#include "channel.hpp"

#include <algorithm>

namespace agenthost::printer::usb {

Channel::Channel(boost::asio::io_context& io, std::shared_ptr<LoopGate> gate, Workers& workers,
                 std::shared_ptr<Handle> handle)
    : io_{io}, gate_{std::move(gate)}, workers_{workers}, handle_{std::move(handle)},
      interface_{handle_->interface()}, context_{handle_->context()}
{}

void Channel::later(std::function<void()> call)
{
    gate_->post([weak = weak_from_this(), call = std::move(call)] {
        const auto self = weak.lock();
        if (self && !self->closed_) call();
    });
}

void Channel::clear_halt(std::uint8_t endpoint, std::function<void(int code)> done)
{
    auto result = [weak = weak_from_this(), done = std::move(done)](int code) {
        const auto self = weak.lock();
        if (self && !self->closed_) done(code);
    };
    workers_.run([handle = handle_, gate = gate_, endpoint, result = std::move(result)] {
        const int code = libusb_clear_halt(handle->raw(), endpoint);
        gate->post([result, code] { result(code); });
    });
}

void Channel::report_gone(std::string detail)
{
    if (gone_ || closed_) return;
    gone_ = true;
    gone_detail_ = std::move(detail);
    for (ChannelPart* part : parts_) told_ |= part->device_left();
    tell_gone();
}

void Channel::set_on_gone(std::function<void(std::string)> handler)
{
    on_gone_ = std::move(handler);
    if (gone_) tell_gone();
}

void Channel::tell_gone()
{
    if (told_ || !on_gone_) return;
    told_ = true;
    later([handler = std::exchange(on_gone_, nullptr), detail = gone_detail_] { handler(detail); });
}

void Channel::close()
{
    if (closed_) return;
    closed_ = true;
    on_gone_ = nullptr;
    self_ = shared_from_this();
    for (ChannelPart* part : parts_) part->close();
    ended();
}

void Channel::ended()
{
    if (!closed_ || !handle_) return;
    if (std::ranges::any_of(parts_, [](const ChannelPart* part) { return part->in_flight(); })) return;
    workers_.run([handle = std::move(handle_)]() mutable { handle.reset(); });
    // A part may be on the stack: the last owner goes by a call of its own.
    parts_.clear();
    gate_->post([self = std::move(self_)] {});
}

} // namespace agenthost::printer::usb

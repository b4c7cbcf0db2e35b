// Opening a printer: one attempt at a time for each, with a deadline; a call that hangs keeps only this
// printer busy.
#include "bus_impl.hpp"

#include "device_link.hpp"

#include <mutex>
#include <tuple>
#include <utility>

namespace agenthost::printer::usb {

// What the call on the worker returns with. It may return when the Bus is gone: then the handle is closed
// there.
struct Bus::Impl::OpenSlot {
    std::mutex mutex;
    OpenedHandle opened;

    OpenedHandle take()
    {
        const std::scoped_lock lock{mutex};
        return std::exchange(opened, {});
    }
};

std::optional<OpenError> Bus::Impl::refusal(DeviceNumber number) const
{
    const auto found = devices_.find(number);
    if (found == devices_.end() || !found->second.facts)
        return OpenError{OpenError::Kind::not_found,
                         "the USB printer is not plugged in any more. Check its power and its "
                         "cable; the job waits in the queue."};
    const Device& device = found->second;
    const std::string name = described(*device.facts);
    if (device.facts->interface.out == 0)
        return OpenError{OpenError::Kind::unsupported,
                         name + " has no endpoint that takes data. Remove it from the configuration."};
    if (attempts_.contains(number))
        return OpenError{OpenError::Kind::busy,
                         name +
                             " is being opened already; if this lasts, the kernel waits for it: unplug it."};
    if (const auto channel = device.channel.lock(); channel && !channel->closed())
        return OpenError{OpenError::Kind::busy, name + " is held by this agent already."};
    return std::nullopt;
}

void Bus::Impl::open(DeviceNumber number, const Model& model, OpenDone done)
{
    if (auto error = refusal(number)) {
        gate_->post([weak = weak_from_this(), done = std::move(done), error = std::move(error)]() mutable {
            const auto self = weak.lock();
            if (self && !self->stopped_) done({nullptr, std::move(error)});
        });
        return;
    }
    const Facts& facts = *devices_.at(number).facts;
    Attempt& attempt = attempts_.try_emplace(number, io_).first->second;
    attempt.description = described(facts);
    attempt.model = model;
    attempt.done = std::move(done);
    attempt.slot = std::make_shared<OpenSlot>();
    attempt.deadline.expires_after(options_.open_deadline);
    attempt.deadline.async_wait([weak = weak_from_this(), number](boost::system::error_code error) {
        const auto self = weak.lock();
        if (!error && self && !self->stopped_) self->attempt_expired(number);
    });
    run_attempt(number, attempt);
}

void Bus::Impl::run_attempt(DeviceNumber number, const Attempt& attempt)
{
    const Device& device = devices_.at(number);
    const Facts& facts = *device.facts;
    const bool keep_detached =
        attempt.model.keep_detached || quirk_of(facts.vendor, facts.product, options_.quirks).keep_detached;
    workers_.run([before = device.closed, gate = gate_, weak = weak_from_this(), slot = attempt.slot,
                  ref = device.ref, facts, keep_detached, claim_time = options_.claim_time,
                  stop = workers_.stop()] {
        // Two handles of ours at once would lose what is to be given back to usblp.
        if (before.valid()) before.wait_for(claim_time);
        auto opened = open_handle(ref, facts, keep_detached, claim_time, stop);
        {
            const std::scoped_lock lock{slot->mutex};
            slot->opened = std::move(opened);
        }
        gate->post([weak, number = facts.number] {
            if (const auto self = weak.lock()) self->attempt_returned(number);
        });
    });
}

// The device stays busy until the call returns.
void Bus::Impl::attempt_expired(DeviceNumber number)
{
    const auto found = attempts_.find(number);
    if (found == attempts_.end() || !found->second.done) return;
    const auto done = std::exchange(found->second.done, nullptr);
    done({nullptr, OpenError{OpenError::Kind::unreachable,
                             found->second.description + " could not be opened within " +
                                 std::to_string(options_.open_deadline.count()) +
                                 " ms: the kernel still waits for it. Unplug it and plug it in again."}});
}

void Bus::Impl::attempt_returned(DeviceNumber number)
{
    const auto found = attempts_.find(number);
    if (stopped_ || found == attempts_.end()) return; // stop() has closed the handle
    const auto [description, model, done, slot] = std::tuple{
        found->second.description, found->second.model, std::move(found->second.done), found->second.slot};
    attempts_.erase(found);
    OpenedHandle opened = slot->take();
    const auto device = devices_.find(number);
    const bool wanted = done && device != devices_.end();
    if (opened.handle && wanted) {
        device->second.closed = opened.handle->closed();
        auto channel = std::make_shared<Channel>(io_, gate_, workers_, std::move(opened.handle));
        device->second.channel = channel;
        return done({std::make_unique<DeviceLink>(std::move(channel), model), std::nullopt, number});
    }
    if (opened.handle) {
        opened.error = gone_error(opened.handle->facts());
        if (device != devices_.end()) device->second.closed = opened.handle->closed();
        workers_.run([handle = std::move(opened.handle)]() mutable { handle.reset(); });
    }
    if (done) done({nullptr, std::move(opened.error)});
}

void Bus::Impl::drop_attempts()
{
    for (auto& [number, attempt] : attempts_)
        workers_.run([opened = attempt.slot->take()]() mutable { opened = {}; });
    attempts_.clear();
}

} // namespace agenthost::printer::usb

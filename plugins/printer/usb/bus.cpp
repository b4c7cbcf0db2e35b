#include "bus_impl.hpp"

#include "examine.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::printer::usb {

namespace {

// Another thread closes a device: libusb handles no events meanwhile, but its descriptor says that there
// are some.
constexpr std::chrono::milliseconds closing_pause{2};

} // namespace

Bus::Bus(boost::asio::io_context& io, Options options) : impl_{std::make_shared<Impl>(io, std::move(options))}
{}
Bus::~Bus() { impl_->stop(); }
void Bus::start(std::function<void()> on_change) { impl_->start(std::move(on_change)); }
bool Bus::settled() const { return impl_->settled(); }
std::string Bus::trouble() const { return impl_->trouble(); }
std::size_t Bus::waiting_calls() const { return impl_->waiting_calls(); }
std::vector<Facts> Bus::printers() const { return impl_->printers(); }
void Bus::open(DeviceNumber number, const Model& model, OpenDone done)
{
    impl_->open(number, model, std::move(done));
}

Bus::Impl::Impl(boost::asio::io_context& io, Options options)
    : io_{io}, options_{std::move(options)}, gate_{std::make_shared<LoopGate>(io)}, timer_{io}
{}

void Bus::Impl::start(std::function<void()> on_change)
{
    on_change_ = std::move(on_change);
    workers_.run([gate = gate_, weak = weak_from_this()] {
        std::string why;
        auto context = Context::open(why);
        gate->post([weak, context = std::move(context), why = std::move(why)]() mutable {
            if (const auto self = weak.lock()) self->ready(std::move(context), std::move(why));
        });
    });
}

void Bus::Impl::ready(std::shared_ptr<Context> context, std::string why)
{
    if (stopped_) return;
    started_ = true;
    context_ = std::move(context);
    trouble_ = std::move(why);
    if (!context_) return changed();
    watch();
    // Calls on_hotplug for what is there, inside of this call.
    const int code = libusb_hotplug_register_callback(
        context_->raw(), LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT,
        LIBUSB_HOTPLUG_ENUMERATE, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY,
        LIBUSB_HOTPLUG_MATCH_ANY, &Impl::on_hotplug, this, &hotplug_);
    if (code != 0)
        trouble_ = std::string{"USB devices cannot be watched: libusb says "} + libusb_strerror(code) +
                   ". Restart the agent after a printer was plugged in";
    if (examining_ == 0) changed();
}

// With udev, libusb starts on a machine without a USB bus, and waits for one.
std::string Bus::Impl::trouble() const
{
    return trouble_.empty() && started_ && devices_.empty() ? why_no_bus() : trouble_;
}

void Bus::Impl::watch()
{
    events_.emplace(io_, context_->descriptor());
    wait_again();
}

void Bus::Impl::wait_again()
{
    events_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [weak = weak_from_this()](boost::system::error_code error) {
                            const auto self = weak.lock();
                            if (error || !self || self->stopped_) return;
                            self->context_->handle_events();
                            if (!self->context_->closing()) return self->wait_again();
                            self->timer_.expires_after(closing_pause);
                            self->timer_.async_wait([weak](boost::system::error_code) {
                                const auto again = weak.lock();
                                if (again && !again->stopped_) again->wait_again();
                            });
                        });
}

int LIBUSB_CALL Bus::Impl::on_hotplug(libusb_context*, libusb_device* device, libusb_hotplug_event event,
                                      void* self)
{
    auto& impl = *static_cast<Impl*>(self);
    if (impl.stopped_) return 0;
    if (event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED)
        impl.arrived(device);
    else
        impl.left(device);
    return 0;
}

void Bus::Impl::arrived(libusb_device* device)
{
    const bool known =
        std::ranges::any_of(devices_, [&](const auto& row) { return row.second.ref.raw() == device; });
    libusb_device_descriptor ids{};
    const bool hub = libusb_get_device_descriptor(device, &ids) == 0 && ids.bDeviceClass == LIBUSB_CLASS_HUB;
    // While every worker hangs, a device that is plugged in again and again must not fill their queue.
    const std::size_t most = options_.max_devices;
    if (known || hub || devices_.size() >= most || examining_ >= most) return;
    const DeviceNumber number = ++last_number_;
    const DeviceRef& ref = devices_.emplace(number, Device{.ref = {context_, device}}).first->second.ref;
    ++examining_;
    workers_.run([gate = gate_, weak = weak_from_this(), ref, number, quirks = options_.quirks] {
        auto facts = examine(ref, quirks);
        gate->post([weak, number, facts = std::move(facts)]() mutable {
            if (const auto self = weak.lock()) self->examined(number, std::move(facts));
        });
    });
}

void Bus::Impl::examined(DeviceNumber number, std::optional<Facts> facts)
{
    --examining_;
    const auto found = devices_.find(number);
    if (found != devices_.end()) {
        if (facts && printers().size() < max_printers) {
            found->second.facts = std::move(facts);
            found->second.facts->number = number;
            return changed();
        }
        devices_.erase(found);
    }
    if (examining_ == 0) changed(); // the first look has ended
}

void Bus::Impl::left(libusb_device* device)
{
    const auto found =
        std::ranges::find_if(devices_, [&](const auto& row) { return row.second.ref.raw() == device; });
    if (found == devices_.end()) return;
    const auto channel = found->second.channel.lock();
    const bool printer = found->second.facts.has_value();
    devices_.erase(found);
    if (channel) channel->report_gone("the printer was unplugged or switched off");
    if (printer) changed();
}

// Never inside libusb's callbacks.
void Bus::Impl::changed()
{
    gate_->post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && !self->stopped_ && self->on_change_) self->on_change_();
    });
}

std::vector<Facts> Bus::Impl::printers() const
{
    std::vector<Facts> out;
    for (const auto& [number, device] : devices_)
        if (device.facts) out.push_back(*device.facts);
    return out;
}

// The loop may have stopped, so libusb's events are handled here until all transfers have ended and all
// handles are closed.
void Bus::Impl::stop()
{
    stopped_ = true;
    gate_->close();
    workers_.request_stop();
    timer_.cancel();
    if (events_) events_->release();
    drop_attempts();
    const auto end = std::chrono::steady_clock::now() + options_.stop_bound;
    constexpr std::chrono::milliseconds step{10};
    if (context_) {
        libusb_hotplug_deregister_callback(context_->raw(), hotplug_);
        for (auto& [number, device] : devices_)
            if (const auto channel = device.channel.lock()) channel->close();
        while (context_->handles > 0 && std::chrono::steady_clock::now() < end) context_->handle_events(step);
    }
    devices_.clear();
    context_.reset(); // or later, by a call that still hangs
    while (!workers_.wait_idle(step) && std::chrono::steady_clock::now() < end) {}
}

} // namespace agenthost::printer::usb

// Owns an open device and the claim on its interface. Opening and closing may block and run on a worker.
#pragma once

#include "context.hpp"
#include "facts.hpp"
#include "workers.hpp"

#include "plugins/printer/device/link.hpp"

#include <libusb.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>

namespace agenthost::printer::usb {

class Handle {
public:
    Handle(DeviceRef device, libusb_device_handle* raw, Facts facts);
    // Releases the interface, binds usblp again if it was detached, and closes the device. Blocks: only on a
    // worker.
    ~Handle();
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    [[nodiscard]] libusb_device_handle* raw() const { return raw_; }
    // Ready when the destructor has released the interface.
    [[nodiscard]] std::shared_future<void> closed() const { return when_closed_; }
    [[nodiscard]] const std::shared_ptr<Context>& context() const { return device_.context(); }
    [[nodiscard]] const Facts& facts() const { return facts_; }
    [[nodiscard]] const Interface& interface() const { return facts_.interface; }

private:
    friend struct Opening;
    DeviceRef device_;
    libusb_device_handle* raw_;
    Facts facts_;
    bool claimed_ = false;
    bool attach_again_ = false;
    std::promise<void> closed_;
    std::shared_future<void> when_closed_ = closed_.get_future().share();
};

struct OpenedHandle {
    std::shared_ptr<Handle> handle;
    std::optional<OpenError> error;
};

// Opens the device, detaches usblp, claims the interface and selects its alternate setting if necessary. The
// claim is retried until `claim_time` has passed, because desktops open new printers for a moment. Never
// resets the device, never sets a configuration.
OpenedHandle open_handle(const DeviceRef&, const Facts&, bool keep_detached,
                         std::chrono::milliseconds claim_time, const Workers::Stop&);

// The messages. Pure.
OpenError denied_error(const Facts&);
OpenError gone_error(const Facts&);

} // namespace agenthost::printer::usb

// Owns a libusb context, and an epoll descriptor that is readable whenever libusb has work. All handles share
// it, so that a call that outlives the Bus still has its context; the last owner closes libusb.
//
// No transfer uses libusb's timeouts, so libusb never needs a timer: all deadlines are Asio's.
//
// Threads: libusb is thread-safe. Only the printer loop handles events, so every libusb callback runs
// there.
#pragma once

#include "base/fd.hpp"

#include <libusb.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

namespace agenthost::printer::usb {

// Why this machine can have no USB devices now; empty: it can.
std::string why_no_bus();

class Context {
public:
    // Blocks while it reads all USB devices in sysfs. On failure returns nullptr and sets `why` to a sentence
    // with the remedy.
    static std::shared_ptr<Context> open(std::string& why);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    [[nodiscard]] libusb_context* raw() const { return raw_; }
    // Readable when handle_events() has work. Threads that open and close devices add and remove libusb's
    // descriptors, which is safe with an epoll descriptor but not with Asio's own registration.
    [[nodiscard]] int descriptor() const { return epoll_.get(); }
    // Runs libusb's callbacks for what is ready, waiting at most `wait`.
    void handle_events(std::chrono::milliseconds wait = {});
    // Another thread is closing a device; events cannot be handled until it has finished.
    [[nodiscard]] bool closing() const { return libusb_event_handler_active(raw_) != 0; }
    // Handles that are open.
    std::atomic<int> handles{0};

private:
    explicit Context(libusb_context*);
    static void on_added(int fd, short events, void* self);
    static void on_removed(int fd, void* self);
    libusb_context* raw_;
    base::Fd epoll_;
};

// A reference to a device that libusb knows.
class DeviceRef {
public:
    DeviceRef(std::shared_ptr<Context> context, libusb_device* device)
        : context_{std::move(context)}, device_{libusb_ref_device(device)}
    {}
    DeviceRef(const DeviceRef& other) : DeviceRef{other.context_, other.device_} {}
    DeviceRef& operator=(const DeviceRef&) = delete;
    ~DeviceRef() { libusb_unref_device(device_); }
    [[nodiscard]] libusb_device* raw() const { return device_; }
    [[nodiscard]] const std::shared_ptr<Context>& context() const { return context_; }

private:
    std::shared_ptr<Context> context_; // before the device: outlives it
    libusb_device* device_;
};

} // namespace agenthost::printer::usb

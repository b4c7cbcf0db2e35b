// The implementation of Bus: the devices that are plugged in, libusb's events, and attempts to open a device.
// Only for bus.cpp and bus_open.cpp.
#pragma once

#include "bus.hpp"
#include "channel.hpp"
#include "context.hpp"
#include "handle.hpp"
#include "loop_gate.hpp"
#include "workers.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <optional>

namespace agenthost::printer::usb {

class Bus::Impl : public std::enable_shared_from_this<Bus::Impl> {
public:
    Impl(boost::asio::io_context& io, Options options);

    void start(std::function<void()> on_change);
    // Ends everything, waiting at most Options::stop_bound.
    void stop();
    void open(DeviceNumber, const Model&, OpenDone done);
    [[nodiscard]] bool settled() const { return started_ && examining_ == 0; }
    [[nodiscard]] std::string trouble() const;
    [[nodiscard]] std::size_t waiting_calls() const { return workers_.waiting(); }
    [[nodiscard]] std::vector<Facts> printers() const;

private:
    struct Device {
        DeviceRef ref;
        std::optional<Facts> facts; // nullopt: being examined, or not a printer
        std::weak_ptr<Channel> channel;
        std::shared_future<void> closed; // by the last handle
    };
    struct OpenSlot;
    // Lasts until the call on the worker returns, also after the deadline. Owned by the loop alone: a timer
    // must not outlive it.
    struct Attempt {
        explicit Attempt(boost::asio::io_context& io) : deadline{io} {}
        std::string description;
        Model model;
        OpenDone done; // empty: answered
        std::shared_ptr<OpenSlot> slot;
        boost::asio::steady_timer deadline;
    };
    using Devices = std::map<DeviceNumber, Device>;

    void ready(std::shared_ptr<Context> context, std::string why);
    void watch();
    void wait_again();
    static int LIBUSB_CALL on_hotplug(libusb_context*, libusb_device*, libusb_hotplug_event, void* self);
    void arrived(libusb_device*);
    void left(libusb_device*);
    void examined(DeviceNumber, std::optional<Facts>);
    void changed();
    [[nodiscard]] std::optional<OpenError> refusal(DeviceNumber) const;
    void run_attempt(DeviceNumber, const Attempt&);
    void attempt_expired(DeviceNumber);
    void attempt_returned(DeviceNumber);
    void drop_attempts();

    boost::asio::io_context& io_;
    const Options options_;
    std::shared_ptr<LoopGate> gate_;
    Workers workers_;
    std::function<void()> on_change_;
    std::shared_ptr<Context> context_;
    std::optional<boost::asio::posix::stream_descriptor> events_;
    boost::asio::steady_timer timer_; // the pause while another thread closes a device
    libusb_hotplug_callback_handle hotplug_ = 0;
    Devices devices_;
    std::map<DeviceNumber, Attempt> attempts_;
    DeviceNumber last_number_ = 0;
    std::size_t examining_ = 0;
    bool started_ = false, stopped_ = false;
    std::string trouble_;
};

} // namespace agenthost::printer::usb

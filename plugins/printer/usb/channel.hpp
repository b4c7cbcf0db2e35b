// Shared by the parts of an open printer: the handle, whether the device is still present, and the shutdown,
// which waits for every transfer. The DeviceLink owns it; during the shutdown it owns itself.
//
// Threads: the printer loop.
#pragma once

#include "handle.hpp"
#include "loop_gate.hpp"
#include "workers.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::printer::usb {

// A part of a channel that has a transfer: the writer, the reader, the port status.
class ChannelPart {
public:
    virtual ~ChannelPart() = default;
    // The device is gone: ends what is in progress. Returns whether the link's owner learns it that way.
    virtual bool device_left() = 0;
    // Cancels the transfer and forgets all callbacks.
    virtual void close() = 0;
    [[nodiscard]] virtual bool in_flight() const = 0;
};

class Channel : public std::enable_shared_from_this<Channel> {
public:
    Channel(boost::asio::io_context&, std::shared_ptr<LoopGate>, Workers&, std::shared_ptr<Handle>);

    [[nodiscard]] boost::asio::io_context& io() { return io_; }
    [[nodiscard]] libusb_device_handle* handle() const { return handle_->raw(); }
    [[nodiscard]] const Interface& interface() const { return interface_; }
    [[nodiscard]] bool gone() const { return gone_; }
    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] const std::string& gone_detail() const { return gone_detail_; }
    void set_parts(std::vector<ChannelPart*> parts) { parts_ = std::move(parts); }
    // Keeps the parts alive until the channel has ended.
    void own(std::shared_ptr<void> parts) { owned_ = std::move(parts); }

    // Runs `call` on the loop unless the channel was closed meanwhile.
    void later(std::function<void()> call);
    // Clears the halt of an endpoint on a worker. `done` gets libusb's code; not called after close().
    void clear_halt(std::uint8_t endpoint, std::function<void(int code)> done);
    // Only the first report has an effect. It comes from the bus (the device was removed) or from a transfer.
    void report_gone(std::string detail);
    // Cancels the transfers, waits for them, and lets a worker close the handle.
    void close();
    // A transfer has ended.
    void ended();
    // Called from the event loop when the device is gone, unless the end of a write reports it.
    void set_on_gone(std::function<void(std::string detail)> handler);

private:
    void tell_gone();

    boost::asio::io_context& io_;
    std::shared_ptr<LoopGate> gate_;
    Workers& workers_;
    std::shared_ptr<Handle> handle_;
    Interface interface_;
    std::shared_ptr<Context> context_; // before the parts: a transfer keeps its device until it is freed
    std::vector<ChannelPart*> parts_;
    std::shared_ptr<void> owned_;
    std::shared_ptr<Channel> self_; // while closing
    bool gone_ = false, closed_ = false;
    bool told_ = false; // the owner knows that the device is gone, or a callback that says so is queued
    std::function<void(std::string)> on_gone_;
    std::string gone_detail_;
};

} // namespace agenthost::printer::usb

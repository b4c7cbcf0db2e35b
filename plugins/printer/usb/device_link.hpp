// The Link (device/link.hpp) of an open USB printer.
//
// Threads: the printer loop.
#pragma once

#include "channel.hpp"
#include "port_status.hpp"
#include "reader.hpp"
#include "writer.hpp"

#include "plugins/printer/device/link.hpp"
#include "plugins/printer/device/model.hpp"

#include <memory>

namespace agenthost::printer::usb {

class DeviceLink final : public Link {
public:
    DeviceLink(std::shared_ptr<Channel>, const Model&);
    ~DeviceLink() override;

    void write(Bytes bytes, std::function<void(Written)> done) override;
    void cancel_write() override;
    void recover(std::function<void(bool ok)> done) override;
    void finish(std::function<void(bool clean)> done) override;
    [[nodiscard]] bool can_read() const override;
    void read(std::function<void(Bytes)> handler) override;
    void stop_reading() override;
    void on_gone(std::function<void(std::string detail)> handler) override;
    void port_status(std::function<void(std::optional<std::uint8_t>)> done) override;

private:
    // Live as long as the channel, which may end after the link.
    struct Parts {
        Parts(Channel& channel, const Model& model) : writer{channel, model}, reader{channel}, status{channel}
        {}
        Writer writer;
        Reader reader;
        PortStatus status;
    };
    std::shared_ptr<Channel> channel_;
    Parts* parts_;
};

} // namespace agenthost::printer::usb

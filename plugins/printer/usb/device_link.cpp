#include "device_link.hpp"

#include <utility>

namespace agenthost::printer::usb {

DeviceLink::DeviceLink(std::shared_ptr<Channel> channel, const Model& model) : channel_{std::move(channel)}
{
    auto parts = std::make_shared<Parts>(*channel_, model);
    parts_ = parts.get();
    channel_->set_parts({&parts->writer, &parts->reader, &parts->status});
    channel_->own(std::move(parts));
}

DeviceLink::~DeviceLink() { channel_->close(); }

void DeviceLink::write(Bytes bytes, std::function<void(Written)> done)
{
    parts_->writer.write(bytes, std::move(done));
}

void DeviceLink::cancel_write() { parts_->writer.cancel(); }

void DeviceLink::recover(std::function<void(bool)> done) { parts_->writer.recover(std::move(done)); }

void DeviceLink::finish(std::function<void(bool)> done) { parts_->writer.finish(std::move(done)); }

bool DeviceLink::can_read() const { return channel_->interface().in != 0; }

void DeviceLink::read(std::function<void(Bytes)> handler) { parts_->reader.start(std::move(handler)); }

void DeviceLink::stop_reading() { parts_->reader.stop(); }

void DeviceLink::on_gone(std::function<void(std::string)> handler)
{
    channel_->set_on_gone(std::move(handler));
}

void DeviceLink::port_status(std::function<void(std::optional<std::uint8_t>)> done)
{
    parts_->status.ask(std::move(done));
}

} // namespace agenthost::printer::usb

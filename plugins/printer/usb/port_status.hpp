// Asks a printer for its IEEE 1284 port status (GET_PORT_STATUS). Callers that ask while a request is in
// flight share its response; the number of callers is bounded, and one too many gets nullopt at once.
//
// Threads: the printer loop.
#pragma once

#include "channel.hpp"
#include "transfer.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace agenthost::printer::usb {

class PortStatus final : public ChannelPart {
public:
    using Done = std::function<void(std::optional<std::uint8_t>)>;
    explicit PortStatus(Channel&);

    void ask(Done);

    bool device_left() override
    {
        transfer_.cancel();
        return false;
    }
    void close() override;
    [[nodiscard]] bool in_flight() const override { return transfer_.in_flight(); }

private:
    void completed(libusb_transfer_status, std::size_t actual);
    void answer(std::optional<std::uint8_t>);

    Channel& channel_;
    Transfer transfer_;
    boost::asio::steady_timer deadline_;
    std::vector<Done> waiting_;
};

} // namespace agenthost::printer::usb

#include "port_status.hpp"

#include <chrono>
#include <utility>

namespace agenthost::printer::usb {

namespace {

constexpr std::uint8_t class_request_in = 0xa1, get_port_status = 1;
constexpr std::chrono::seconds max_wait{1};
constexpr std::size_t max_waiting = 16;

} // namespace

PortStatus::PortStatus(Channel& channel)
    : channel_{channel}, transfer_{LIBUSB_CONTROL_SETUP_SIZE + 1}, deadline_{channel.io()}
{}

void PortStatus::ask(Done done)
{
    const Interface& interface = channel_.interface();
    if (channel_.gone() || !interface.printer_class || waiting_.size() == max_waiting)
        return channel_.later([done = std::move(done)] { done(std::nullopt); });
    waiting_.push_back(std::move(done));
    if (transfer_.in_flight()) return;
    const int code = transfer_.request(
        channel_.handle(), class_request_in, get_port_status, static_cast<std::uint16_t>(interface.number), 1,
        [this](libusb_transfer_status status, std::size_t actual) { completed(status, actual); });
    if (code != 0) return answer(std::nullopt);
    deadline_.expires_after(max_wait);
    deadline_.async_wait([this, life = channel_.weak_from_this()](boost::system::error_code error) {
        const auto channel = life.lock();
        if (!error && channel && deadline_.expiry() <= std::chrono::steady_clock::now()) transfer_.cancel();
    });
}

void PortStatus::completed(libusb_transfer_status status, std::size_t actual)
{
    deadline_.cancel();
    if (channel_.closed()) return channel_.ended();
    if (status == LIBUSB_TRANSFER_COMPLETED && actual == 1) return answer(transfer_.answer(1).front());
    answer(std::nullopt);
}

void PortStatus::answer(std::optional<std::uint8_t> status)
{
    for (auto& done : std::exchange(waiting_, {}))
        channel_.later([done = std::move(done), status] { done(status); });
}

void PortStatus::close()
{
    waiting_.clear();
    deadline_.cancel();
    transfer_.cancel();
}

} // namespace agenthost::printer::usb

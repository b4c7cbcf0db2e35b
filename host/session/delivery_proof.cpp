#include "delivery_proof.hpp"

#include <chrono>
#include <utility>

namespace agenthost::host {

namespace {

constexpr std::chrono::milliseconds gather{100};

} // namespace

DeliveryProof::DeliveryProof(boost::asio::any_io_executor main, std::function<void(std::string)> ping)
    : ping_{std::move(ping)}, timer_{std::move(main)}
{}

void DeliveryProof::reset()
{
    delivery_.begin();
    timer_.cancel();
    gathering_ = false;
}

void DeliveryProof::written(std::size_t bytes, std::uint64_t row, bool at_once)
{
    delivery_.sent_bytes(bytes, row);
    if (row == 0) return;
    delivery_.sent(row);
    if (std::exchange(gathering_, true)) return;
    timer_.expires_after(at_once ? std::chrono::milliseconds{0} : gather);
    timer_.async_wait(alive_.guard([this](const boost::system::error_code& error) {
        if (error) return;
        gathering_ = false;
        ask();
    }));
}

void DeliveryProof::ask()
{
    if (delivery_.wants_ping()) ping();
}

} // namespace agenthost::host

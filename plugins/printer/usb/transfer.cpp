#include "transfer.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace agenthost::printer::usb {

Transfer::Transfer(std::size_t capacity) : buffer_(capacity), raw_{libusb_alloc_transfer(0)}
{
    if (raw_ == nullptr) throw std::bad_alloc{};
}

Transfer::~Transfer() { libusb_free_transfer(raw_); }

int Transfer::send(libusb_device_handle* handle, std::uint8_t endpoint, std::span<const std::uint8_t> bytes,
                   Done done)
{
    const std::size_t size = std::min(bytes.size(), buffer_.size());
    std::copy_n(bytes.begin(), size, buffer_.begin());
    libusb_fill_bulk_transfer(raw_, handle, endpoint, buffer_.data(), static_cast<int>(size), &completed,
                              this, 0);
    return submit(std::move(done));
}

int Transfer::receive(libusb_device_handle* handle, std::uint8_t endpoint, std::size_t size, Done done)
{
    libusb_fill_bulk_transfer(raw_, handle, endpoint, buffer_.data(),
                              static_cast<int>(std::min(size, buffer_.size())), &completed, this, 0);
    return submit(std::move(done));
}

int Transfer::request(libusb_device_handle* handle, std::uint8_t type, std::uint8_t request,
                      std::uint16_t index, std::uint16_t length, Done done)
{
    libusb_fill_control_setup(buffer_.data(), type, request, 0, index, length);
    libusb_fill_control_transfer(raw_, handle, buffer_.data(), &completed, this, 0);
    return submit(std::move(done));
}

int Transfer::submit(Done done)
{
    done_ = std::move(done);
    const int code = libusb_submit_transfer(raw_);
    if (code != 0) {
        done_ = nullptr;
        raw_->dev_handle = nullptr;
    }
    return code;
}

void Transfer::cancel()
{
    if (in_flight()) libusb_cancel_transfer(raw_);
}

std::span<const std::uint8_t> Transfer::received(std::size_t actual) const
{
    return std::span{buffer_}.first(std::min(actual, buffer_.size()));
}

std::span<const std::uint8_t> Transfer::answer(std::size_t actual) const
{
    return std::span{buffer_}.subspan(LIBUSB_CONTROL_SETUP_SIZE,
                                      std::min(actual, buffer_.size() - LIBUSB_CONTROL_SETUP_SIZE));
}

void LIBUSB_CALL Transfer::completed(libusb_transfer* raw)
{
    auto& self = *static_cast<Transfer*>(raw->user_data);
    raw->dev_handle = nullptr; // libusb_free_transfer reads it, and the handle may be closed by then
    const auto done = std::exchange(self.done_, nullptr);
    done(raw->status, static_cast<std::size_t>(std::max(raw->actual_length, 0)));
}

} // namespace agenthost::printer::usb

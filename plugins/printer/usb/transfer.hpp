// Owns one libusb transfer and its buffer, which are reused; at most one transfer is in flight. It has no
// timeout: its owner cancels it. Must not be destroyed in flight.
//
// Threads: the printer loop. `done` runs inside Context::handle_events.
#pragma once

#include <libusb.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace agenthost::printer::usb {

class Transfer {
public:
    // `actual` counts the bytes that moved, whatever the status.
    using Done = std::function<void(libusb_transfer_status status, std::size_t actual)>;

    explicit Transfer(std::size_t capacity);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    [[nodiscard]] std::size_t capacity() const { return buffer_.size(); }
    [[nodiscard]] bool in_flight() const { return static_cast<bool>(done_); }
    // Copies `bytes`, at most capacity() of them; without bytes sends a zero-length packet. Returns 0, or
    // libusb's error; after an error `done` is not called.
    int send(libusb_device_handle*, std::uint8_t endpoint, std::span<const std::uint8_t> bytes, Done done);
    // `size`: a multiple of the endpoint's packet.
    int receive(libusb_device_handle*, std::uint8_t endpoint, std::size_t size, Done done);
    // A control request that reads `length` bytes.
    int request(libusb_device_handle*, std::uint8_t type, std::uint8_t request, std::uint16_t index,
                std::uint16_t length, Done done);
    // `done` follows, even if the transfer has just ended.
    void cancel();
    // The bytes that were received; valid inside `done`.
    [[nodiscard]] std::span<const std::uint8_t> received(std::size_t actual) const;
    [[nodiscard]] std::span<const std::uint8_t> answer(std::size_t actual) const;

private:
    static void LIBUSB_CALL completed(libusb_transfer*);
    int submit(Done done);

    std::vector<std::uint8_t> buffer_;
    libusb_transfer* raw_;
    Done done_; // set while in flight
};

} // namespace agenthost::printer::usb

// What everybody writes first to print: libusb_bulk_transfer in pieces of 16 KiB, and a socket to port 9100. No
// queue, no disk, no status, no recovery. Throws std::runtime_error when something is wrong.
#pragma once

#include "base/fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>

struct libusb_context;
struct libusb_device_handle;

namespace agenthost::bench {

// The request of a proof (GS ( H, id "0001"), and the size of its response.
constexpr std::string_view proof_request{"\x1d(H\x06\0\x30\x30"
                                         "0001",
                                         11};
constexpr std::size_t proof_size = 7;

// A printer that is open and claimed.
class BareUsb {
public:
    BareUsb(std::uint16_t vendor, std::uint16_t product);
    ~BareUsb();
    BareUsb(const BareUsb&) = delete;
    BareUsb& operator=(const BareUsb&) = delete;

    void write(std::string_view);
    // Waits for one packet.
    std::string read();

private:
    libusb_context* context_ = nullptr;
    libusb_device_handle* handle_ = nullptr;
};

// Connects, sends `bytes` and the request for proof, waits for the response and closes.
void print_by_socket(std::uint16_t port, std::string_view bytes);

} // namespace agenthost::bench

#include "printer_peers.hpp"

#include "base/write_all.hpp"

#include <libusb.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::bench {

namespace {

constexpr std::size_t piece = 16 * 1024;
constexpr std::uint8_t out_endpoint = 0x02, in_endpoint = 0x81;
constexpr unsigned timeout_ms = 5'000;

} // namespace

BareUsb::BareUsb(std::uint16_t vendor, std::uint16_t product)
{
    if (libusb_init(&context_) != 0) throw std::runtime_error{"libusb_init"};
    handle_ = libusb_open_device_with_vid_pid(context_, vendor, product);
    if (handle_ == nullptr) throw std::runtime_error{"no printer"};
    libusb_detach_kernel_driver(handle_, 0);
    if (libusb_claim_interface(handle_, 0) != 0) throw std::runtime_error{"claim"};
}

BareUsb::~BareUsb()
{
    if (handle_ != nullptr) {
        libusb_release_interface(handle_, 0);
        libusb_attach_kernel_driver(handle_, 0);
        libusb_close(handle_);
    }
    libusb_exit(context_);
}

void BareUsb::write(std::string_view bytes)
{
    std::string copy{bytes}; // libusb takes no constant bytes
    for (std::size_t at = 0; at < copy.size();) {
        int moved = 0;
        const auto size = static_cast<int>(std::min(piece, copy.size() - at));
        if (libusb_bulk_transfer(handle_, out_endpoint, reinterpret_cast<unsigned char*>(copy.data()) + at,
                                 size, &moved, timeout_ms) != 0)
            throw std::runtime_error{"transfer"};
        at += static_cast<std::size_t>(moved);
    }
}

std::string BareUsb::read()
{
    std::array<unsigned char, 64> packet{};
    int moved = 0;
    if (libusb_bulk_transfer(handle_, in_endpoint, packet.data(), packet.size(), &moved, timeout_ms) != 0)
        throw std::runtime_error{"no answer"};
    return {reinterpret_cast<const char*>(packet.data()), static_cast<std::size_t>(moved)};
}

void print_by_socket(std::uint16_t port, std::string_view bytes)
{
    const base::Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
        throw std::runtime_error{"no network printer"};
    if (!base::write_all(fd.get(), bytes) || !base::write_all(fd.get(), proof_request))
        throw std::runtime_error{"the network printer takes no bytes"};
    std::array<char, proof_size> answer{};
    if (::recv(fd.get(), answer.data(), answer.size(), MSG_WAITALL) != static_cast<ssize_t>(answer.size()))
        throw std::runtime_error{"the network printer does not confirm"};
}

} // namespace agenthost::bench

// A USB printer that Linux itself plays: libcomposite and usb_f_printer on one of dummy_hcd's sockets. The
// host side is the real one (usbcore, usblp, udev, usbfs). Needs root in the guest of
// tests/support/on_usb_kernel.
//
// Threads: used by one thread. A thread of its own reads what the printer gets, and answers.
#pragma once

#include "tests/support/usbsim/receipt_printer.hpp"

#include "base/fd.hpp"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace agenthost::test {

class GadgetPrinter {
public:
    static constexpr int vendor = 0x0fe6, product = 0x811e;
    static constexpr std::size_t packet = 512; // of its bulk endpoints, at high speed
    static constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();

    // At the socket dummy_udc.SOCKET, not plugged in. The kernel numbers printers in the order in which they
    // are made: that of 0 first. Throws std::runtime_error.
    explicit GadgetPrinter(int socket);
    ~GadgetPrinter();
    GadgetPrinter(const GadgetPrinter&) = delete;
    GadgetPrinter& operator=(const GadgetPrinter&) = delete;

    // Returns when the kernel has bound usblp to it.
    void plug();
    // Pulls the plug, also while the host waits for the end of a transfer. The bytes that nobody has read are
    // lost.
    void unplug();
    // Reads on until it has `bytes` in all or a little more, then nothing: the kernel accepts at most 16 KiB
    // more.
    void read_up_to(std::size_t bytes) { limit_ = bytes; }
    // Everything that it got since it was made.
    [[nodiscard]] std::string received() const;

    // The host's names: "1-1"; the driver of the interface, "usblp", "usbfs" or empty; the node in /dev.
    [[nodiscard]] std::string port() const;
    [[nodiscard]] std::string driver() const;
    [[nodiscard]] std::filesystem::path node() const;
    [[nodiscard]] std::filesystem::path sysfs() const;

private:
    void open();
    void read(const std::stop_token&);
    void take();

    const std::string socket_, device_path_;
    const std::filesystem::path gadget_, bus_;
    base::Fd device_;
    std::atomic<std::size_t> limit_{everything};
    mutable std::mutex mutex_; // received_
    std::string received_;
    // The reader's.
    usbsim::ReceiptPrinter printer_;
    std::size_t plugged_at_ = 0; // in received_
    std::jthread reader_;
};

} // namespace agenthost::test

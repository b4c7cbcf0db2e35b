// One emulated printer behind usbdevfs: serves the ioctls of every program that has its node open, moves
// bytes between their transfers and the printer, and makes the faults that it is told to.
//
// Threads: umockdev's thread calls serve(), the main thread everything else; each call takes the lock that
// the caller holds for it (Testbed::lock).
#pragma once

#include "gobject.hpp"
#include "receipt_printer.hpp"
#include "spec.hpp"

#include "base/fd.hpp"

#include <umockdev.h>

#include <linux/usbdevice_fs.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::usbsim {

// A transfer that a program has submitted.
struct Urb {
    Ref<UMockdevIoctlData> data, buffer;
    Ref<UMockdevIoctlClient> client;
    std::size_t done = 0;

    [[nodiscard]] usbdevfs_urb* raw() const;
    [[nodiscard]] std::size_t length() const { return static_cast<std::size_t>(raw()->buffer_length); }
    [[nodiscard]] bool continues() const { return (raw()->flags & USBDEVFS_URB_BULK_CONTINUATION) != 0; }
};

// What the device does wrong, by the count of bytes that it has taken. -1: never.
struct Faults {
    long stall_at = -1;             // the endpoint halts
    long proto_at = -1;             // the transfer fails with EPROTO, the endpoint goes on
    long nak_at = -1;               // no byte is taken beyond this one
    long unplug_at = -1;            // the device leaves
    int unplug_status = -ESHUTDOWN; // how the transfer in flight ends when it leaves
    int deny_claims = 0;            // so many claims end with EBUSY
    int deny_driver = 0;            // so many times the kernel driver comes back before a claim
    bool fail_clear_halt = false;
    bool stall_input = false;      // the IN endpoint is halted
    bool empty_input = false;      // reads complete with no byte at once, as some printers do
    std::size_t buffer = SIZE_MAX; // bytes taken beyond the point where the printer became unable to print
    double rate = 0;               // bytes a second; 0: all at once
    std::string hang; // the ioctl of this name gets no answer: open, claim, control, clear_halt, release
};

class Device {
public:
    explicit Device(Spec spec) : spec{std::move(spec)} {}

    // An ioctl of a program.
    void serve(UMockdevIoctlClient*);
    void connected(UMockdevIoctlClient* client) { clients_.emplace_back(client); }
    // Answers what hangs.
    void resume();
    // Forgets programs that have closed the node or died.
    void drop_dead_clients();
    // Moves what can be moved.
    void pump();
    // Plugged in as `node`, with usblp bound; `fifo` is the node's own FIFO (see Testbed).
    void arrive(std::string node, base::Fd fifo, std::string driver_link);
    void leave();
    // Forgets bytes, counters and faults; the plug stays.
    void clear();
    // The whole state as a JSON object.
    [[nodiscard]] std::string state() const;

    Spec spec;
    Faults faults;
    ReceiptPrinter printer;
    std::vector<std::uint8_t> taken;
    bool plugged = false;
    bool wants_to_leave = false; // unplug_at was reached: the testbed removes the node

private:
    using Client = UMockdevIoctlClient*;
    struct Answer {
        long result = 0;
        int error = 0;
    };
    [[nodiscard]] Answer answer(Client, unsigned long request);
    [[nodiscard]] Answer reap(Client);
    [[nodiscard]] Answer discard(Client);
    [[nodiscard]] Answer driver_of(Client);
    [[nodiscard]] Answer driver_control(Client);
    [[nodiscard]] Answer claim(Client, bool detach);
    [[nodiscard]] Answer release(Client);
    [[nodiscard]] Answer clear_halt(Client);
    [[nodiscard]] Answer set_interface(Client);
    [[nodiscard]] Answer control(Client);
    [[nodiscard]] Answer submit(Client);
    // A request on the default pipe: the bytes of the answer, nullopt for a stall.
    [[nodiscard]] std::optional<std::vector<std::uint8_t>> request(const std::uint8_t* setup);
    [[nodiscard]] std::optional<std::vector<std::uint8_t>> string_descriptor(unsigned index) const;
    [[nodiscard]] bool hangs(unsigned long request) const;
    void bind_driver(bool bound);
    void finish(Urb, int status);
    void finish_all(int status);
    [[nodiscard]] std::size_t room(std::size_t wanted) const;
    bool pump_output();
    void pump_input();
    void fault_output(int status);
    // poll() on the node says whether there is something to reap.
    void sync_poll();

    std::deque<Urb> out_, in_;
    std::map<Client, std::deque<Urb>> done_;
    std::vector<Ref<UMockdevIoctlClient>> clients_;
    std::vector<Ref<UMockdevIoctlClient>> hanging_;
    Client owner_ = nullptr;
    std::string driver_, driver_link_, node_;
    base::Fd fifo_;
    bool fifo_full_ = false, halted_ = false;
    std::optional<std::size_t> stopped_at_; // bytes taken when the printer became unable to print
    int alternate_ = 0;
    double credit_ = 0;    // bytes that it may take now
    bool working_ = false; // the rate alone keeps it from taking more
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
    std::map<std::string, int> counters_;
};

} // namespace agenthost::usbsim

// An open connection to one printer, over USB or TCP, as the job runner sees it.
//
// Threads: the printer loop's thread (service/) makes every call and runs every callback. A callback never
// runs inside the call that takes it, and never after the Link is destroyed. Destroying a Link closes it: a
// transfer that is in flight is cancelled and awaited by the room that owns it, never freed early.
//
// Bytes: `taken` counts the bytes that the printer has accepted (USB: actual_length of the transfer; TCP: see
// network/tcp_link.hpp). It is valid after a fault too: the caller continues with the next byte and never
// sends a byte twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace agenthost::printer {

using Bytes = std::span<const std::uint8_t>;

enum class Fault {
    none,
    // The printer accepted no byte for too long: slow, out of paper or offline. The link still works.
    no_progress,
    // USB: the endpoint is halted; recover() clears it.
    stalled,
    // Unplugged, switched off, reset, or closed by the peer. The link is dead.
    gone,
    // By cancel_write().
    cancelled,
};

struct Written {
    std::size_t taken = 0;
    Fault fault = Fault::none; // none: all bytes were taken
    std::string detail;        // the system's error text, for logs and messages
};

class Link {
public:
    virtual ~Link() = default;

    // Sends `bytes` (never empty), which stay valid until `done`. One write at a time.
    virtual void write(Bytes bytes, std::function<void(Written)> done) = 0;
    // Ends a write in flight with Fault::cancelled, or with its own result if it has just ended. Without a
    // write it has no effect.
    virtual void cancel_write() = 0;
    // After Fault::stalled: clears the halt once. `ok` is false if the link can no longer be used.
    virtual void recover(std::function<void(bool ok)> done) = 0;
    // Ends a job on this link. USB sends a zero-length packet if the model needs one. TCP sends FIN and reads
    // until the printer's FIN or the deadline; `clean` is true if the printer confirmed the end (TCP only).
    virtual void finish(std::function<void(bool clean)> done) = 0;

    // Whether the printer can send at all (a USB interface may have no IN endpoint).
    [[nodiscard]] virtual bool can_read() const = 0;
    // Passes bytes from the printer to the handler, in order. Reads only while a handler is set, so that an
    // idle printer causes no wake-ups.
    virtual void read(std::function<void(Bytes)> handler) = 0;
    // Stops reading.
    virtual void stop_reading() = 0;
    // Called once if the link dies while no write is in flight.
    virtual void on_gone(std::function<void(std::string detail)> handler) = 0;
    // Asks for the IEEE 1284 port status byte (GET_PORT_STATUS). nullopt: the link has no port status (TCP,
    // vendor class interfaces), or the printer did not answer.
    virtual void port_status(std::function<void(std::optional<std::uint8_t>)> done) = 0;
};

// Why a link could not be opened. `message` is a full sentence with the remedy, for the log, the command line
// and the server's reply.
struct OpenError {
    enum class Kind {
        not_found,   // no such device now
        denied,      // permission on the device node; the message has the udev rule
        busy,        // someone else has it; the message names the holder
        unreachable, // TCP: no route, timeout, name not found
        refused,     // TCP: nobody listens, or the printer serves another host
        unsupported, // no OUT endpoint
    } kind{};
    std::string message;
};

// Either `link` or `error` is set.
struct Opened {
    std::unique_ptr<Link> link;
    std::optional<OpenError> error;
    // USB: the number of this arrival of the device. A device that was unplugged or switched off has another
    // one when it is back. TCP: 0.
    std::uint64_t device = 0;
};
using OpenDone = std::function<void(Opened)>;

} // namespace agenthost::printer

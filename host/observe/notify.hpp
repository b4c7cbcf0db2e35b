// Notifies systemd of the daemon's state (sd_notify(3)): READY, STATUS, RELOADING, STOPPING, WATCHDOG. A
// no-op without NOTIFY_SOCKET. Implemented here instead of using libsystemd: the protocol is one datagram,
// documented as stable and meant to be implemented without the library, which would map eight more shared
// objects into an idle daemon (host/adr/0003).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace agenthost::host {

// "READY=1\nSTATUS=..."; never blocks; false if it could not be sent.
bool notify(std::string_view lines);
// The interval of WATCHDOG=1: half of WATCHDOG_USEC, if that is meant for this process.
std::optional<std::chrono::microseconds> watchdog_interval();

} // namespace agenthost::host

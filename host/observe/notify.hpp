// Tells systemd how we are (sd_notify(3)): READY, STATUS, RELOADING, STOPPING, WATCHDOG. A no-op without NOTIFY_SOCKET.
// Written here, not taken from libsystemd: the protocol is one datagram, documented as stable and meant to be implemented
// without the library, which would map eight more shared objects into an idle daemon (host/adr/0003).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace agenthost::host {

// "READY=1\nSTATUS=..."; never blocks; false when it could not be sent.
bool notify(std::string_view lines);
// How often WATCHDOG=1 is due: half of WATCHDOG_USEC when it is meant for this process.
std::optional<std::chrono::microseconds> watchdog_interval();

} // namespace agenthost::host

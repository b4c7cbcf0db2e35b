// The printers of a shop, as its heartbeats report them, and how a task names one. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

// The array "devices" of a heartbeat's facts, as the agent wrote it; empty: it reported none.
std::string devices_of(std::string_view facts);

// How many more printers the agent has than its heartbeat, as it wrote the number; empty: none.
std::string left_out_of(std::string_view facts);
// The heartbeat has all printers of the agent.
bool has_all_devices(std::string_view facts);

// What a task has as "printer" for a name that a caller gave:
//   0fe6:811e      vendor and product id, in hexadecimal
//   10.0.0.9:9100  a network printer; [fd00::9]:9100
//   Kitchen        the alias, or else the role, of one of `devices`: that device's own ids, address and serial
// If the facts do not have all devices, an alias that is not among them is sent as it is, and the agent looks it up.
// nullopt: `why` has the reason.
std::optional<std::string> printer_named(std::string_view name, std::string_view facts, std::string& why);

} // namespace agenthost::hub

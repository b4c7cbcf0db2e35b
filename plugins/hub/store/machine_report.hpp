// What an agent's machine offers, in the table of reports: the capabilities of its registration, and those
// of its last event capabilities_changed. The event's members replace the registration's; others stay, such
// as `features`. Pure.
#pragma once

#include "tables.hpp"

#include <string>
#include <vector>

namespace agenthost::hub {

namespace machine_report {
// Kinds of a Report.
constexpr const char* registration = "registration";
constexpr const char* changed = "capabilities";
} // namespace machine_report

// Of one agent's reports. A JSON object; empty: it has reported none.
std::string machine_of(const std::vector<Report>&);

} // namespace agenthost::hub

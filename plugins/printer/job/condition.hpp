// Why a printer does not print, from what it reports. Pure.
#pragma once

#include "values.hpp"

#include "plugins/printer/device/link.hpp"
#include "plugins/printer/device/status.hpp"

#include <array>
#include <cstdint>

namespace agenthost::printer::job {

// The status questions that a printer answers at once. All four: what an earlier report said of errors ends
// only with the answer to its own question.
inline constexpr std::array status_questions{Question::realtime_printer, Question::realtime_offline,
                                             Question::realtime_error, Question::realtime_paper};

Trouble trouble_of(OpenError::Kind);

Condition condition_of(const Status&);
// The port status byte of a USB printer.
Condition condition_of_port(std::uint8_t);

} // namespace agenthost::printer::job

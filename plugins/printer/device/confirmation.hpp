// Proof that a job is on paper: GS ( H function 48. The printer answers with the id that stands behind a job
// once it has printed what came before, and keeps the answer until somebody reads it. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer {

// Four characters from 0x20 to 0x7E, as the printer demands.
using ProcessId = std::array<char, 4>;

inline constexpr std::uint32_t process_id_count = 95U * 95U * 95U * 95U;

// The id of the job with this sequence number; different for process_id_count jobs in a row.
ProcessId process_id(std::uint64_t sequence);
// Nullopt if the text is not four such characters.
std::optional<ProcessId> process_id(std::string_view text);
inline std::string to_string(const ProcessId& id) { return {id.begin(), id.end()}; }

// The command that goes behind the job: 11 bytes.
std::vector<std::uint8_t> confirmation_request(const ProcessId& id);

} // namespace agenthost::printer

// Reads what agents report about terminal commands. Pure; every value is a copy, except views that say so.
#pragma once

#include "wire/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

struct RunProgress {
    bool running = false;
    // In the agent's queue, from 1.
    std::optional<std::uint64_t> position;
};
// nullopt: not a JSON object.
std::optional<RunProgress> read_progress(std::string_view json);

// The agent's queue, a JSON array of at most 64 KiB; a view into the event. nullopt: another event, or
// invalid.
std::optional<std::string_view> read_queue(const wire::Event&);

// Output in an event, of protocols that have no frame for it.
struct OutputEvent {
    std::string run;
    std::uint32_t channel = 1;
    // Of the first byte in its stream; nullopt: it follows the last one.
    std::optional<std::uint64_t> offset;
    std::string bytes;
};
// nullopt: another event, or invalid.
std::optional<OutputEvent> read_output(const wire::Event&);

} // namespace agenthost::hub

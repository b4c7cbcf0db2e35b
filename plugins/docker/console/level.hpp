// Guesses the level of a line of output from the words that loggers print near its beginning. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace agenthost::docker::console {

enum class Level : std::uint8_t { debug, info, warn, error };
const char* to_string(Level); // "DEBUG", "INFO", "WARN", "ERROR"

// "[12:00:00] [Server thread/WARN]: ..." is warn, "\tat com.example.Main" (a stack trace) is error. Anything
// else is info, on stderr too: many servers print all their output there.
Level guess_level(std::string_view line);

} // namespace agenthost::docker::console

// Writes the daemon's log to stderr: text on a terminal, journald priorities under systemd, JSON on request.
//
// Thread-safe. Never blocks: a bounded queue (512) passes lines to a separate thread; when it is full the
// oldest line is dropped, and the loss is counted and logged. Before init() and after shutdown() lines are
// written directly. Never pass a secret. The most recent lines also stay in memory (log_tail.hpp), for
// plugins that forward them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::host::log {

enum class Level : std::uint8_t { trace, debug, info, warn, error };

// format: auto | text | journald | json. Returns false for an unknown word.
bool init(std::string_view level, std::string_view format);
void set_level(std::string_view level);
void shutdown(); // writes waiting lines
// Number of lines dropped so far; say_losses() logs a line if there were more since its last call.
std::uint64_t lost();
void say_losses();

bool enabled(Level);
// `part` names what logs ("session files", "plugin storage"); `fields_json` is empty or one JSON
// object.
void write(Level, std::string_view part, std::string_view message, std::string_view fields_json = {});

// read() of log_tail.hpp for this process's log.
std::string read_tail(Level min_level, std::string_view except_part, std::uint64_t& position,
                      std::size_t capacity, std::uint64_t& lost);

inline void debug(std::string_view part, std::string_view message) { write(Level::debug, part, message); }
inline void info(std::string_view part, std::string_view message) { write(Level::info, part, message); }
inline void warn(std::string_view part, std::string_view message) { write(Level::warn, part, message); }
inline void error(std::string_view part, std::string_view message) { write(Level::error, part, message); }

} // namespace agenthost::host::log

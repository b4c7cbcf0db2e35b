// The daemon's log: one line a fact, to stderr. Text on a terminal, journald priorities under systemd, JSON on request.
//
// Thread-safe. Never blocks: lines go through a bounded queue (512) to a thread of its own; when it is full the oldest goes and
// the loss is counted and said. Before init() and after shutdown() lines are written at once. No secret is ever passed here.
// The last lines stay in memory as well (log_tail.hpp), for plugins that forward them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::host::log {

enum class Level : std::uint8_t { trace, debug, info, warn, error };

// format: auto | text | journald | json. Returns false for an unknown word.
bool init(std::string_view level, std::string_view format);
void set_level(std::string_view level);
void shutdown(); // writes what waits
// Lines that found the queue full, so far; say_losses() writes a line when there were more since it was last asked.
std::uint64_t lost();
void say_losses();

bool enabled(Level);
// `room` names the part that speaks ("session files", "plugin storage"); `fields_json` is empty or one JSON object.
void write(Level, std::string_view room, std::string_view message, std::string_view fields_json = {});

// log_tail.hpp's read() of this process's log.
std::string read_tail(Level least, std::string_view except_room, std::uint64_t& position,
                      std::size_t capacity, std::uint64_t& lost);

inline void debug(std::string_view room, std::string_view message) { write(Level::debug, room, message); }
inline void info(std::string_view room, std::string_view message) { write(Level::info, room, message); }
inline void warn(std::string_view room, std::string_view message) { write(Level::warn, room, message); }
inline void error(std::string_view room, std::string_view message) { write(Level::error, room, message); }

} // namespace agenthost::host::log

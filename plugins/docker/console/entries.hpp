// The entries of a server's console, and the packed form in which they are collected, stored and read. Pure.
//
// An entry is a line, or a part of a long one, at most 16 KiB. Its position counts entries since the server
// was created. Positions only grow and are never reused, so each identifies one entry permanently.
#pragma once

#include "plugins/docker/engine/log_parts.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::docker::console {

// note: not the server's output but our remark about it.
enum class Stream : std::uint8_t { out = 0, err = 1, note = 2 };
const char* to_string(Stream); // "stdout", "stderr", "note"

struct Entry {
    std::uint64_t position = 0;
    std::int64_t stamp_ns = 0;
    Stream stream = Stream::out;
    // Whether it continues the line of the previous entry of the same stream.
    bool continues = false;
    // Any bytes but line ends.
    std::string text;
};

constexpr std::size_t max_entry = engine::LogParts::driver_part;

// A packed item: an entry, or the beginning of another container's log.
struct Item {
    enum class Kind : std::uint8_t { entry, container };
    Kind kind = Kind::entry;
    Stream stream = Stream::out;
    bool continues = false;
    // Whether the line continues in another message of the log.
    bool open = false;
    // Whether it is the first piece of a message of the engine's log (engine::LogTrack counts these).
    bool counted = false;
    std::int64_t stamp_ns = 0;
    // The text of an entry, or the container's id. Refers to the packed bytes.
    std::string_view text;
};

void pack(std::string& to, const Item&);
// Reads the first item of `packed` and removes it from there. nullopt: at the end, or not an item.
std::optional<Item> unpack(std::string_view& packed);

} // namespace agenthost::docker::console

// Cuts the output of commands into the dashboard protocol's chunks: at most 10 KB, numbered per command from
// 1, never cut inside a character, with the number of lost bytes. Pure; one per connection or per agent; not
// thread-safe.
//
// Bounded: 256 commands. The one used least recently is forgotten; its chunks are numbered from 1 again.
#pragma once

#include "wire/message.hpp"

#include "base/json_writer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::wire {

// Bytes of output in one terminal:output. Its data has as many bytes of text, or 13,656 characters of base64:
// a chunk of the terminal plugin (10 KB) must not be cut again.
constexpr std::size_t max_output = 10 * 1024;

class CommandBook {
public:
    static constexpr std::size_t max_commands = 256;

    struct Channel {
        // The expected offset of the next chunk.
        std::uint64_t next = 0;
        // The first bytes of a character whose other bytes have not arrived.
        std::array<char, 3> tail{};
        std::uint8_t tail_size = 0;
        // False: `next` is not known yet.
        bool known = false;
    };
    struct Command {
        // Repeated in answers.
        std::string request_id;
        std::uint64_t sequence = 0;
        bool base64 = false;
        std::array<Channel, 2> channels;
        std::uint64_t used = 0;
    };

    // The command's entry, created if missing. The reference is valid until the next call.
    Command& of(std::string_view id);
    [[nodiscard]] const Command* find(std::string_view id) const;
    void end(std::string_view id);
    [[nodiscard]] std::size_t size() const { return commands_.size(); }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view id) const noexcept
        {
            return std::hash<std::string_view>{}(id);
        }
    };
    std::unordered_map<std::string, Command, Hash, std::equal_to<>> commands_;
    std::uint64_t uses_ = 0;
};

// The position of a chunk in its channel.
struct ChunkPlace {
    CommandBook::Channel& channel;
    // Bytes lost just before the chunk.
    std::uint64_t dropped = 0;
    // The chunk continues output of an earlier connection.
    bool goes_on = false;
};
// Advances the channel of stdout or stderr (1 or 2) by the chunk's bytes.
ChunkPlace place_chunk(CommandBook::Command&, const Stream&);

// The text of one chunk: the complete characters of the tail and `bytes`; an incomplete one becomes the new
// tail. Bytes that are not UTF-8 become U+FFFD.
std::string complete_text(CommandBook::Channel&, std::string_view bytes);
// Writes it as a member; without a copy if it is ASCII, as it usually is.
void write_text(base::JsonWriter&, const base::JsonKey&, CommandBook::Channel&, std::string_view bytes);

// The number of leading bytes that fit into one chunk. The command is nullptr before its first chunk.
std::size_t fitting_text(const CommandBook::Channel&, std::string_view bytes);
std::size_t fitting_text(const CommandBook::Command*, const Stream&);
constexpr std::size_t fitting_base64 = max_output;

} // namespace agenthost::wire

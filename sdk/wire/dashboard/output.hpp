// Output of commands as the dashboard protocol wants it: chunks of at most 10 KB, counted per command from 1, never cut inside a
// character, gaps said in bytes. Pure; one per connection or per agent; not thread-safe.
//
// Bounded: 256 commands; the one longest silent is forgotten, and its chunks count from 1 again.
#pragma once

#include "wire/message.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::wire {

// Bytes of output in one terminal:output. As text, data has as many; as base64 it has 13,656, because a piece of
// the terminal plugin (10 KB) must not be cut again.
constexpr std::size_t most_output = 10 * 1024;

class CommandBook {
public:
    static constexpr std::size_t most = 256;

    // The last bytes of a channel may begin a character whose rest is still to come.
    struct Channel {
        std::uint64_t next = 0; // the position expected in the channel
        std::array<char, 3> tail{};
        std::uint8_t tail_size = 0;
        bool known = false; // `next` means something
    };
    struct Command {
        std::string request_id; // to be echoed
        std::uint64_t sequence = 0;
        bool base64 = false;
        std::array<Channel, 2> channels;
        std::uint64_t used = 0;
    };

    // The command's entry, made when it is not there; a reference until the next call.
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

// The position of a chunk in its channel. `dropped`: bytes lost just before it; `goes_on`: it continues output of an earlier connection.
struct ChunkPlace {
    CommandBook::Channel& channel;
    std::uint64_t dropped = 0;
    bool goes_on = false;
};
// Advances the channel of stdout or stderr (1 or 2) by the chunk's bytes.
ChunkPlace place_chunk(CommandBook::Command&, const Stream&);

// Text of one chunk: what is complete in `tail` and `bytes`; the tail becomes what is not. What is no UTF-8 becomes U+FFFD.
std::string complete_text(CommandBook::Channel&, std::string_view bytes);

// How many of the bytes fit into one chunk; the command is nullptr before its first chunk.
std::size_t fitting_text(const CommandBook::Channel&, std::string_view bytes);
std::size_t fitting_text(const CommandBook::Command*, const Stream&);
constexpr std::size_t fitting_base64 = most_output;

} // namespace agenthost::wire

#include "output.hpp"

#include "base/text_scan.hpp"

#include <algorithm>

namespace agenthost::wire {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::size_t longest_character = 4;

struct Piece {
    std::size_t size = 0; // in bytes; 0: the text ends inside a character
    bool valid = false;
};

// The first piece of a text: a character, an invalid byte, or the start of a character.
Piece first_piece(std::string_view text)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return {1, true};
    const std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                               : (first & 0xF0) == 0xE0         ? 3
                               : first >= 0xF0 && first <= 0xF4 ? 4
                                                                : 0;
    if (length == 0) return {1, false};
    // The second byte's limits exclude overlong forms, surrogates and code points above U+10FFFF.
    const unsigned char least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const unsigned char most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (std::size_t i = 1; i < length; ++i) {
        if (i == text.size()) return {0, false};
        if (byte(i) < (i == 1 ? least : 0x80) || byte(i) > (i == 1 ? most : 0xBF)) return {1, false};
    }
    return {length, true};
}

// Calls `each` for the pieces of the tail followed by `bytes` until it returns false.
template <class Each> void pieces(const CommandBook::Channel& channel, std::string_view bytes, Each each)
{
    std::string head{channel.tail.data(), channel.tail_size};
    const std::size_t lent = std::min<std::size_t>(bytes.size(), 3); // enough to end any character
    head += bytes.substr(0, lent);
    std::string_view seam{head};
    std::size_t left = channel.tail_size; // bytes of the tail not yet read
    while (left > 0) {
        const Piece piece = first_piece(seam);
        if (!each(piece, seam)) return;
        if (piece.size == 0) return;
        seam.remove_prefix(piece.size);
        if (piece.size >= left) {
            bytes.remove_prefix(piece.size - left);
            break;
        }
        left -= piece.size;
    }
    while (!bytes.empty()) {
        const std::size_t run = base::ascii_run(bytes);
        if (run > 0) {
            if (!each(Piece{run, true}, bytes)) return;
            bytes.remove_prefix(run);
            continue;
        }
        const Piece piece = first_piece(bytes);
        if (!each(piece, bytes) || piece.size == 0) return;
        bytes.remove_prefix(piece.size);
    }
}

} // namespace

CommandBook::Command& CommandBook::of(std::string_view id)
{
    auto found = commands_.find(id);
    if (found == commands_.end()) {
        if (commands_.size() >= max_commands) {
            commands_.erase(
                std::min_element(commands_.begin(), commands_.end(),
                                 [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
        }
        found = commands_.emplace(id, Command{}).first;
    }
    found->second.used = ++uses_;
    return found->second;
}

const CommandBook::Command* CommandBook::find(std::string_view id) const
{
    const auto found = commands_.find(id);
    return found == commands_.end() ? nullptr : &found->second;
}

void CommandBook::end(std::string_view id)
{
    if (const auto found = commands_.find(id); found != commands_.end()) commands_.erase(found);
}

ChunkPlace place_chunk(CommandBook::Command& command, const Stream& stream)
{
    ChunkPlace place{command.channels.at(stream.channel - 1)};
    CommandBook::Channel& channel = place.channel;
    place.goes_on = !channel.known && stream.offset > 0;
    if (channel.known && stream.offset > channel.next) {
        place.dropped = stream.offset - channel.next + channel.tail_size; // the rest of its character is lost
        channel.tail_size = 0;
    }
    channel.known = true;
    channel.next = stream.offset + stream.bytes.size();
    return place;
}

std::string complete_text(CommandBook::Channel& channel, std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size() + channel.tail_size);
    std::string rest;
    pieces(channel, bytes, [&](const Piece& piece, std::string_view at) {
        if (piece.size == 0)
            rest = at;
        else if (piece.valid)
            out += at.substr(0, piece.size);
        else
            out += replacement;
        return true;
    });
    channel.tail_size = static_cast<std::uint8_t>(rest.size());
    std::copy(rest.begin(), rest.end(), channel.tail.begin());
    return out;
}

void write_text(base::JsonWriter& json, const base::JsonKey& key, CommandBook::Channel& channel,
                std::string_view bytes)
{
    if (channel.tail_size == 0 && base::ascii_run(bytes) == bytes.size())
        json.member(key, bytes);
    else
        json.member(key, complete_text(channel, bytes));
}

std::size_t fitting_text(const CommandBook::Channel& channel, std::string_view bytes)
{
    // Enough to see whether the last character fits; the bytes may be many more.
    bytes = bytes.substr(0, max_output + longest_character);
    std::size_t free_space = max_output, taken = 0;
    pieces(channel, bytes, [&](const Piece& piece, std::string_view at) {
        const std::size_t size = piece.size == 0 ? at.size() : piece.size;
        const std::size_t needed = piece.size == 0 ? 0 : piece.valid ? size : replacement.size();
        if (needed > free_space) {
            // A run of ASCII characters can be cut anywhere.
            const bool cuts = piece.valid && static_cast<unsigned char>(at.front()) < 0x80;
            if (cuts) taken += free_space;
            return false;
        }
        free_space -= needed;
        taken += size;
        return true;
    });
    return std::min(bytes.size(), taken < channel.tail_size ? 0 : taken - channel.tail_size);
}

std::size_t fitting_text(const CommandBook::Command* command, const Stream& stream)
{
    CommandBook::Channel channel;
    if (command && (stream.channel == 1 || stream.channel == 2))
        channel = command->channels.at(stream.channel - 1);
    // place_chunk() drops it too.
    if (channel.known && stream.offset > channel.next) channel.tail_size = 0;
    return fitting_text(channel, stream.bytes);
}

} // namespace agenthost::wire

// A command of the ESC/POS language as the parser found it, and names for its parts. Pure values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace agenthost::printer::escpos {

using Bytes = std::span<const std::uint8_t>;

// Which command: its lead byte (0 for a control character alone), its code, and the letter or digit that
// follows the code where one code is a family (GS ( k, ESC c 5, DLE DC4 1); 0 where it is not.
using Op = std::uint32_t;

constexpr Op op_of(std::uint8_t lead, std::uint8_t code, std::uint8_t sub = 0)
{
    return Op{lead} << 16 | Op{code} << 8 | sub;
}

inline constexpr std::uint8_t dle_byte = 0x10, esc_byte = 0x1b, fs_byte = 0x1c, gs_byte = 0x1d;

// For `case esc('@'):` and `case gs('(', 'k'):`.
constexpr Op control(std::uint8_t code) { return op_of(0, code); }
constexpr Op dle(std::uint8_t code, std::uint8_t sub = 0) { return op_of(dle_byte, code, sub); }
constexpr Op esc(char code, char sub = 0)
{
    return op_of(esc_byte, static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(sub));
}
constexpr Op fs(char code, char sub = 0)
{
    return op_of(fs_byte, static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(sub));
}
constexpr Op gs(char code, char sub = 0)
{
    return op_of(gs_byte, static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(sub));
}

inline constexpr std::size_t max_arguments = 16;

struct Command {
    Op op = 0;
    // A row of the grammar; an unknown command is skipped by the best knowledge of its family.
    bool known = true;
    std::uint8_t argument_count = 0;
    // The fixed bytes after the code (and the family's letter), in the order of the stream.
    std::array<std::uint8_t, max_arguments> arguments{};
    // Offset of the command's first byte in all bytes that were fed.
    std::uint64_t position = 0;
    // Bytes of data that follow the arguments; 0 also where only their content tells the end (GS k m <= 6,
    // ESC D, ESC &, FS q).
    std::uint64_t data_size = 0;

    // An argument; 0 beyond the last one.
    [[nodiscard]] std::uint8_t arg(std::size_t i) const { return i < argument_count ? arguments[i] : 0; }
    // Two arguments, low byte first.
    [[nodiscard]] std::uint16_t arg16(std::size_t i) const
    {
        return static_cast<std::uint16_t>(arg(i) | arg(i + 1) << 8);
    }
};

// "GS v 0", "DLE EOT", "ESC 0x07": as manuals write it.
std::string to_string(Op);

} // namespace agenthost::printer::escpos

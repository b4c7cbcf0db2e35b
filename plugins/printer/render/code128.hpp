// CODE128 as a printer is told to build it: Epson's data names each code set, so the encoder may not choose.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace agenthost::printer::render {

struct Code128 {
    // widths of bars and spaces in modules, a bar first
    std::vector<std::uint8_t> widths;
    // what people read below it
    std::string text;
};

// `data` as in GS k 73: {A, {B, {C select a set, {S shifts, {1 to {4 are FNC1 to FNC4, {{ is a brace; in set
// C a byte is a number from 0 to 99. nullopt: it does not begin with a set, or has a byte that its set has
// not.
std::optional<Code128> encode_code128(std::span<const std::uint8_t> data);

} // namespace agenthost::printer::render

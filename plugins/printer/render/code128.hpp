// Encodes CODE128 barcodes as Epson printers do: the data names each code set, so the encoder must not choose
// one. Pure.
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
    // the readable text below the bars
    std::string text;
};

// Encodes `data` of GS k 73: {A, {B and {C select a code set, {S shifts, {1 to {4 are FNC1 to FNC4, {{ is a
// brace; in set C a byte is a number from 0 to 99. Returns nullopt if `data` does not begin with a code set
// or contains a byte that the selected set cannot encode.
std::optional<Code128> encode_code128(std::span<const std::uint8_t> data);

} // namespace agenthost::printer::render

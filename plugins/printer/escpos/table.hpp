// The grammar of ESC/POS: a row a command. Pure.
#pragma once

#include "plugins/printer/escpos/command.hpp"

namespace agenthost::printer::escpos {

// How the data after a command's arguments ends.
enum class Data : std::uint8_t {
    none,
    size16,     // the last two arguments are its size
    size32,     // the last four
    columns,    // ESC * m nL nH: n columns of 1 or 3 bytes
    image,      // the last four arguments are two numbers; the size is their product (GS v 0, GS Q 0)
    download,   // GS * x y: x * y * 8
    bitmap,     // GS D: the last four arguments are the size of a BMP file, of which six bytes are arguments
    fixed72,    // FS 2: one character of 24 x 24
    tabs,       // ESC D: ascending columns, then NUL; at most 32
    barcode,    // GS k: to a NUL, or n bytes
    characters, // ESC & y c1 c2: for each character a width, then y * width bytes
    images,     // FS q n: for each image two numbers, then their product * 8 bytes
    digits,     // GS C ;: five numbers, each with a semicolon
};

struct Row {
    Op op;
    std::uint8_t arguments;
    Data data = Data::none;
};

// Whether a letter that belongs to the command's name follows the code.
bool has_sub(std::uint8_t lead, std::uint8_t code);
// The row of a command; `known` is false for one that has none: the row is then what its family suggests.
struct Found {
    Row row;
    bool known;
};
Found find_row(Op op);
// Arguments of this command, once the first one is known (GS V, GS k and DLE EOT have more for some values).
std::uint8_t argument_count(const Row&, std::uint8_t first);
// Bytes of data that the arguments announce; 0 where only the data tells.
std::uint64_t data_size(const Row&, const Command&);

} // namespace agenthost::printer::escpos

#include "command.hpp"

#include <string_view>

namespace agenthost::printer::escpos {

namespace {

constexpr std::array<std::string_view, 32> control_names{
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS",  "HT",  "LF",
    "VT",  "FF",  "CR",  "SO",  "SI",  "DLE", "DC1", "DC2", "DC3", "DC4", "NAK",
    "SYN", "ETB", "CAN", "EM",  "SUB", "ESC", "FS",  "GS",  "RS",  "US"};

void append(std::string& out, std::uint8_t byte)
{
    constexpr std::string_view digits = "0123456789abcdef";
    if (!out.empty()) out += ' ';
    if (byte < 0x20) {
        out += control_names[byte];
    } else if (byte == 0x20) {
        out += "SP";
    } else if (byte < 0x7f) {
        out += static_cast<char>(byte);
    } else {
        out += "0x";
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
}

} // namespace

std::string to_string(Op op)
{
    const auto lead = static_cast<std::uint8_t>(op >> 16), code = static_cast<std::uint8_t>(op >> 8),
               sub = static_cast<std::uint8_t>(op);
    std::string out;
    if (lead != 0) append(out, lead);
    append(out, code);
    if (lead == dle_byte && code == 0x14)
        out += ' ' + std::to_string(sub);
    else if (sub != 0)
        append(out, sub);
    return out;
}

} // namespace agenthost::printer::escpos

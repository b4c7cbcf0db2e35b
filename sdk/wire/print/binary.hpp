// The binary frames of print: the bytes of a task_print without base64. Only for agents with the capability
// `binary`. Pure.
//
//   1 byte   version, 1
//   1 byte   length of the task's id, 1 to 255
//   n bytes  the task's id
//   the rest the bytes to print
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::wire::print {

inline constexpr std::string_view binary_capability = "binary";
inline constexpr std::string_view binary_encoding = "binary";
inline constexpr unsigned char binary_version = 1;
// Below it base64 costs less than a second frame.
inline constexpr std::size_t min_binary = 1024;

// False: the id has no byte or more than 255; nothing was appended.
bool append_binary(std::string& out, std::string_view id, std::string_view bytes);

struct BinaryFrame {
    std::string_view id, bytes;
};
// Views into `frame`. nullopt: another version, or no id.
std::optional<BinaryFrame> read_binary(std::string_view frame);

} // namespace agenthost::wire::print

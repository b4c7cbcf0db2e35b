// Converts between agh_bytes and std::string_view.
#pragma once

#include "abi.h"

#include <string_view>

namespace agenthost {

inline agh_bytes to_bytes(std::string_view text) noexcept { return {text.data(), text.size()}; }
inline std::string_view to_view(agh_bytes bytes) noexcept
{
    return bytes.data ? std::string_view{static_cast<const char*>(bytes.data), bytes.size}
                      : std::string_view{};
}

} // namespace agenthost

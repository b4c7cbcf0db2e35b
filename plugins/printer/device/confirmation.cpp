#include "confirmation.hpp"

#include <algorithm>
#include <cstddef>

namespace agenthost::printer {

namespace {

constexpr std::uint32_t first = 0x20, count = 95;

} // namespace

ProcessId process_id(std::uint64_t sequence)
{
    ProcessId id{};
    auto rest = static_cast<std::uint32_t>(sequence % process_id_count);
    for (auto digit = id.rbegin(); digit != id.rend(); ++digit, rest /= count)
        *digit = static_cast<char>(first + rest % count);
    return id;
}

std::optional<ProcessId> process_id(std::string_view text)
{
    ProcessId id{};
    if (text.size() != id.size()) return std::nullopt;
    if (!std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7E; })) return std::nullopt;
    std::ranges::copy(text, id.begin());
    return id;
}

std::vector<std::uint8_t> confirmation_request(const ProcessId& id)
{
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(id[i]); };
    return {0x1D, '(', 'H', 6, 0, 48, 48, byte(0), byte(1), byte(2), byte(3)};
}

} // namespace agenthost::printer

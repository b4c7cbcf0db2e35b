#include "cores.hpp"

#include "refusal.hpp"

#include <charconv>
#include <cmath>

namespace agenthost::docker {

std::uint64_t read_nano_cpus(const Node& node)
{
    const std::string text = node.scalar(32);
    double cores = 0, unit = 1;
    std::string_view digits = text;
    if (digits.ends_with('%')) {
        digits.remove_suffix(1);
        unit = 100;
    }
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), cores, std::chars_format::fixed);
    const bool number = !digits.empty() && error == std::errc{} && end == digits.data() + digits.size();
    cores /= unit;
    if (!number || !(cores >= 0.01 && cores <= 1024))
        node.refuse(shown(text) +
                    " is not a number of cores from 0.01 to 1024. Write \"2\", \"0.5\" or \"150%\".");
    return static_cast<std::uint64_t>(std::llround(cores * 1e9));
}

} // namespace agenthost::docker

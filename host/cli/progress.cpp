#include "call.hpp"

#include "print.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::host::cli {

using nlohmann::json;

std::string progress_text(const json& progress, std::size_t columns)
{
    const auto number = [&](const char* key) {
        return progress.is_object() && progress.contains(key) && progress[key].is_number()
                   ? progress[key].get<double>()
                   : -1.0;
    };
    const double done = number("done"), total = number("total");
    if (done < 0)
        return printable(progress.dump(-1, ' ', false, json::error_handler_t::replace))
            .substr(0, columns > 1 ? columns - 1 : 0);
    const std::string unit = progress.contains("unit") && progress["unit"].is_string()
                                 ? progress["unit"].get<std::string>()
                                 : "bytes";
    const auto amount = [&](double n) {
        const auto whole = n < 1e18 ? static_cast<std::uint64_t>(n) : 0;
        return unit == "bytes" ? human_size(whole)
                               : std::to_string(whole) + (unit.empty() ? "" : " " + printable(unit));
    };
    if (total <= 0) return amount(done);
    const double share = std::clamp(done / total, 0.0, 1.0);
    const std::string words =
        "  " + std::to_string(static_cast<int>(share * 100)) + "%  " + amount(done) + " of " + amount(total);
    const std::size_t bar_width =
        columns > words.size() + 2 ? std::min<std::size_t>(40, columns - words.size() - 2) : 0;
    const auto full = static_cast<std::size_t>(share * static_cast<double>(bar_width));
    return std::string(full, '#') + std::string(bar_width - full, '-') + words;
}

} // namespace agenthost::host::cli

#include "call.hpp"

#include "print.hpp"

#include <kit/hash.hpp>

#include <algorithm>
#include <limits>

namespace agenthost::host::cli {

using nlohmann::json;

namespace {
constexpr std::size_t max_line = 64 << 20; // a result's data can be long; beyond: not ours
}

void CallReader::feed(std::string_view bytes)
{
    while (!bytes.empty() && !overlong_) {
        const auto end = bytes.find('\n');
        line_.append(bytes.substr(0, end));
        if (line_.size() > max_line) {
            overlong_ = true;
            line_.clear();
            return;
        }
        if (end == std::string_view::npos) return;
        bytes.remove_prefix(end + 1);
        line(std::exchange(line_, {}));
    }
}

void CallReader::line(const std::string& text)
{
    const json parsed = json::parse(text, nullptr, false);
    if (!parsed.is_object()) return; // an empty line, or a later version's
    if (const auto at = parsed.find("progress"); at != parsed.end() && out_.progress) out_.progress(*at);
    if (const auto at = parsed.find("result"); at != parsed.end() && at->is_object()) result_ = *at;
    const auto at = parsed.find("stream");
    if (at == parsed.end() || !at->is_object()) return;
    const auto encoded = at->find("base64");
    if (encoded == at->end() || !encoded->is_string()) return;
    const auto bytes = kit::from_base64(encoded->get<std::string>());
    if (!bytes) return;
    const auto number = [&](const char* key) -> std::uint64_t {
        const auto value = at->find(key);
        return value != at->end() && value->is_number_unsigned() ? value->get<std::uint64_t>() : 0;
    };
    const auto channel = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(number("channel"), std::numeric_limits<std::uint32_t>::max()));
    const std::uint64_t offset = number("offset");
    std::uint64_t& next = next_[channel];
    if (offset > next && out_.lost) out_.lost(channel, offset - next);
    next = std::max(next, offset + bytes->size());
    if (out_.stream) out_.stream(channel, *bytes);
}

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
    const std::size_t room =
        columns > words.size() + 2 ? std::min<std::size_t>(40, columns - words.size() - 2) : 0;
    const auto full = static_cast<std::size_t>(share * static_cast<double>(room));
    return std::string(full, '#') + std::string(room - full, '-') + words;
}

} // namespace agenthost::host::cli

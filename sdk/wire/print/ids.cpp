#include "ids.hpp"

#include "base/trim.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace agenthost::wire {
namespace {

constexpr std::array<std::string_view, 4> keys{"vendorId", "productId", "vendor_id", "product_id"};
constexpr std::size_t max_text = 10; // "0x" and some leading zeros

// The position of the closing quote of the string that opens at `at`.
std::size_t end_of_string(std::string_view json, std::size_t at)
{
    for (std::size_t end = json.find('"', at + 1); end != json.npos; end = json.find('"', end + 1)) {
        std::size_t escapes = 0;
        while (json[end - 1 - escapes] == '\\') ++escapes;
        if (escapes % 2 == 0) return end;
    }
    return json.npos;
}

std::size_t skip_space(std::string_view json, std::size_t at)
{
    return std::min(json.find_first_not_of(base::json_space, at), json.size());
}

std::optional<std::uint16_t> id_of(std::string_view text)
{
    if (text.size() < 3 || text.size() > max_text || text[0] != '0' || (text[1] | 0x20) != 'x')
        return std::nullopt;
    std::uint16_t id = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data() + 2, last, id, 16);
    if (error != std::errc{} || end != last) return std::nullopt;
    return id;
}

} // namespace

std::string_view with_decimal_ids(std::string_view json, std::string& memory)
{
    if (json.find("0x") == json.npos && json.find("0X") == json.npos) return json;
    memory.clear();
    std::size_t copied = 0, at = 0;
    while ((at = json.find('"', at)) != json.npos) {
        const std::size_t key_end = end_of_string(json, at);
        if (key_end == json.npos) break; // not valid JSON
        const std::string_view key = json.substr(at + 1, key_end - at - 1);
        at = skip_space(json, key_end + 1);
        if (at == json.size() || json[at] != ':' || std::find(keys.begin(), keys.end(), key) == keys.end())
            continue;
        at = skip_space(json, at + 1);
        if (at == json.size() || json[at] != '"') continue;
        const std::size_t value_end = end_of_string(json, at);
        if (value_end == json.npos) break;
        if (const auto id = id_of(json.substr(at + 1, value_end - at - 1))) {
            if (memory.empty()) memory.reserve(json.size());
            memory.append(json.substr(copied, at - copied)).append(std::to_string(*id));
            copied = value_end + 1;
        }
        at = value_end + 1;
    }
    if (copied == 0) return json;
    memory.append(json.substr(copied));
    return memory;
}

} // namespace agenthost::wire

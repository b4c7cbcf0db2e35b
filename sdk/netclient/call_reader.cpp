#include "call_reader.hpp"

#include "base/base64.hpp"
#include "base/json_depth.hpp"

#include <algorithm>
#include <limits>

namespace agenthost::netclient {

using nlohmann::json;

namespace {
constexpr std::size_t max_line_depth = base::max_json_depth + 3; // {"result":{"data":...}}
constexpr std::size_t max_line =
    64 << 20; // a result's data can be long; anything longer is not from agenthost
} // namespace

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
    const auto parsed = base::parse_json<json>(text, max_line_depth);
    if (!parsed.is_object()) return; // an empty line, or a later version's
    if (const auto at = parsed.find("progress"); at != parsed.end() && out_.progress) out_.progress(*at);
    if (const auto at = parsed.find("result"); at != parsed.end() && at->is_object()) result_ = *at;
    const auto at = parsed.find("stream");
    if (at == parsed.end() || !at->is_object()) return;
    const auto encoded = at->find("base64");
    if (encoded == at->end() || !encoded->is_string()) return;
    const auto bytes = base::from_base64(encoded->get<std::string>());
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

} // namespace agenthost::netclient

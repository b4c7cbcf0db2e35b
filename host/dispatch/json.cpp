#include "json.hpp"

#include "base/json_depth.hpp"
#include "json_scan.hpp"

#include <simdjson.h>

#include <optional>

namespace agenthost::host::json {

namespace {

// A parser keeps the memory of its largest document, so a large document gets a parser of its own.
constexpr std::size_t max_kept_bytes = 256 << 10;

template <class Use> bool parse(std::string_view text, Use use)
{
    // nlohmann, which may read the text next, recurses: it must be no deeper than a server's frame.
    // simdjson's own limit does not count empty values.
    if (text.empty() || !base::json_depth_ok(text)) return false;
    thread_local simdjson::dom::parser kept;
    std::optional<simdjson::dom::parser> own;
    simdjson::dom::parser& parser = text.size() > max_kept_bytes ? own.emplace() : kept;
    simdjson::dom::element root;
    if (parser.parse(text.data(), text.size(), true).get(root) != simdjson::SUCCESS) return false;
    return use(root);
}

} // namespace

bool valid(std::string_view text)
{
    return Scan{text}.certainly_valid() || parse(text, [](simdjson::dom::element) { return true; });
}

bool valid_object(std::string_view text)
{
    if (text.starts_with('{') && Scan{text}.certainly_valid()) return true;
    return parse(text, [](simdjson::dom::element root) { return root.is_object(); });
}

std::string status_of(std::string_view object)
{
    std::string status;
    parse(object, [&](simdjson::dom::element root) {
        std::string_view value;
        if (root["status"].get(value) == simdjson::SUCCESS) status = value;
        return true;
    });
    return status;
}

bool read_error(std::string_view text, ErrorText& out)
{
    return parse(text, [&](simdjson::dom::element root) {
        simdjson::dom::object object;
        if (root.get(object) != simdjson::SUCCESS) return false;
        const auto take = [&](const char* key, std::string& to) {
            std::string_view value;
            if (object.at_key(key).get(value) == simdjson::SUCCESS) to = value;
        };
        take("code", out.code);
        take("message", out.message);
        take("detail", out.detail);
        simdjson::dom::element data;
        if (object.at_key("data").get(data) == simdjson::SUCCESS) out.data = simdjson::minify(data);
        return true;
    });
}

} // namespace agenthost::host::json

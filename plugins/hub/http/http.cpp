#include "http.hpp"

#include "spool.hpp"

#include "base/ascii.hpp"
#include "base/json_depth.hpp"
#include "base/trim.hpp"

#include <agenthost/json.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace agenthost::hub {

using nlohmann::json;

namespace {

// Every code of the protocols' documents, of NOTES.md and of the hub itself. INSUFFICIENT_RESOURCES is 507
// like DISK_FULL: the machine lacks resources; 409 is for conflicts with something the caller can name (a
// port, an id). QUEUE_FULL and BUSY are 503: the server's state, not the caller's rate, which is 429.
constexpr std::array<std::pair<std::string_view, int>, 37> status_table{{
    {"UNKNOWN_ACTION", 400},
    {"INVALID_REQUEST", 400},
    {"INVALID_MESSAGE", 400},
    {"AUTH_FAILED", 401},
    {"DENIED", 403},
    {"PERMISSION_DENIED", 403},
    {"AGENT_NOT_FOUND", 404},
    {"SERVER_NOT_FOUND", 404},
    {"CONTAINER_NOT_FOUND", 404},
    {"FILE_NOT_FOUND", 404},
    {"TASK_NOT_FOUND", 404},
    {"PRINTER_NOT_FOUND", 404},
    {"COMMAND_NOT_FOUND", 404},
    {"NOT_FOUND", 404},
    {"METHOD_NOT_ALLOWED", 405},
    {"PORT_CONFLICT", 409},
    {"ID_REUSED", 409},
    {"CANCELLED", 409},
    {"TASK_ENDED", 409},
    {"TASK_OPEN", 409},
    {"TOO_LARGE", 413},
    {"UNSUPPORTED_TYPE", 415},
    {"CONFIG_INVALID", 422},
    {"RATE_LIMIT", 429},
    {"UNSUPPORTED", 501},
    {"NETWORK_ERROR", 502},
    {"DOCKER_ERROR", 502},
    {"INTERRUPTED", 502},
    {"INTERNAL", 502},
    {"AGENT_OFFLINE", 503},
    {"BUSY", 503},
    {"QUEUE_FULL", 503},
    {"TIMEOUT", 504},
    {"COMMAND_TIMEOUT", 504},
    {"DISK_FULL", 507},
    {"DISK_ERROR", 507},
    {"INSUFFICIENT_RESOURCES", 507},
}};

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string decode(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && base::hex_digit(text[i + 1]) >= 0 &&
            base::hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(base::hex_digit(text[i + 1]) * 16 + base::hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::optional<std::uint64_t> number(std::string_view text)
{
    std::uint64_t n = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (bad == std::errc::result_out_of_range) return UINT64_MAX;
    if (bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return n;
}

} // namespace

std::string_view Head::header(std::string_view name) const
{
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

std::optional<Head> parse_head(std::string_view text)
{
    const json root = base::parse_json<json>(text);
    if (!root.is_object()) return std::nullopt;
    const auto get = [&root](const char* key) {
        const auto it = root.find(key);
        return it != root.end() && it->is_string() ? it->get<std::string>() : std::string{};
    };
    Head head{.method = get("method"), .path = get("path"), .query = get("query"), .peer = get("peer")};
    if (const auto it = root.find("headers"); it != root.end() && it->is_object()) {
        for (const auto& [name, value] : it->items()) {
            if (value.is_string()) head.headers.emplace(name, value.get<std::string>());
        }
    }
    if (const auto it = root.find("length"); it != root.end()) head.length = json_unsigned(*it);
    if (const auto it = root.find("chunked"); it != root.end() && it->is_boolean())
        head.chunked = it->get<bool>();
    if (const auto it = root.find("tls"); it != root.end() && it->is_boolean()) head.tls = it->get<bool>();
    return head;
}

Answer json_answer(int status, std::string body)
{
    return {.status = status,
            .headers = {{"content-type", "application/json"}, {"cache-control", "no-store"}},
            .body = std::move(body)};
}

Answer error_answer(int status, std::string_view code, std::string_view message, std::string_view detail)
{
    json error{{"code", code}, {"message", message}};
    if (!detail.empty()) error["detail"] = detail;
    return json_answer(status, dump(json{{"error", std::move(error)}}));
}

Answer busy_answer(std::string_view why)
{
    Answer answer = error_answer(503, "BUSY", why.empty() ? "The hub is overloaded; try again later" : why);
    answer.headers.emplace_back("retry-after", "1");
    return answer;
}

Answer unauthorized(std::string_view why)
{
    Answer answer = error_answer(401, "AUTH_FAILED", why);
    answer.headers.emplace_back("www-authenticate", "Bearer");
    return answer;
}

std::string headers_json(const Answer& answer)
{
    json out = json::object();
    for (const auto& [name, value] : answer.headers) out[name] = value;
    return dump(out);
}

std::span<const std::pair<std::string_view, int>> status_codes() { return status_table; }

int status_of(std::string_view code, int otherwise)
{
    const auto* found = std::find_if(status_table.begin(), status_table.end(),
                                     [code](const auto& row) { return row.first == code; });
    return found == status_table.end() ? otherwise : found->second;
}

std::optional<std::string> query_value(std::string_view query, std::string_view key)
{
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        if (decode(pair.substr(0, equals)) == key)
            return decode(pair.substr(std::min(equals + 1, pair.size())));
    }
    return std::nullopt;
}

RangeKind parse_range(std::string_view range, std::string_view if_range, std::string_view etag,
                      std::uint64_t size, Range& out)
{
    out = {0, size};
    range = base::trim(range);
    if (!range.starts_with("bytes=") || range.find(',') != std::string_view::npos) return RangeKind::whole;
    if (!if_range.empty() && base::trim(if_range) != etag) return RangeKind::whole;
    range = base::trim(range.substr(6));
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) return RangeKind::whole;
    const std::string_view from = base::trim(range.substr(0, dash)), to = base::trim(range.substr(dash + 1));
    if (from.empty()) {
        const auto suffix = number(to);
        if (!suffix) return RangeKind::whole;
        if (*suffix == 0 || size == 0) return RangeKind::unsatisfiable;
        out.length = std::min(*suffix, size);
        out.first = size - out.length;
        return RangeKind::part;
    }
    const auto first = number(from);
    const auto last = to.empty() ? std::optional<std::uint64_t>{UINT64_MAX} : number(to);
    if (!first || !last || *last < *first) return RangeKind::whole;
    if (*first >= size) return RangeKind::unsatisfiable;
    out = {*first, std::min(*last, size - 1) - *first + 1};
    return RangeKind::part;
}

Answer file_head(const Head& head, std::uint64_t size, const std::string& sha256, Range& range)
{
    const std::string etag = sha256.empty() ? std::string{} : "\"" + sha256 + "\"";
    Answer answer;
    answer.headers = {{"content-type", "application/octet-stream"},
                      {"accept-ranges", "bytes"},
                      {"cache-control", "no-store"}};
    if (!etag.empty()) answer.headers.emplace_back("etag", etag);
    const std::string_view asked = head.method == "HEAD" ? std::string_view{} : head.header("range");
    switch (parse_range(asked, head.header("if-range"), etag, size, range)) {
    case RangeKind::unsatisfiable:
        answer = error_answer(416, "INVALID_REQUEST",
                              "The range is outside the file of " + std::to_string(size) + " bytes");
        answer.headers.emplace_back("content-range", "bytes */" + std::to_string(size));
        return answer;
    case RangeKind::part:
        answer.status = 206;
        answer.headers.emplace_back("content-range", "bytes " + std::to_string(range.first) + "-" +
                                                         std::to_string(range.first + range.length - 1) +
                                                         "/" + std::to_string(size));
        break;
    case RangeKind::whole: break;
    }
    if (!sha256.empty())
        answer.headers.emplace_back("x-content-sha256", sha256); // of the whole file, even with a part of it
    return answer;
}

Answer file_answer(const Head& head, std::shared_ptr<const SpoolFile> file)
{
    Range range;
    Answer answer = file_head(head, file->size(), file->sha256(), range);
    if (answer.status >= 400) return answer;
    answer.offset = range.first;
    answer.length = range.length;
    if (range.length > 0) answer.file = std::move(file);
    return answer;
}

std::optional<std::string> parse_sha256(std::string_view text)
{
    if (text.size() != 64) return std::nullopt;
    if (std::ranges::any_of(text, [](char c) { return base::hex_digit(c) < 0; })) return std::nullopt;
    return base::to_lower(text);
}

} // namespace agenthost::hub

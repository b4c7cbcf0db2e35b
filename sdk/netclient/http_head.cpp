#include "http_head.hpp"

#include "base/ascii.hpp"
#include "base/parse_number.hpp"
#include "base/trim.hpp"

#include <algorithm>
#include <vector>

namespace agenthost::netclient {

namespace {

constexpr std::size_t max_empty_lines = 4; // bytes of them before the status line

bool digit(char c) { return c >= '0' && c <= '9'; }

bool clean(std::string_view text)
{
    return text.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
}

bool is_token(std::string_view name)
{
    static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return digit(c) || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z') ||
               others.find(c) != std::string_view::npos;
    });
}

// The elements of a comma-separated list, empty ones left out.
std::vector<std::string_view> elements(std::string_view list)
{
    std::vector<std::string_view> out;
    for (std::size_t at = 0; at <= list.size();) {
        const auto comma = std::min(list.find(',', at), list.size());
        if (const auto one = base::trim(list.substr(at, comma - at)); !one.empty()) out.push_back(one);
        at = comma + 1;
    }
    return out;
}

// A head before its fields are interpreted.
struct RawHead {
    ResponseHead head;
    int minor = 1; // of HTTP/1.x

    [[nodiscard]] bool has(std::string_view name) const { return head.fields.contains(name); }
};

// "HTTP/1.1 200 OK", also without a reason or the space before it. False: not a status line.
bool read_status_line(std::string_view line, RawHead& head)
{
    if (line.size() < 12 || !line.starts_with("HTTP/1.") || !digit(line[7]) || line[8] != ' ') return false;
    const auto code = line.substr(9, 3);
    if (!std::all_of(code.begin(), code.end(), digit) || (line.size() > 12 && line[12] != ' ')) return false;
    head.minor = line[7] - '0';
    head.head.status = static_cast<int>(*base::parse_number<std::uint64_t>(code));
    return head.head.status >= 100;
}

const char* add_field(std::string_view line, RawHead& head)
{
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        return "a header line has no valid name";
    const auto name = base::to_lower(line.substr(0, colon));
    auto& value = head.head.fields[name];
    const auto more = base::trim(line.substr(colon + 1));
    if (name == "location" && !value.empty())
        return value == more ? nullptr : "two different Location fields";
    if (!value.empty() && !more.empty()) value += ", ";
    value += more;
    return nullptr;
}

// Null, or what is wrong. `text` is a whole head without leading empty lines.
const char* read_head(std::string_view text, RawHead& head)
{
    bool first = true;
    std::string pending; // a field whose next line may be a continuation
    while (!text.empty()) {
        const auto lf = text.find('\n');
        std::string_view line = text.substr(0, lf);
        text.remove_prefix(lf + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!clean(line)) return "a CR or NUL inside a line";
        if (first) {
            if (!read_status_line(line, head)) return "the status line is malformed";
            first = false;
        } else if (!line.empty() && base::blanks.find(line.front()) !=
                                        base::blanks.npos) { // obs-fold (RFC 9112, 5.2): one space
            if (pending.empty()) return "white space before the first header line";
            (pending += ' ') += base::trim(line);
        } else {
            if (!pending.empty())
                if (const char* why = add_field(pending, head)) return why;
            pending = line;
        }
    }
    return nullptr;
}

// How the body ends (RFC 9112, 6.3).
HeadResult read_framing(RawHead& raw, std::string& why)
{
    ResponseHead& head = raw.head;
    if (head.status == 101) return HeadResult::complete; // no body: the other protocol follows
    if (head.status == 204 || head.status == 205 || head.status == 304) { // whatever its fields say
        head.length = 0;
        return HeadResult::complete;
    }
    if (raw.has("transfer-encoding")) {
        if (raw.minor == 0) return why = "a transfer coding in HTTP/1.0", HeadResult::bad;
        if (raw.has("content-length"))
            return why = "both Content-Length and Transfer-Encoding", HeadResult::bad;
        if (const auto coding = base::to_lower(head.header("transfer-encoding")); coding != "chunked")
            return why = "the answer's transfer coding is " + coding.substr(0, 40) +
                         ", which was not requested",
                   HeadResult::unsupported;
        head.chunked = true;
        return HeadResult::complete;
    }
    if (!raw.has("content-length")) return HeadResult::complete; // until the connection ends
    const auto lengths = elements(head.header("content-length"));
    for (const auto one : lengths)
        if (!base::parse_number<std::uint64_t>(one) ||
            base::parse_number<std::uint64_t>(one) != base::parse_number<std::uint64_t>(lengths.front()))
            return why = "the answer's Content-Length is not usable", HeadResult::bad;
    if (lengths.empty()) return why = "the answer's Content-Length is empty", HeadResult::bad;
    head.length = base::parse_number<std::uint64_t>(lengths.front());
    return HeadResult::complete;
}

std::size_t empty_lines(std::string_view text)
{
    std::size_t n = 0;
    while (n < text.size() && n < max_empty_lines && (text[n] == '\r' || text[n] == '\n')) ++n;
    return n;
}

} // namespace

std::size_t end_of_head(std::string_view text)
{
    for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
        if (text.substr(at + 1, 1) == "\n") return at + 2;
        if (text.substr(at + 1, 2) == "\r\n") return at + 3;
    }
    return std::string_view::npos;
}

std::size_t skip_interim(std::string_view text, int& count)
{
    std::size_t at = 0;
    for (;;) {
        const auto rest = text.substr(at + empty_lines(text.substr(at)));
        const auto end = end_of_head(rest);
        RawHead raw;
        if (end == std::string_view::npos || read_head(rest.substr(0, end), raw) || raw.head.status > 199 ||
            raw.head.status == 101)
            return at;
        at = static_cast<std::size_t>(rest.data() - text.data()) + end;
        ++count;
    }
}

std::string_view ResponseHead::header(std::string_view name) const
{
    const auto at = fields.find(name);
    return at == fields.end() ? std::string_view{} : at->second;
}

HeadResult parse_response_head(std::string_view text, ResponseHead& head, std::string& why,
                               Switching switching)
{
    int interim = 0;
    std::size_t at = skip_interim(text, interim);
    at += empty_lines(text.substr(at));
    const auto rest = text.substr(at);
    if (!rest.substr(0, 5).starts_with(std::string_view{"HTTP/"}.substr(0, rest.size())))
        return why = "the answer is not HTTP", HeadResult::bad;
    const auto end = end_of_head(rest);
    if (end == std::string_view::npos) {
        if (text.size() < max_head) return HeadResult::more;
        return why = "the answer's head is longer than 32 KiB", HeadResult::bad;
    }
    RawHead raw;
    if (const char* wrong = read_head(rest.substr(0, end), raw))
        return why = std::string{"the answer is not HTTP: "} + wrong, HeadResult::bad;
    if (raw.head.status == 101 && switching == Switching::refused)
        return why = "the server switched protocols without a request for it", HeadResult::unsupported;
    raw.head.size = at + end;
    const HeadResult result = read_framing(raw, why);
    head = std::move(raw.head);
    return result;
}

std::string content_coding(const ResponseHead& head)
{
    std::string coding = base::to_lower(head.header("content-encoding"));
    return coding == "identity" ? std::string{} : coding;
}

std::optional<ContentRange> parse_content_range(std::string_view text)
{
    if (!text.starts_with("bytes ")) return std::nullopt;
    text.remove_prefix(6);
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    ContentRange range;
    const auto total = text.substr(slash + 1), part = text.substr(0, slash);
    if (total != "*" && !(range.total = base::parse_number<std::uint64_t>(total))) return std::nullopt;
    if (part == "*") return range;
    const auto dash = part.find('-');
    if (dash == std::string_view::npos ||
        !(range.first = base::parse_number<std::uint64_t>(part.substr(0, dash))))
        return std::nullopt;
    const auto last = base::parse_number<std::uint64_t>(part.substr(dash + 1));
    if (!last || *last < *range.first || (range.total && *last >= *range.total)) return std::nullopt;
    return range;
}

std::string request_head(std::string_view method, std::string_view host, std::string_view target,
                         const Headers& headers)
{
    std::string text{method};
    ((text += ' ') += target) += " HTTP/1.1\r\nHost: ";
    (text += host) += "\r\n";
    const bool connection = std::any_of(headers.begin(), headers.end(), [](const auto& each) {
        return base::equal_ignoring_case(each.first, "connection");
    });
    if (!connection) text += "Connection: close\r\n";
    for (const auto& [name, value] : headers) {
        if (name.empty() || !clean(name) || !clean(value) || name.find(':') != std::string::npos) continue;
        (((text += name) += ": ") += value) += "\r\n";
    }
    return text += "\r\n";
}

std::string request_head(std::string_view method, const Url& url, const Headers& headers)
{
    return request_head(method, url.authority(), url.target, headers);
}

} // namespace agenthost::netclient

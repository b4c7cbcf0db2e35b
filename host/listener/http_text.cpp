#include "http_text.hpp"

#include "base/ascii.hpp"
#include "base/json_writer.hpp"
#include "base/trim.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>

namespace agenthost::host::listener {
namespace {

bool percent_decode(std::string_view in, std::string& out)
{
    for (std::size_t i = 0; i < in.size(); ++i) {
        if (in[i] != '%') {
            out += in[i];
            continue;
        }
        if (i + 2 >= in.size()) return false;
        const int high = base::hex_digit(in[i + 1]), low = base::hex_digit(in[i + 2]);
        if (high < 0 || low < 0) return false;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return true;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// "//" and "." are dropped. ".." is refused, not resolved: no honest client sends it, and resolving has been
// a source of security holes.
bool normalise(std::string_view decoded, std::string& path)
{
    const bool folder = decoded.ends_with('/') || decoded.ends_with("/.");
    while (!decoded.empty()) {
        const std::size_t slash = decoded.find('/');
        const std::string_view segment = decoded.substr(0, slash);
        decoded.remove_prefix(slash == std::string_view::npos ? decoded.size() : slash + 1);
        if (segment.empty() || segment == ".") continue;
        if (segment == "..") return false;
        path += '/';
        path += segment;
    }
    if (path.empty() || folder) path += '/';
    return true;
}

bool is_token(std::string_view name)
{
    static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               others.find(c) != std::string_view::npos;
    });
}

bool is_field_value(std::string_view value)
{
    return std::ranges::none_of(
        value, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

// Checks the lines of a head: each by itself in line(), all together in verdict().
struct Framing {
    int lengths = 0, encodings = 0, hosts = 0;
    bool chunked_only = true, old_version = false;

    std::string_view line(std::string_view line)
    {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
            return "a header line has no valid name";
        const std::string name = base::to_lower(line.substr(0, colon));
        const std::string_view value = base::trim(line.substr(colon + 1));
        if (!is_field_value(value)) return "a header value has control characters";
        if (name == "content-length") {
            ++lengths;
            if (value.empty() || value.size() > 18 ||
                value.find_first_not_of("0123456789") != std::string_view::npos) {
                return "Content-Length is not a number";
            }
        } else if (name == "transfer-encoding") {
            ++encodings;
            chunked_only = chunked_only && base::to_lower(value) == "chunked";
        } else if (name == "host") {
            ++hosts;
        }
        return {};
    }

    [[nodiscard]] std::string_view verdict() const
    {
        if (lengths > 0 && encodings > 0) return "both Content-Length and Transfer-Encoding";
        if (lengths > 1) return "more than one Content-Length";
        if (encodings > 1 || (encodings == 1 && !chunked_only))
            return "a Transfer-Encoding other than chunked";
        if (encodings > 0 && old_version) return "Transfer-Encoding in HTTP/1.0";
        if (hosts > 1) return "more than one Host";
        if (hosts == 0 && !old_version) return "no Host";
        return {};
    }
};

} // namespace

std::optional<Target> parse_target(std::string_view target)
{
    if (!target.starts_with('/')) { // absolute form, as proxies send it
        const std::size_t scheme = target.find("://");
        if (scheme == std::string_view::npos || target.substr(0, scheme).find('/') != std::string_view::npos)
            return std::nullopt;
        const std::size_t slash = target.find_first_of("/?", scheme + 3);
        if (slash == std::string_view::npos) return Target{"/", {}};
        target.remove_prefix(slash);
        if (target.starts_with('?')) return Target{"/", std::string{target.substr(1)}};
    }
    if (target.find('#') != std::string_view::npos) return std::nullopt;
    Target result;
    const std::size_t question = target.find('?');
    if (question != std::string_view::npos) result.query = target.substr(question + 1);
    std::string decoded;
    if (!percent_decode(target.substr(0, question), decoded)) return std::nullopt;
    if (decoded.find('\0') != std::string::npos || !is_utf8(decoded) || !is_utf8(result.query))
        return std::nullopt;
    if (!normalise(decoded, result.path)) return std::nullopt;
    return result;
}

std::optional<Headers> parse_headers_json(std::string_view json)
{
    if (json.empty()) return Headers{};
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(json.data(), json.size()).get(object)) return std::nullopt;
    static constexpr std::array<std::string_view, 4> ours{"content-length", "transfer-encoding", "connection",
                                                          "keep-alive"};
    Headers headers;
    for (const auto [key, value] : object) {
        std::string_view text;
        if (value.get(text) || !is_token(key) || !is_field_value(text)) return std::nullopt;
        if (std::ranges::find(ours, base::to_lower(key)) != ours.end()) continue;
        headers.emplace_back(key, text);
    }
    return headers;
}

std::string_view as_utf8(std::string_view text, std::string& memory)
{
    if (is_utf8(text)) return text;
    memory.clear();
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            memory += c;
        } else {
            memory += static_cast<char>(0xc0 | (byte >> 6));
            memory += static_cast<char>(0x80 | (byte & 0x3f));
        }
    }
    return memory;
}

std::string_view head_problem(std::string_view head)
{
    Framing framing;
    bool first = true;
    while (!head.empty()) {
        const std::size_t end = head.find("\r\n");
        const std::string_view line = head.substr(0, end);
        if (line.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos)
            return "a bare CR, LF or NUL";
        if (end == std::string_view::npos) return "no line end";
        head.remove_prefix(end + 2);
        if (line.empty()) break;
        if (first) {
            if (line.ends_with(" HTTP/1.0"))
                framing.old_version = true;
            else if (!line.ends_with(" HTTP/1.1"))
                return "not HTTP/1.1";
            first = false;
            continue;
        }
        if (line.front() == ' ' || line.front() == '\t') return "a folded header line";
        if (const auto problem = framing.line(line); !problem.empty()) return problem;
    }
    return first ? "no request line" : framing.verdict();
}

const char* reason_phrase(int status)
{
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return status < 300 ? "OK" : status < 400 ? "Redirect" : "Error";
    }
}

std::string answer_head(int status, const Headers& headers, std::optional<std::uint64_t> length, bool chunked,
                        std::string_view connection)
{
    std::string text = "HTTP/1.1 " + std::to_string(status) + ' ' + reason_phrase(status) + "\r\n";
    for (const auto& [name, value] : headers) text.append(name).append(": ").append(value).append("\r\n");
    if (length) text += "Content-Length: " + std::to_string(*length) + "\r\n";
    if (chunked) text += "Transfer-Encoding: chunked\r\n";
    if (!connection.empty()) text.append("Connection: ").append(connection).append("\r\n");
    return text + "\r\n";
}

std::string error_body(std::string_view code, std::string_view message)
{
    std::string out, code_memory, message_memory;
    base::JsonWriter json{out};
    json.object().object("error");
    json.member("code", as_utf8(code, code_memory)).member("message", as_utf8(message, message_memory));
    json.end().end();
    return out;
}

} // namespace agenthost::host::listener

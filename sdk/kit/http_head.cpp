#include "http_head.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <charconv>

namespace agenthost::kit {

namespace http = boost::beast::http;

namespace {

std::string text_of(const http::fields& fields, http::field name)
{
    const auto value = fields[name];
    return {value.data(), value.size()};
}

std::optional<std::uint64_t> number(std::string_view text)
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool clean(std::string_view text)
{
    return text.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
}

} // namespace

HeadResult parse_response_head(std::string_view text, ResponseHead& head, std::string& why)
{
    std::size_t at = 0;
    for (int informational = 0;; ++informational) {
        if (informational > 8) return why = "the answer never comes, only 1xx", HeadResult::bad;
        const auto rest = text.substr(at);
        if (!rest.substr(0, 5).starts_with(std::string_view{"HTTP/"}.substr(0, rest.size())))
            return why = "the answer is not HTTP", HeadResult::bad;
        if (rest.find("\r\n\r\n") == std::string_view::npos) { // not worth a parser yet
            if (text.size() < max_head) return HeadResult::more;
            return why = "the answer's head is longer than 32 KiB", HeadResult::bad;
        }
        http::response_parser<http::empty_body> parser;
        parser.header_limit(static_cast<std::uint32_t>(max_head));
        parser.body_limit(boost::none);
        parser.skip(true); // the body is read straight from the socket
        boost::system::error_code error;
        const auto used = parser.put(boost::asio::const_buffer{rest.data(), rest.size()}, error);
        if (!error && !parser.is_header_done()) error = http::error::partial_message;
        if (error) return why = "the answer is not HTTP: " + error.message(), HeadResult::bad;
        at += used;
        const auto& message = parser.get();
        head.status = static_cast<int>(message.result_int());
        if (head.status >= 100 && head.status < 200) {
            if (head.status == 101) return why = "the server switched protocols unasked", HeadResult::bad;
            continue;
        }
        head.chunked = parser.chunked();
        if (!head.chunked && message.count(http::field::transfer_encoding) != 0)
            return why = "the answer's transfer encoding is not supported", HeadResult::bad;
        if (const auto length = text_of(message, http::field::content_length); !length.empty()) {
            head.length = number(length);
            if (!head.length || head.chunked)
                return why = "the answer's Content-Length is not usable", HeadResult::bad;
        }
        head.location = text_of(message, http::field::location);
        head.etag = text_of(message, http::field::etag);
        head.last_modified = text_of(message, http::field::last_modified);
        head.date = text_of(message, http::field::date);
        head.content_range = text_of(message, http::field::content_range);
        head.content_encoding = text_of(message, http::field::content_encoding);
        head.size = at;
        return HeadResult::complete;
    }
}

std::optional<ContentRange> parse_content_range(std::string_view text)
{
    if (!text.starts_with("bytes ")) return std::nullopt;
    text.remove_prefix(6);
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    ContentRange range;
    const auto total = text.substr(slash + 1), part = text.substr(0, slash);
    if (total != "*" && !(range.total = number(total))) return std::nullopt;
    if (part == "*") return range;
    const auto dash = part.find('-');
    if (dash == std::string_view::npos || !(range.first = number(part.substr(0, dash)))) return std::nullopt;
    const auto last = number(part.substr(dash + 1));
    if (!last || *last < *range.first || (range.total && *last >= *range.total)) return std::nullopt;
    return range;
}

std::string request_head(std::string_view method, const Url& url, const Headers& headers)
{
    std::string text{method};
    ((text += ' ') += url.target) += " HTTP/1.1\r\nHost: ";
    (text += url.authority()) += "\r\nConnection: close\r\n";
    for (const auto& [name, value] : headers) {
        if (name.empty() || !clean(name) || !clean(value) || name.find(':') != std::string::npos) continue;
        (((text += name) += ": ") += value) += "\r\n";
    }
    return text += "\r\n";
}

} // namespace agenthost::kit

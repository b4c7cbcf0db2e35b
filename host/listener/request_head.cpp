#include "request_head.hpp"

#include "base/ascii.hpp"
#include "base/hash.hpp"
#include "base/json_writer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>

namespace agenthost::host::listener {
namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

// In bytes.
constexpr std::size_t max_empty_lines = 8;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// Names in lower case; lines with the same name are joined.
std::vector<std::pair<std::string, std::string>> fields_of(const WebSocket::Request& request)
{
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& field : request) {
        std::string name = base::to_lower(view(field.name_string()));
        const auto same =
            std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == name; });
        if (same == fields.end())
            fields.emplace_back(std::move(name), field.value());
        else
            same->second.append(", ").append(field.value());
    }
    return fields;
}

// Nullopt and a refusal if the head is invalid.
std::optional<WebSocket::Request> parsed(std::string_view bytes, std::optional<Refusal>& refusal)
{
    if (const auto problem = head_problem(bytes); !problem.empty()) {
        refusal = {400, "BAD_REQUEST", std::string{problem}};
        return std::nullopt;
    }
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(bytes.size() + 1));
    parser.body_limit(boost::none);
    net::error_code ec;
    parser.put(asio::buffer(bytes), ec);
    if ((ec && ec != http::error::need_more && ec != http::error::unexpected_body) ||
        !parser.is_header_done()) {
        refusal = {400, "BAD_REQUEST", ec.message()};
        return std::nullopt;
    }
    return parser.release();
}

} // namespace

std::size_t HeadCollector::feed(std::string_view in, std::size_t max)
{
    std::size_t skip = 0;
    if (bytes_.empty()) { // empty lines before a request are tolerated (RFC 9112, 2.2), but only a few
        while (skip < in.size() && empty_lines_ < max_empty_lines && (in[skip] == '\r' || in[skip] == '\n'))
            ++skip, ++empty_lines_;
        in.remove_prefix(skip);
        if (in.empty()) return skip;
    }
    const std::size_t before = bytes_.size();
    bytes_.append(in.substr(0, max + 1 - std::min(max, before)));
    const std::size_t end = bytes_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    if (end != std::string::npos) bytes_.resize(end + 4);
    if (bytes_.size() > max)
        state_ = State::too_large;
    else if (end != std::string::npos)
        state_ = State::whole;
    return skip + bytes_.size() - before;
}

std::string_view RequestFacts::connection_field() const
{
    if (!keep_alive) return "close";
    return http10 ? "keep-alive" : "";
}

RequestHead parse_request(std::string_view bytes)
{
    RequestHead head;
    RequestFacts& facts = head.facts;
    facts.keep_alive = false; // until the request is known to be valid
    auto request = parsed(bytes, head.refusal);
    if (!request) return head;
    head.request = std::move(*request);
    facts.http10 = head.request.version() < 11;
    facts.head_only = head.request.method() == http::verb::head;
    facts.chunked = head.request.count(http::field::transfer_encoding) != 0;
    if (const auto length = head.request[http::field::content_length]; !length.empty())
        facts.length = std::stoull(std::string{length});
    facts.body_unread = facts.chunked || facts.length != 0;
    if (const auto expect = head.request[http::field::expect]; !expect.empty()) {
        if (!base::equal_ignoring_case(view(expect), "100-continue")) {
            head.refusal = {417, "EXPECTATION_FAILED", "only 100-continue is supported"};
            return head;
        }
        facts.expects_continue = facts.body_unread && !facts.http10;
    }
    auto target = parse_target(view(head.request.target()));
    if (!target || head.request.method() == http::verb::connect) {
        head.refusal = {400, "BAD_REQUEST", "the request's target is not a path"};
        return head;
    }
    head.target = std::move(*target);
    facts.keep_alive = head.request.keep_alive();
    return head;
}

std::string head_json(const WebSocket::Request& request, const Target& target, const RequestFacts& facts,
                      const RequestOrigin& origin)
{
    std::string out, memory;
    base::JsonWriter json{out};
    const auto member = [&](std::string_view key, std::string_view text) {
        std::string key_memory;
        json.member(as_utf8(key, key_memory), as_utf8(text, memory));
    };
    json.object();
    member("method", view(request.method_string()));
    member("path", target.path);
    member("query", target.query);
    json.object("headers");
    for (const auto& [name, value] : fields_of(request)) member(name, value);
    json.end();
    member("peer", origin.peer);
    if (!origin.proxy.empty()) member("proxy", origin.proxy);
    member("listener", origin.listener);
    json.member("tls", origin.tls);
    if (!origin.spki.empty()) json.member("spki", base::hex(origin.spki.data(), origin.spki.size()));
    if (facts.chunked)
        json.member("chunked", true);
    else if (request.count(http::field::content_length) != 0)
        json.member("length", facts.length);
    json.end();
    return out;
}

} // namespace agenthost::host::listener

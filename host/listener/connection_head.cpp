// Request heads: collected, checked against smuggling, parsed by Beast, routed and told to the plugin.
#include "connection.hpp"

#include "base/json_writer.hpp"

#include <boost/beast/http/parser.hpp>

#include <algorithm>

namespace agenthost::host::listener {
namespace http = boost::beast::http;

namespace {

constexpr std::size_t max_empty_lines = 8; // bytes of them

bool equals(std::string_view a, std::string_view b)
{
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return (x | 32) == (y | 32); });
}

} // namespace

void Connection::read_head()
{
    if (!collect_head()) return;
    parse_head();
}

// True when head_ holds a whole head; bytes after it stay in the stream.
bool Connection::collect_head()
{
    for (;;) {
        error_code ec;
        std::string_view in = stream_->peek(ec);
        if (ec) {
            if (ec == asio::error::would_block)
                arm_read();
            else
                gone();
            return false;
        }
        if (head_.empty()) {
            std::size_t skip =
                0; // an empty line before a request is tolerated (RFC 9112, 2.2); not a stream of them
            while (skip < in.size() && empty_lines_ < max_empty_lines &&
                   (in[skip] == '\r' || in[skip] == '\n'))
                ++skip, ++empty_lines_;
            stream_->consume(skip);
            in.remove_prefix(skip);
            if (in.empty()) continue;
            since_ = Clock::now(); // the head's own time begins
        }
        const std::size_t before = head_.size();
        const std::size_t limit = settings_->config.header_bytes;
        head_.append(in.substr(0, limit + 1 - std::min(limit, before)));
        const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
        const std::size_t wanted = end == std::string::npos ? head_.size() : end + 4;
        stream_->consume(wanted - before);
        head_.resize(wanted);
        if (wanted > limit) {
            refuse(431, "HEADER_TOO_LARGE", "the request's head is larger than this listener takes");
            return false;
        }
        if (end != std::string::npos) return true;
    }
}

void Connection::parse_head()
{
    ++listening_->requests;
    empty_lines_ = 0;
    keep_alive_ = head_request_ = body_unread_ = false; // until the request is known to be sound
    if (const auto problem = head_problem(head_); !problem.empty())
        return refuse(400, "BAD_REQUEST", problem);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(head_.size() + 1));
    parser.body_limit(boost::none);
    error_code ec;
    parser.put(asio::buffer(head_), ec);
    if ((ec && ec != http::error::need_more && ec != http::error::unexpected_body) ||
        !parser.is_header_done()) {
        return refuse(400, "BAD_REQUEST", ec.message());
    }
    Request request = parser.release();
    head_ = {}; // its memory too: an idle connection is small
    http10_ = request.version() < 11;
    head_request_ = request.method() == http::verb::head;
    chunked_ = request.count(http::field::transfer_encoding) != 0;
    length_ = 0;
    if (const auto length = request[http::field::content_length]; !length.empty())
        length_ = std::stoull(std::string{length});
    body_unread_ = chunked_ || length_ != 0;
    expects_ = false;
    if (const auto expect = request[http::field::expect]; !expect.empty()) {
        if (!equals({expect.data(), expect.size()}, "100-continue"))
            return refuse(417, "EXPECTATION_FAILED", "only 100-continue is known");
        expects_ = body_unread_ && !http10_;
    }
    const auto target = parse_target({request.target().data(), request.target().size()});
    if (!target || request.method() == http::verb::connect)
        return refuse(400, "BAD_REQUEST", "the request's target is not a path");
    keep_alive_ = request.keep_alive() && !draining_ && !server_->draining;
    begin_exchange(std::move(request), *target);
}

void Connection::begin_exchange(Request request, const Target& target)
{
    const Handshake handshake = websocket_handshake(request);
    RoutePtr route =
        handshake == Handshake::no ? nullptr : server_->routes.match(listening_->name, true, target.path);
    const bool websocket = route != nullptr;
    if (!route) route = server_->routes.match(listening_->name, false, target.path);
    if (!route) {
        const bool other =
            handshake == Handshake::no && [&] { // a WebSocket path asked for without the upgrade
                const auto ws = server_->routes.match(listening_->name, true, target.path);
                if (ws) Routes::release(*ws);
                return ws != nullptr;
            }();
        if (other)
            return refuse(426, "UPGRADE_REQUIRED", "this path is a WebSocket", "Upgrade: websocket\r\n");
        return refuse(404, "NOT_FOUND", "no such path");
    }
    if (websocket && (handshake == Handshake::bad || body_unread_)) {
        Routes::release(*route);
        return refuse(400, "BAD_REQUEST", "not a WebSocket handshake of version 13",
                      "Sec-WebSocket-Version: 13\r\n");
    }
    if (!find_client(request)) {
        Routes::release(*route);
        return;
    }
    exchange_ = std::make_shared<Exchange>(shared_from_this(), std::move(route), websocket);
    server_->exchanges.add(exchange_);
    const std::string json = head_json(request, target);
    upgrade_ = websocket ? std::make_unique<Request>(std::move(request)) : nullptr;
    status_ = 0;
    enter(State::pending);
    const auto exchange = exchange_;
    exchange->route->api.on_request(exchange->route->ctx, exchange->id, {json.data(), json.size()});
    if (state_ == State::pending) watch_peer();
}

std::string Connection::head_json(const Request& request, const Target& target) const
{
    std::string out, memory;
    base::JsonWriter json{out};
    const auto member = [&](std::string_view key, std::string_view text) {
        std::string key_memory;
        json.member(as_utf8(key, key_memory), as_utf8(text, memory));
    };
    json.object();
    member("method", {request.method_string().data(), request.method_string().size()});
    member("path", target.path);
    member("query", target.query);
    json.object("headers");
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& field : request) {
        std::string name{field.name_string()};
        for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        const auto same =
            std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == name; });
        if (same == fields.end())
            fields.emplace_back(std::move(name), field.value());
        else
            same->second.append(", ").append(field.value());
    }
    for (const auto& [name, value] : fields) member(name, value);
    json.end();
    member("peer", peer_);
    if (proxied_) member("proxy", stream_->peer());
    member("listener", listening_->name);
    json.member("tls", stream_->tls());
    if (const auto spki = stream_->peer_spki(); !spki.empty())
        json.member("spki", base::hex(spki.data(), spki.size()));
    if (chunked_)
        json.member("chunked", true);
    else if (request.count(http::field::content_length) != 0)
        json.member("length", length_);
    json.end();
    return out;
}

} // namespace agenthost::host::listener

#include "link_ends.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <string>

namespace agenthost::host {
namespace {

// Returns the status of an HTTP error in the last bytes read, "400 Bad Request"; empty: none. Some servers
// accept the upgrade and then send an HTTP error in place of a frame; parsed as a frame it would only be a
// "fragmented control frame".
std::string http_error_in(std::string_view tail)
{
    const std::size_t at = tail.rfind("HTTP/1.");
    if (at == tail.npos) return {};
    std::string_view line = tail.substr(at, std::min(tail.find_first_of("\r\n", at), tail.size()) - at);
    constexpr std::size_t version = 9; // "HTTP/1.1 "
    if (line.size() < version + 3 || line[version - 1] != ' ') return {};
    line.remove_prefix(version);
    const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9'; };
    if (line[0] < '2' || line[0] > '5' || !digit(1) || !digit(2)) return {}; // 101 is not an error
    return netclient::printable(line, 80);
}

} // namespace

Link::End upgrade_declined(const netclient::Url& url, unsigned status)
{
    const bool refused = status == 401 || status == 403;
    const std::string_view advice = refused         ? ". Check credential and headers"
                                    : status == 426 ? ". A proxy in front of the server drops the Upgrade "
                                                      "header; nginx needs proxy_http_version 1.1 and the "
                                                      "headers Upgrade and Connection"
                                                    : ". Check the path in url";
    const auto words = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    std::string why = netclient::shown_url((url.tls ? "wss://" : "ws://") + url.authority() + url.target) +
                      " answered " + std::to_string(status) + " " + std::string{words};
    return {why.append(advice), refused};
}

Link::End closed_by_server(int code, std::string_view reason)
{
    const std::string words = netclient::printable(reason, reason.size());
    std::string why = "the server closed the session (" + std::to_string(code);
    if (!words.empty()) why += ": " + words;
    constexpr int policy_violation = 1008;
    return {why + ")", code == policy_violation, code, words};
}

Link::End broke_protocol(boost::system::error_code ec, std::string_view seen)
{
    const std::string error = http_error_in(seen);
    if (error.empty()) return {"the connection: " + ec.message()};
    return {
        "the server accepted the upgrade with 101 and then wrote an HTTP error (" + error +
        ") where a WebSocket frame was due. What answers at this path, or a proxy in front of it, is not a "
        "WebSocket endpoint or is misconfigured"};
}

} // namespace agenthost::host

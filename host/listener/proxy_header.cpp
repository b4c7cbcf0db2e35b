#include "proxy_header.hpp"

#include <algorithm>

namespace agenthost::host::listener {
namespace {

constexpr std::string_view signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view text_start = "PROXY ";
// The fixed part of version 2: signature, version and command, family, length.
constexpr std::size_t fixed = 16;
constexpr std::size_t max_line = 107;

unsigned byte(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }
unsigned pair(std::string_view bytes, std::size_t at) { return byte(bytes, at) << 8 | byte(bytes, at + 1); }

std::string_view next_field(std::string_view& rest)
{
    const auto space = rest.find(' ');
    const auto out = rest.substr(0, space);
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
    return out;
}

} // namespace

std::size_t ProxyHeader::wants() const
{
    if (state_ != State::more) return 0;
    if (bytes_.size() < signature.size()) return signature.size() - bytes_.size();
    if (!bytes_.starts_with(signature)) return 1; // version 1: its end is found byte by byte
    if (bytes_.size() < fixed) return fixed - bytes_.size();
    return fixed + pair(bytes_, 14) - bytes_.size();
}

ProxyHeader::State ProxyHeader::feed(std::string_view bytes)
{
    bytes_ += bytes.substr(0, wants());
    return state_ = judge();
}

ProxyHeader::State ProxyHeader::judge()
{
    if (bytes_.empty()) return State::more;
    const auto begins = [this](std::string_view what) {
        const auto n = std::min(what.size(), bytes_.size());
        return std::string_view{bytes_}.substr(0, n) == what.substr(0, n);
    };
    if (begins(signature)) return bytes_.size() < fixed ? State::more : judge_binary();
    if (begins(text_start)) return judge_text();
    return State::bad;
}

ProxyHeader::State ProxyHeader::judge_text()
{
    if (!bytes_.ends_with("\r\n")) return bytes_.size() < max_line ? State::more : State::bad;
    std::string_view rest{bytes_.data(), bytes_.size() - 2};
    if (rest.size() < text_start.size()) return State::bad;
    rest.remove_prefix(text_start.size());
    const auto family = next_field(rest);
    if (family == "UNKNOWN") return State::done; // the rest of the line is ignored
    if (family != "TCP4" && family != "TCP6") return State::bad;
    const auto source = netclient::parse_ip(next_field(rest));
    const auto destination = netclient::parse_ip(next_field(rest));
    const auto port = netclient::parse_endpoint("0.0.0.0:" + std::string{next_field(rest)});
    const auto other = netclient::parse_endpoint("0.0.0.0:" + std::string{next_field(rest)});
    const bool four = family == "TCP4";
    if (!source || !destination || !port || !other || !rest.empty() || (four && !source->v4()))
        return State::bad;
    client_ = netclient::IpEndpoint{*source, port->port};
    return State::done;
}

ProxyHeader::State ProxyHeader::judge_binary()
{
    const std::string_view all{bytes_};
    const unsigned version = byte(all, 12) >> 4, command = byte(all, 12) & 15, family = byte(all, 13) >> 4;
    const std::size_t length = pair(all, 14);
    if (version != 2 || command > 1 || fixed + length > max_bytes) return State::bad;
    const std::size_t addresses = family == 1 ? 12 : family == 2 ? 36 : family == 3 ? 216 : 0;
    if (family > 3 || length < addresses) return State::bad;
    if (all.size() < fixed + length) return State::more;
    if (command == 0) return State::done; // LOCAL: the proxy's own connection
    netclient::IpEndpoint client;
    if (family == 1) {
        client.ip = *netclient::parse_ip("0.0.0.0");
        std::copy_n(all.begin() + fixed, 4, client.ip.bytes.begin() + 12);
        client.port = static_cast<std::uint16_t>(pair(all, fixed + 8));
    } else if (family == 2) {
        std::copy_n(all.begin() + fixed, 16, client.ip.bytes.begin());
        client.port = static_cast<std::uint16_t>(pair(all, fixed + 32));
    }
    if (family == 1 || family == 2) client_ = client;
    return State::done;
}

} // namespace agenthost::host::listener

#include "prepare.hpp"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace agenthost::host {
namespace {

using boost::asio::ip::tcp;

constexpr std::size_t most_addresses = 8;

struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

std::vector<tcp::endpoint> look_up(const Url& url, std::string& problem)
{
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* raw = nullptr;
    const int error = getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &raw);
    const std::unique_ptr<addrinfo, FreeAddresses> list{raw};
    std::vector<tcp::endpoint> found;
    if (error != 0) {
        problem = "cannot look up " + url.host + ": " +
                  (error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error)) +
                  ". Check the name in url and /etc/resolv.conf";
        return found;
    }
    for (const addrinfo* each = list.get(); each && found.size() < most_addresses; each = each->ai_next) {
        tcp::endpoint endpoint;
        if (each->ai_addrlen > endpoint.capacity()) continue;
        std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
        endpoint.resize(each->ai_addrlen);
        found.push_back(endpoint);
    }
    return found;
}

bool loopback(const boost::asio::ip::address& address)
{
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).is_loopback();
    }
    return address.is_loopback();
}

// Something that would end a header line early, or is no name.
bool bad_header(const std::pair<const std::string, std::string>& header)
{
    const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
    const auto no_name = [&](char c) {
        return control(c) || c == ' ' || c == ':' || static_cast<unsigned char>(c) >= 0x80;
    };
    return header.first.empty() || std::any_of(header.first.begin(), header.first.end(), no_name) ||
           std::any_of(header.second.begin(), header.second.end(), control);
}

} // namespace

Prepared prepare(const ServerConfig& config, const Url& url)
{
    Prepared made;
    for (const auto& header : config.headers) {
        if (!bad_header(header)) continue;
        made.problem = "headers: " + header.first.substr(0, 64) +
                       " is not a header name, or its value has control characters";
        return made;
    }
    if (!config.proxy.empty()) {
        made.problem = "servers[" + config.name +
                       "] has a proxy, and this version connects directly only; remove `proxy`";
        return made;
    }
    if (config.credential.kind == SecretSource::Kind::none) {
        made.problem = "servers[" + config.name + "] has no credential; add `credential: {file: PATH}`";
        return made;
    }
    std::string why;
    auto credential = read_secret(config.credential, why);
    if (!credential) {
        made.problem = why;
        return made;
    }
    made.credential = std::move(*credential);
    if (url.tls) {
        auto tls = net::make_client_context(config.tls);
        if (!tls.context) {
            made.problem = tls.problem;
            return made;
        }
        made.tls = std::move(tls.context);
    }
    made.addresses = look_up(url, made.problem);
    if (url.tls || config.insecure) return made;
    const auto remote = [](const tcp::endpoint& each) { return !loopback(each.address()); };
    if (std::any_of(made.addresses.begin(), made.addresses.end(), remote)) {
        made.problem = "url " + shown_url(config.url) +
                       " would send the credential in clear text. Use wss://, or set `insecure: true`";
    }
    return made;
}

} // namespace agenthost::host

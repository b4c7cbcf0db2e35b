#include "resolve.hpp"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace agenthost::host {
namespace {

using boost::asio::ip::tcp;

constexpr std::size_t most_addresses = 8;

struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

} // namespace

std::vector<tcp::endpoint> look_up(const std::string& host, std::uint16_t port, const char* key,
                                   std::string& problem)
{
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* raw = nullptr;
    const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw);
    const std::unique_ptr<addrinfo, FreeAddresses> list{raw};
    std::vector<tcp::endpoint> found;
    if (error != 0) {
        problem = "cannot look up " + host + ": " +
                  (error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error)) +
                  ". Check the name in " + key + " and /etc/resolv.conf";
        return found;
    }
    for (const addrinfo* each = list.get(); each && found.size() < most_addresses; each = each->ai_next) {
        tcp::endpoint endpoint;
        if (each->ai_addrlen > endpoint.capacity()) continue;
        std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
        endpoint.resize(each->ai_addrlen);
        found.push_back(endpoint);
    }
    if (found.empty()) problem = host + " has no address. Check the name in " + std::string{key};
    return found;
}

bool is_loopback(const boost::asio::ip::address& address)
{
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).is_loopback();
    return address.is_loopback();
}

bool all_loopback(const std::vector<tcp::endpoint>& addresses)
{
    return std::all_of(addresses.begin(), addresses.end(),
                       [](const tcp::endpoint& each) { return is_loopback(each.address()); });
}

} // namespace agenthost::host

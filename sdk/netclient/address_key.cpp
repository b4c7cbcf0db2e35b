#include "address_key.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace agenthost::netclient {

namespace {

constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<unsigned char, 12> nat64{0x00, 0x64, 0xff, 0x9b};

// The address alone: without brackets, port and zone.
std::string_view host_of(std::string_view address)
{
    if (address.starts_with('[')) {
        address = address.substr(1, address.find(']') - 1);
    } else if (std::count(address.begin(), address.end(), ':') == 1) {
        address = address.substr(0, address.find(':'));
    }
    return address.substr(0, address.find('%'));
}

std::string v4_text(const unsigned char* bytes)
{
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, bytes, text.data(), text.size());
    return text.data();
}

} // namespace

std::string address_key(std::string_view address)
{
    const std::string host{host_of(address)};
    in_addr v4{};
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1)
        return v4_text(reinterpret_cast<const unsigned char*>(&v4));
    std::array<unsigned char, 16> v6{};
    if (::inet_pton(AF_INET6, host.c_str(), v6.data()) != 1) return std::string{address};
    if (std::equal(mapped.begin(), mapped.end(), v6.begin()) ||
        std::equal(nat64.begin(), nat64.end(), v6.begin()))
        return v4_text(v6.data() + 12);
    std::fill(v6.begin() + 8, v6.end(), 0);
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET6, v6.data(), text.data(), text.size());
    return std::string{text.data()} + "/64";
}

} // namespace agenthost::netclient

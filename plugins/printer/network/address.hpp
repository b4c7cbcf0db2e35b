// Addresses of network printers, and which of them a server may name. Pure.
//
//     192.168.1.50            that address, port 9100
//     192.168.1.50:9101       [2001:db8::5]:9100       kitchen.example:9100
//     192.168.1.0/24          each address of the range, port 9100
//     192.168.1.0/24:9101     the same with another port
#pragma once

#include "plugins/printer/errors/codes.hpp"

#include "netclient/ip_address.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer::network {

constexpr std::uint16_t default_port = 9100;

struct PrinterAddress {
    std::string host; // an IP address without brackets, or a name in small letters
    std::uint16_t port = default_port;

    [[nodiscard]] std::string text() const; // "192.168.1.50:9100", "[2001:db8::5]:9100"
    bool operator==(const PrinterAddress&) const = default;
};

// nullopt and `why` ("is not an address of a printer. Write ...") for anything else.
std::optional<PrinterAddress> parse_address(std::string_view, std::string& why);

// The addresses that the setting allow_addresses lists.
class AllowedAddresses {
public:
    // False and `why` if the entry is invalid.
    bool add(std::string_view entry, std::string& why);
    // ADDRESS_DENIED; nullopt: allowed. Multicast addresses and 0.0.0.0 (::) are never allowed.
    [[nodiscard]] std::optional<Problem> refuse(const PrinterAddress&) const;

private:
    struct Range {
        netclient::IpRange range;
        std::uint16_t port;
    };
    std::vector<Range> ranges_;
    std::vector<PrinterAddress> hosts_;
};

} // namespace agenthost::printer::network

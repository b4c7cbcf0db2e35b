#include "resolve.hpp"

namespace agenthost::host {

std::vector<netclient::Address> look_up(const std::string& host, std::uint16_t port, const char* key,
                                        std::string& problem)
{
    // An attempt tries each of them.
    constexpr std::size_t max_addresses = 8;
    std::string why;
    auto found = netclient::look_up(host, port, why);
    if (found.empty())
        problem =
            "cannot look up " + host + ": " + why + ". Check the name in " + key + " and /etc/resolv.conf";
    if (found.size() > max_addresses) found.resize(max_addresses);
    return found;
}

} // namespace agenthost::host

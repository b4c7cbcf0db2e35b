#include "linger.hpp"

#include <boost/asio/error.hpp>

namespace agenthost::host::listener {

Lingering drop_input(net::Stream& stream, std::uint64_t& dropped)
{
    // Of 4 KiB.
    constexpr int max_reads = 16;
    char waste[4096];
    net::error_code ec;
    for (int i = 0; i < max_reads; ++i) {
        if (dropped >= max_lingering_bytes) return Lingering::enough;
        dropped += stream.read_now(waste, sizeof waste, ec);
        if (ec == boost::asio::error::would_block) return Lingering::wait;
        if (ec) return Lingering::ended;
    }
    return Lingering::more;
}

} // namespace agenthost::host::listener

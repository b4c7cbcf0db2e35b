#include "proc_net.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace agenthost::docker::ledger {

namespace {

template <class Number> std::optional<Number> number(std::string_view text, int base)
{
    Number out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::string_view next_field(std::string_view& line)
{
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) return line = {};
    const std::size_t end = std::min(line.find(' ', begin), line.size());
    const std::string_view word = line.substr(begin, end - begin);
    line.remove_prefix(end);
    return word;
}

// "0100007F:1F90": words of 32 bits as the kernel holds them, in this machine's byte order.
std::optional<HostPort> read_local(std::string_view text)
{
    const std::size_t colon = text.find(':');
    if (colon != 8 && colon != 32) return std::nullopt;
    HostPort out;
    const std::size_t words = colon / 8;
    if (words == 1) out.address.bytes[10] = out.address.bytes[11] = 0xff;
    for (std::size_t i = 0; i < words; ++i) {
        const auto word = number<std::uint32_t>(text.substr(i * 8, 8), 16);
        if (!word) return std::nullopt;
        std::memcpy(&out.address.bytes[words == 1 ? 12 : i * 4], &*word, sizeof *word);
    }
    const auto port = number<std::uint16_t>(text.substr(colon + 1), 16);
    if (!port || *port == 0) return std::nullopt;
    out.port = *port;
    return out;
}

std::optional<Listener> read_line(std::string_view line, Transport transport)
{
    next_field(line); // "0:"
    const auto local = read_local(next_field(line));
    next_field(line); // the peer
    // 0A listens; 07 is how the kernel shows a UDP socket without a peer.
    if (!local || next_field(line) != (transport == Transport::tcp ? "0A" : "07")) return std::nullopt;
    for (int i = 0; i < 3; ++i) next_field(line); // queues, timer, retransmissions
    const auto uid = number<std::uint32_t>(next_field(line), 10);
    next_field(line); // timeout
    const auto inode = number<std::uint64_t>(next_field(line), 10);
    if (!uid || !inode) return std::nullopt;
    Listener out{*local, *uid, *inode};
    out.port.transport = transport;
    return out;
}

} // namespace

std::vector<Listener> read_listeners(std::string_view file, Transport transport)
{
    std::vector<Listener> out;
    while (!file.empty() && out.size() < max_listeners) {
        const std::size_t end = std::min(file.find('\n'), file.size());
        if (const auto listener = read_line(file.substr(0, end), transport)) out.push_back(*listener);
        file.remove_prefix(std::min(end + 1, file.size()));
    }
    return out;
}

} // namespace agenthost::docker::ledger

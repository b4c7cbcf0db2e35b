#include "attempts.hpp"

#include "plugins/hub/store/model.hpp"

#include "netclient/address_key.hpp"
#include "wire/json/fields.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {

constexpr std::size_t max_reason = 200;

// The address without a port: of "127.0.0.1:5000" and "[::1]:5000" as of an address alone.
std::string_view address_of(std::string_view peer)
{
    const std::size_t colon = peer.rfind(':');
    if (colon == std::string_view::npos) return peer;
    if (peer.starts_with('[')) return peer.substr(1, std::min(peer.find(']'), peer.size()) - 1);
    return peer.find(':') == colon ? peer.substr(0, colon) : peer;
}

std::string plain(std::string_view text, std::size_t max_bytes)
{
    std::string out{wire::clip(text, max_bytes)};
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    return out;
}

} // namespace

std::uint64_t Attempts::failed(std::string_view agent, std::string_view protocol, std::string_view peer,
                               std::string_view reason, std::int64_t now)
{
    if (!valid_id(agent)) agent = {};
    const std::string_view address = address_of(peer);
    const auto same = std::find_if(attempts_.begin(), attempts_.end(), [&](const Attempt& a) {
        return a.agent == agent && a.address == address && a.protocol == protocol;
    });
    if (same != attempts_.end()) {
        same->reason = plain(reason, max_reason);
        same->last = now;
        return ++same->count;
    }
    const auto oldest = [this](auto counts) {
        auto found = attempts_.end();
        for (auto it = attempts_.begin(); it != attempts_.end(); ++it) {
            if (counts(*it) && (found == attempts_.end() || it->last < found->last)) found = it;
        }
        return found;
    };
    const std::string key = netclient::address_key(address);
    const auto here = [&](const Attempt& a) { return netclient::address_key(a.address) == key; };
    const auto of_address = std::count_if(attempts_.begin(), attempts_.end(), here);
    if (static_cast<std::size_t>(of_address) >= max_of_address)
        attempts_.erase(oldest(here));
    else if (attempts_.size() >= max_attempts)
        attempts_.erase(oldest([](const Attempt&) { return true; }));
    attempts_.push_back({.agent = std::string{agent},
                         .protocol = std::string{protocol},
                         .address = plain(address, 64),
                         .reason = plain(reason, max_reason),
                         .count = 1,
                         .first = now,
                         .last = now});
    return 1;
}

void Attempts::connected(std::string_view agent)
{
    std::erase_if(attempts_, [agent](const Attempt& a) { return a.agent == agent; });
}

} // namespace agenthost::hub

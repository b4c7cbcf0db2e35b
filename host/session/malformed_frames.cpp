#include "malformed_frames.hpp"

#include "host/session/session.hpp"
#include "netclient/url.hpp"
#include "wire/json/outline.hpp"

#include <utility>

namespace agenthost::host {

std::optional<std::string> MalformedFrames::add(std::string_view url, std::string_view reason,
                                                std::string_view frame)
{
    ++count_;
    latest_ = netclient::printable(reason, max_quoted) + " (" + wire::outline(frame) + ")";
    if (std::exchange(logged_, true)) return std::nullopt;
    return std::string{url} + " sent a frame that cannot be used: " + latest_ +
           ". Further ones of this connection are only counted";
}

void MalformedFrames::add_to(SessionStatus& status) const
{
    status.malformed = count_;
    status.malformed_last = latest_;
}

} // namespace agenthost::host

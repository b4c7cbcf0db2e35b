// Events of agents that Sessions reports to the rest of the hub. Under the hub's lock.
//
// The views in a message are valid until the call returns; Sessions itself sends acknowledgements.
#pragma once

#include "plugins/hub/core/lock.hpp"
#include "plugins/hub/store/model.hpp"

#include "wire/message.hpp"

#include <cstdint>
#include <string_view>

namespace agenthost::hub {

class AgentObserver {
public:
    virtual ~AgentObserver() = default;

    virtual void ready(const AgentRecord&) UNDER_LOCK {}
    virtual void lost(const AgentRecord&) UNDER_LOCK {}
    // Admitted by a JWT with this id (or none) that is valid until this time (UTC s). `ready` follows.
    virtual void by_token(const AgentRecord&, std::string_view /*jti*/, std::int64_t /*expires*/) UNDER_LOCK
    {}
    virtual void credentials_changed() UNDER_LOCK {}
    // Nothing admits it any more until a person adds it again. It has no session.
    virtual void revoked(std::string_view /*agent*/) UNDER_LOCK {}

    virtual void writable(std::string_view /*agent*/) UNDER_LOCK {}
    // The daemon's queue had no space for a command.
    virtual void not_taken(std::string_view /*agent*/, std::string_view /*task*/) UNDER_LOCK {}
    // Its session exceeded the message limit (1009), and it is not an agenthost, which answers TOO_LARGE by
    // itself. `lost` follows.
    virtual void too_large(std::string_view /*agent*/) UNDER_LOCK {}

    virtual void result(std::string_view /*agent*/, const wire::Result&) UNDER_LOCK {}
    virtual void progress(std::string_view /*agent*/, const wire::Progress&) UNDER_LOCK {}
    virtual void stream(std::string_view /*agent*/, const wire::Stream&) UNDER_LOCK {}
    virtual void heartbeat(std::string_view /*agent*/, const wire::Heartbeat&) UNDER_LOCK {}
    virtual void metrics(std::string_view /*agent*/, const wire::Metrics&) UNDER_LOCK {}
    virtual void log(std::string_view /*agent*/, const wire::Log&) UNDER_LOCK {}
    virtual void event(std::string_view /*agent*/, const wire::Event&) UNDER_LOCK {}
};

} // namespace agenthost::hub

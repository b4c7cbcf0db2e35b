// Reaches an agent wherever its session is. The default implementation is this process's sessions
// (sessions.hpp). Under the hub's lock.
#pragma once

#include "identity_conflicts.hpp"
#include "plugins/hub/core/lock.hpp"
#include "plugins/hub/store/model.hpp"

#include "wire/message.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class Fanout {
public:
    virtual ~Fanout() = default;
    [[nodiscard]] virtual bool online(std::string_view agent) const UNDER_LOCK = 0;
    // The record of a connected agent; nullptr: not connected. Valid until the hub's lock is released.
    [[nodiscard]] virtual const AgentRecord* find(std::string_view agent) const UNDER_LOCK = 0;
    // Connected agents of one protocol, by id.
    [[nodiscard]] virtual std::vector<std::string> connected(std::string_view protocol) const UNDER_LOCK = 0;
    enum class Sent { taken, gone, unspeakable }; // unspeakable: its protocol cannot carry this command
    virtual Sent send(std::string_view agent, const wire::Command&) UNDER_LOCK = 0;
    // Pauses reading from its session.
    virtual void pause(std::string_view /*agent*/, bool /*on*/) UNDER_LOCK {}
    // The conflict of this identity; nullptr: none. Valid until the hub's lock is released.
    [[nodiscard]] virtual const IdentityConflicts::Conflict* conflict(std::string_view /*agent*/) const
        UNDER_LOCK
    {
        return nullptr;
    }
};

} // namespace agenthost::hub

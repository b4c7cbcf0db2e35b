// Reaches an agent wherever its session is. The embedded default is this process's own sessions (sessions.hpp). Under the hub's lock.
#pragma once

#include "contests.hpp"
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
    // What it said of itself when it connected; nullptr: it is not connected. Until the hub's lock is left.
    [[nodiscard]] virtual const AgentRecord* find(std::string_view agent) const UNDER_LOCK = 0;
    // Connected agents of one protocol, by id.
    [[nodiscard]] virtual std::vector<std::string> connected(std::string_view protocol) const UNDER_LOCK = 0;
    enum class Sent { taken, gone, unspeakable }; // unspeakable: its protocol has no words for this command
    virtual Sent send(std::string_view agent, const wire::Command&) UNDER_LOCK = 0;
    virtual void cut(std::string_view agent, std::string_view why) UNDER_LOCK = 0;
    // Reads nothing more from its session for a moment.
    virtual void pause(std::string_view /*agent*/, bool /*on*/) UNDER_LOCK {}
    // Two machines use this identity at once; nullptr: no. Until the hub's lock is left.
    [[nodiscard]] virtual const Contests::Contest* contest(std::string_view /*agent*/) const UNDER_LOCK
    {
        return nullptr;
    }
};

} // namespace agenthost::hub

// Applies what agents do and report to their open tasks. AgentEvents (agent_events.hpp) calls it. Under the
// hub's lock.
#pragma once

#include "absence.hpp"
#include "open_tasks.hpp"
#include "plugins/hub/core/core.hpp"
#include "sender.hpp"

#include "wire/message.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace agenthost::hub {

class TaskEvents {
public:
    TaskEvents(Core& core, OpenTasks& open, Absence& absence, CommandSender& sender)
        : core_{core}, open_{open}, absence_{absence}, sender_{sender}
    {}

    void agent_ready(const AgentRecord&) UNDER_LOCK;
    void agent_lost(std::string_view agent) UNDER_LOCK;
    void agent_revoked(std::string_view agent) UNDER_LOCK;
    void check_absent(const std::function<bool(std::string_view agent)>& may_return) UNDER_LOCK
    {
        absence_.check(may_return);
    }
    // The agent's session ended because a message was too large: sending the command again would end the next
    // session too.
    void too_large(std::string_view agent) UNDER_LOCK;
    void writable(std::string_view agent) UNDER_LOCK { sender_.writable(agent); }
    void not_taken(std::string_view agent, std::string_view id) UNDER_LOCK
    {
        sender_.not_taken(std::string{agent}, id);
    }
    void result(std::string_view agent, const wire::Result&) UNDER_LOCK;
    void progress(std::string_view agent, std::string_view id) UNDER_LOCK;
    // The task's deadline has passed.
    void expired(const std::string& id) UNDER_LOCK;

private:
    Core& core_;
    OpenTasks& open_;
    Absence& absence_;
    CommandSender& sender_;
};

} // namespace agenthost::hub

// The REST routes: who may, which route, what it answers. Under the hub's lock.
#pragma once

#include "commands.hpp"
#include "core.hpp"
#include "credentials.hpp"
#include "files.hpp"
#include "router.hpp"
#include "sessions.hpp"

namespace agenthost::hub {

class Rest {
public:
    static constexpr std::uint64_t most_body = 512
                                               << 10; // of a command; a frame to an agent is at most 1 MiB

    Rest(Core& core, Credentials& credentials, Sessions& sessions, Registry& registry, TaskTable& table,
         Commands& commands, Files& files)
        : core_{core}, credentials_{credentials}, sessions_{sessions}, registry_{registry}, table_{table},
          commands_{commands}, files_{files}
    {}

    void request(Conn, const Head&);

private:
    void agents(Conn, const Head&);
    void agent(Conn, std::string id);
    void command(Conn, const Head&, std::string agent);
    void run_command(Conn, std::string agent, const std::string& body);
    void task(Conn, std::string id);
    void accepted(Conn, const std::string& id);
    // Calls `then` when the agent is online; else answers 404 or 503.
    void with_online(Conn, const std::string& agent, const std::function<void()>& then);
    std::string agent_json(const AgentRecord&) const;
    void busy(Conn);
    bool may(const Head&) const;

    Core& core_;
    Credentials& credentials_;
    Sessions& sessions_;
    Registry& registry_;
    TaskTable& table_;
    Commands& commands_;
    Files& files_;
};

std::string task_json(const TaskRecord&);

} // namespace agenthost::hub

// Interactive commands on agents: the actions hub.exec, attach, input, resize, interrupt and runs, behind
// `agenthost hub exec` and `shell`. Under the hub's lock.
//
// When the caller of hub.exec disconnects, its command is interrupted or, with "leave":"detach", keeps
// running; hub.attach never ends it. An interrupt for an offline agent is delivered when it is back, so that
// no unwanted command keeps running.
//
// More than 25 members: one function for each action, and the parts that the actions use.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/agent_credentials.hpp"
#include "plugins/hub/runs/runs.hpp"
#include "typing.hpp"
#include "viewers.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace agenthost::hub {

class Console {
public:
    Console(Core& core, const AgentCredentials& credentials, Fanout& fanout, Registry& registry, Runs& runs,
            Requests& requests);

    static bool takes(std::string_view action);
    // `params` has been checked against the manifest's schema.
    void call(std::string_view action, std::string_view params, const ReplyPtr&) UNDER_LOCK;
    void left(const Reply*) UNDER_LOCK; // the caller is gone
    void writable(const Reply* reply) UNDER_LOCK { viewers_.writable(reply); }
    void agent_ready(const AgentRecord&) UNDER_LOCK;
    void drain() UNDER_LOCK;
    // Interrupts the run when its agent is back; bounded, further ones are dropped.
    void later(const std::string& run, bool force) UNDER_LOCK;

private:
    struct Ask {
        std::string id;
        bool force = false;
        ReplyPtr reply; // null: no caller waits for it
    };
    void exec(const nlohmann::json&, const ReplyPtr&) UNDER_LOCK;
    void begin(const std::string& agent, const nlohmann::json&, const ReplyPtr&) UNDER_LOCK;
    void attach(const nlohmann::json&, const ReplyPtr&) UNDER_LOCK;
    void input(const nlohmann::json&, const ReplyPtr&) UNDER_LOCK;
    void interrupt(Ask) UNDER_LOCK;
    void list(const nlohmann::json&, const ReplyPtr&) UNDER_LOCK;
    void with_online(const std::string& agent, const ReplyPtr&, const std::function<void()>& then) UNDER_LOCK;
    void ok(const ReplyPtr&, std::string json) UNDER_LOCK;
    void fail(const ReplyPtr&, std::string code, std::string message) UNDER_LOCK;
    void say(const ReplyPtr&, std::string json) UNDER_LOCK;

    static constexpr std::size_t max_unwanted = 1'024;

    Core& core_;
    const AgentCredentials& credentials_;
    Fanout& fanout_;
    Registry& registry_;
    Runs& runs_;
    Requests& requests_;
    RunViewers viewers_ GUARDED;
    RunTyping typing_ GUARDED;
    struct Unwanted {
        std::string agent;
        bool force = false;
    };
    std::map<std::string, Unwanted> unwanted_ GUARDED; // runs to be interrupted when their agent is back
};

} // namespace agenthost::hub

// Commands on agents for people at this machine: hub.exec, attach, input, resize, interrupt, runs, behind `agenthost hub exec` and
// `shell`. Under the hub's lock.
//
// Who leaves hub.exec interrupts its command, or with "leave":"detach" leaves it running; who leaves hub.attach never ends it. An
// interrupt that finds the agent away is delivered when it is back, so that nothing runs on that nobody wants.
#pragma once

#include "plugins/hub/core/core.hpp"
#include "plugins/hub/credentials/credentials.hpp"
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
    Console(Core& core, const Credentials& credentials, Fanout& fanout, Registry& registry, Runs& runs,
            Requests& requests);

    static bool takes(std::string_view action);
    // `params` has been checked against the manifest's schema.
    void call(std::string_view action, std::string_view params, const ReplyPtr&) UNDER_LOCK;
    void left(const Reply*) UNDER_LOCK; // the caller is gone
    void writable(const Reply* reply) UNDER_LOCK { viewers_.writable(reply); }
    void agent_ready(const AgentRecord&) UNDER_LOCK;
    void drain() UNDER_LOCK;
    // Interrupts the run when its agent is back; bounded, the ones beyond it are dropped.
    void later(const std::string& run, bool force) UNDER_LOCK;

private:
    struct Ask {
        std::string id;
        bool force = false;
        ReplyPtr reply; // null: nobody waits for it
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

    static constexpr std::size_t most_unwanted = 1'024;

    Core& core_;
    const Credentials& credentials_;
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

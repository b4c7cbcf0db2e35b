// Game servers for the command line: the actions hub.server_list, server_get, server_do and server_follow,
// behind `agenthost hub server`. Under the hub's lock.
//
// A server is named by its id, and by its agent where several agents have one with this id.
#pragma once

#include "followers.hpp"
#include "outcomes.hpp"
#include "placer.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/reply.hpp"
#include "plugins/hub/tasks/calls.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "watch.hpp"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::hub {

class ServerControl {
public:
    ServerControl(Core& core, Fanout& fanout, Requests& requests, Calls& calls, Commands& commands,
                  ServerWatch& watch, ServerOutcomes& outcomes, Placer& placer)
        : core_{core}, fanout_{fanout}, calls_{calls}, commands_{commands}, watch_{watch},
          outcomes_{outcomes}, placer_{placer}, followers_{core, fanout, requests}
    {}

    static bool takes(std::string_view action);
    // `params` has been checked against the manifest's schema.
    void call(std::string_view action, std::string_view params, const ReplyPtr&) UNDER_LOCK;
    void left(const Reply* reply) UNDER_LOCK
    {
        followers_.left(reply);
        waiting_.erase(reply);
        outcomes_.drop(reply);
    }
    void writable(const Reply* reply) UNDER_LOCK { followers_.writable(reply); }
    void agent_ready(std::string_view agent) UNDER_LOCK
    {
        outcomes_.ready(agent);
        followers_.ready(agent);
    }
    void agent_lost(std::string_view agent) UNDER_LOCK { outcomes_.lost(agent); }
    // Nothing admits it any more: nobody waits for it.
    void agent_gone(std::string_view agent) UNDER_LOCK
    {
        outcomes_.gone(agent);
        followers_.gone(agent);
    }
    // Credentials have changed: the same for those that are not connected and may not return.
    void check_absent(const std::function<bool(std::string_view agent)>& may_return) UNDER_LOCK;
    [[nodiscard]] ServerFollowers& followers() UNDER_LOCK { return followers_; }
    void drain() UNDER_LOCK // the hub shuts down
    {
        followers_.drain();
        outcomes_.drain();
    }

private:
    void list(const nlohmann::json&, const ReplyPtr&) UNDER_LOCK;
    void run(const nlohmann::json&, bool changes, const ReplyPtr&) UNDER_LOCK;
    void create(const nlohmann::json&, std::string_view raw, const ReplyPtr&) UNDER_LOCK;
    void follow(const nlohmann::json&, const ReplyPtr&) UNDER_LOCK;
    // The agent of the server that the parameters name; nullopt: answered.
    std::optional<std::string> agent_of(const nlohmann::json&, const ReplyPtr&) UNDER_LOCK;
    void start(ServerCall, const ReplyPtr&, std::function<bool(const TaskRecord&)> ended = {}) UNDER_LOCK;

    // For a wait of the command line, which is one caller; false: answered.
    bool reserve(const ReplyPtr&) UNDER_LOCK;
    // The task has succeeded; `first`: see outcome_json().
    void answer_outcome(const ReplyPtr&, const TaskRecord&, double wait_s, const std::string& first = {})
        UNDER_LOCK;
    void ok(const ReplyPtr&, std::string json) UNDER_LOCK;
    void fail(const ReplyPtr&, std::string code, std::string message) UNDER_LOCK;

    Core& core_;
    Fanout& fanout_;
    Calls& calls_;
    Commands& commands_;
    ServerWatch& watch_;
    ServerOutcomes& outcomes_;
    Placer& placer_;
    ServerFollowers followers_ GUARDED;
    std::map<const Reply*, ServerOutcomes::Place>
        waiting_ GUARDED; // those that will wait, until their answer
};

} // namespace agenthost::hub

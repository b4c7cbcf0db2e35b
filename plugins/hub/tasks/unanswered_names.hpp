// Finds the command that an answer without an id belongs to. An agent that does not repeat ids names at most
// the command in its answer, so two unanswered commands with the same name could not be distinguished: one's
// result could be reported for the other. Therefore an unanswered name is held: no other command with it is
// sent, even if the first one's task has ended (timeout, cancellation). An answer with the name releases it,
// and so does the end of the session after a while: such agents answer on the session that carried the
// command or, before `until` (lost()), on the next one.
//
// Bound: `max_names` names per agent; beyond it all names are held. Pure; the caller passes the time. Not
// thread-safe: the hub's lock guards it.
#pragma once

#include "plugins/hub/core/by_id.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace agenthost::hub {

class UnansweredNames {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t max_names = 256;

    // An agent whose protocol does not require ids in answers: it gets one command at a time until it repeats
    // an id.
    void connected(std::string_view agent) { one_by_one_.emplace(agent); }
    [[nodiscard]] bool one_by_one(std::string_view agent) const { return one_by_one_.contains(agent); }
    // Its answer had an id: nothing of it is held any more.
    void repeats_ids(std::string_view agent);

    void sent(std::string_view agent, std::string_view name, std::string_view id);
    void not_sent(std::string_view agent, std::string_view id); // the connection could not accept it
    // Whether another command with this name must wait. The same one (`id`) may be sent again.
    [[nodiscard]] bool holds(std::string_view agent, std::string_view name, std::string_view id) const;
    // The id of the command that an answer belongs to; its name is released. Empty: unknown.
    std::string answered(std::string_view agent, std::string_view name);
    // The id of the only unanswered command; empty: several or none. It stays unanswered.
    [[nodiscard]] std::string only(std::string_view agent) const;
    // The session ended: names are held until then. false: none is held.
    bool lost(std::string_view agent, Time until);
    void expire(std::string_view agent, Time now);
    // Adds a command of an earlier hub process; if two have the same name, an answer belongs to neither.
    void inherited(std::string_view agent, std::string_view name, std::string_view id, Time until);
    void forget(std::string_view agent); // it was revoked

    [[nodiscard]] std::size_t agents() const { return agents_.size(); }

private:
    struct Sent {
        std::string id;
        Time until = Time::max();
    };
    using Names = std::map<std::string, Sent, std::less<>>;

    ById<Names> agents_; // those with an unanswered command
    IdSet one_by_one_;   // connected ones
};

} // namespace agenthost::hub

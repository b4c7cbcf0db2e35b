// What the hub remembers, each behind an interface of its own, so that several hubs over a shared engine can come later without the
// protocols or the REST routes noticing. The embedded default of the first three is SQLite (store.hpp); of Fanout, this process's
// own sessions (sessions.hpp).
//
// Answers come by callback, from any thread but never from inside the call. A function that returns false was too busy to take the
// work (its queue is full): no callback follows.
#pragma once

#include "model.hpp"
#include "plugins/hub/agents/contests.hpp"

#include "base/hash.hpp"
#include "wire/message.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::hub {

class Registry {
public:
    virtual ~Registry() = default;
    virtual bool seen(const AgentRecord&) = 0; // connected or left; keeps the first first_seen
    virtual bool find(std::string id, std::function<void(std::optional<AgentRecord>)>) = 0;
    struct Page {
        std::string after; // an id; empty: from the first
        std::size_t most = 0;
        std::string protocol = {}; // empty: any
        // Only these agents: neither the rows nor the place where the next page begins tell of others.
        std::optional<std::vector<std::string>> among = {};
    };
    virtual bool list(Page, std::function<void(std::vector<AgentRecord>)>) = 0; // by id
    virtual bool forget(std::string id) = 0;
};

class TaskTable {
public:
    virtual ~TaskTable() = default;
    // The newest state of a task; a later save of the same id replaces one that still waits for the disk. false: full, only for ids
    // that do not wait already (so the result of a known task is never lost). `done(ok)` after the commit.
    virtual bool save(const TaskRecord&, std::function<void(bool ok)> done = {}) = 0;
    virtual bool find(std::string id, std::function<void(std::optional<TaskRecord>)>) = 0;
};

// The last word of an agent on something; the newest of each kind is kept. Never a history.
struct Report {
    std::string agent, kind; // kind: "heartbeat", "metrics", "result"
    std::int64_t at = 0;
    std::string json; // an object
};

class ReportTable {
public:
    virtual ~ReportTable() = default;
    virtual bool save(std::vector<Report>) = 0;
    virtual bool find(std::vector<std::string> agents, std::function<void(std::vector<Report>)>) = 0;
};

struct MintedToken {
    std::string id, label;
    base::Sha256Digest token{};
    std::int64_t created = 0;
};

// Bearer tokens of the REST API; agents and JWTs: enrolment_table.hpp.
class CredentialTable {
public:
    virtual ~CredentialTable() = default;
    virtual bool save(const MintedToken&, std::function<void(bool ok)>) = 0;
    virtual bool remove_token(std::string id, std::function<void(bool ok)>) = 0;
};

// Reaches an agent wherever its session is.
class Fanout {
public:
    virtual ~Fanout() = default;
    [[nodiscard]] virtual bool online(std::string_view agent) const = 0;
    // What it said of itself when it connected; nullptr: it is not connected. Until the hub's lock is left.
    [[nodiscard]] virtual const AgentRecord* find(std::string_view agent) const = 0;
    // Connected agents of one protocol, by id.
    [[nodiscard]] virtual std::vector<std::string> connected(std::string_view protocol) const = 0;
    enum class Sent { taken, gone, unspeakable }; // unspeakable: its protocol has no words for this command
    virtual Sent send(std::string_view agent, const wire::Command&) = 0;
    virtual void cut(std::string_view agent, std::string_view why) = 0;
    virtual void pause(std::string_view /*agent*/, bool /*on*/) {
    } // reads nothing more from its session for a moment
    // Two machines use this identity at once; nullptr: no. Until the hub's lock is left.
    [[nodiscard]] virtual const Contests::Contest* contest(std::string_view /*agent*/) const
    {
        return nullptr;
    }
};

} // namespace agenthost::hub

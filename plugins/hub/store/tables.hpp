// What the hub remembers, each behind an interface of its own, so that several hubs over a shared engine can come later without the
// protocols or the REST routes noticing. The embedded default is SQLite (store.hpp). How an agent is reached: agents/fanout.hpp.
//
// Answers come by callback, from any thread but never from inside the call. A function that returns false was too busy to take the
// work (its queue is full): no callback follows.
#pragma once

#include "model.hpp"

#include "base/hash.hpp"

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

} // namespace agenthost::hub

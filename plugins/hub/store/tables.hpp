// The hub's tables as interfaces, so that several hubs could later share an engine without changes to the
// protocols or REST routes. The default implementation is SQLite (store.hpp). How agents are reached:
// agents/fanout.hpp.
//
// Results arrive by callback, on any thread but never from inside the call. `ok` false: the database could
// not be read or written, and nothing is known of the row ("not found" would be a lie). A function that
// returns false did not accept the work (its queue is full): no callback follows.
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
    using Found = std::function<void(bool ok, std::optional<AgentRecord>)>;
    using Listed = std::function<void(bool ok, std::vector<AgentRecord>)>;
    virtual ~Registry() = default;
    virtual bool seen(const AgentRecord&) = 0; // call on connect and disconnect; keeps the first first_seen
    virtual bool find(std::string id, Found) = 0;
    struct Page {
        std::string after; // an id; empty: from the first
        std::size_t max_rows = 0;
        std::string protocol = {}; // empty: any
        // Only these agents: neither the rows nor the next page's cursor reveal others.
        std::optional<std::vector<std::string>> among = {};
    };
    virtual bool list(Page, Listed) = 0; // by id
    virtual bool forget(std::string id) = 0;
};

class TaskTable {
public:
    using Found = std::function<void(bool ok, std::optional<TaskRecord>)>;
    virtual ~TaskTable() = default;
    // Saves the newest state of a task; a later save of the same id replaces one that still waits for the
    // disk. false: full, but never for an id that already waits (so the result of a known task is not lost).
    // `done(ok)` runs after the commit.
    virtual bool save(const TaskRecord&, std::function<void(bool ok)> done = {}) = 0;
    virtual bool find(std::string id, Found) = 0;

    // A shop's tasks, the newest first.
    struct Page {
        std::string shop;
        // Only tasks before this one.
        std::int64_t created = INT64_MAX;
        std::string id = {};
        std::size_t max_rows = 0;
        // Pure, called on any thread; absent: all.
        std::function<bool(const TaskRecord&)> wanted = {};
    };
    // `more`: there are further rows. A page ends early when its results exceed page_bytes.
    using Listed = std::function<void(bool ok, std::vector<TaskRecord>, bool more)>;
    static constexpr std::size_t page_bytes = 4U << 20;
    virtual bool list(Page, Listed) = 0;
};

// An agent's latest report of a kind; only the newest of each kind is kept, no history.
struct Report {
    std::string agent, kind; // kind: "heartbeat", "metrics", "result"
    std::int64_t at = 0;
    std::string json; // an object
};

class ReportTable {
public:
    using Found = std::function<void(bool ok, std::vector<Report>)>;
    virtual ~ReportTable() = default;
    virtual bool save(std::vector<Report>) = 0;
    virtual bool find(std::vector<std::string> agents, Found) = 0;
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

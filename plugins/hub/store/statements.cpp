#include "statements.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

namespace agenthost::hub {

namespace {

// Each upgrades a file by one version; a new file runs through all of them.
constexpr std::array<const char*, 5> upgrades{
    R"(
CREATE TABLE IF NOT EXISTS agents(id TEXT PRIMARY KEY, protocol TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    peer TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tasks(id TEXT PRIMARY KEY, agent TEXT NOT NULL, action TEXT NOT NULL, params TEXT NOT NULL,
    state INTEGER NOT NULL, sent INTEGER NOT NULL, bound INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
    expires INTEGER NOT NULL, data TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS tasks_open ON tasks(state) WHERE state < 3;
CREATE INDEX IF NOT EXISTS tasks_expires ON tasks(expires);
CREATE INDEX IF NOT EXISTS tasks_updated ON tasks(updated);
CREATE TABLE IF NOT EXISTS minted_agents(id TEXT PRIMARY KEY, token BLOB NOT NULL, created INTEGER NOT NULL,
    revoked INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minted_tokens(id TEXT PRIMARY KEY, label TEXT NOT NULL, token BLOB NOT NULL,
    created INTEGER NOT NULL) WITHOUT ROWID;
)",
    R"(
ALTER TABLE agents ADD COLUMN platform TEXT NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN capabilities TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN target TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN shop INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN warned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tasks_shop ON tasks(agent, updated) WHERE shop = 1;
CREATE INDEX agents_protocol ON agents(protocol, id);
CREATE INDEX agents_last_seen ON agents(last_seen);
CREATE TABLE reports(agent TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY(agent, kind)) WITHOUT ROWID;
)",
    R"(
ALTER TABLE tasks ADD COLUMN caller TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET bytes = length(CAST(data AS BLOB)) + length(CAST(message AS BLOB)) + length(CAST(detail AS BLOB)) WHERE state>=3;
CREATE INDEX tasks_results ON tasks(caller, agent, updated, id, bytes) WHERE bytes > 0;
)",
    R"(
ALTER TABLE tasks ADD COLUMN no_resend INTEGER NOT NULL DEFAULT 0;
)",
    R"(
ALTER TABLE tasks ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN origin TEXT NOT NULL DEFAULT '';
CREATE INDEX tasks_shop_created ON tasks(agent, created, id) WHERE shop = 1;
)"};

constexpr const char* agent_columns =
    "id, protocol, name, version, peer, first_seen, last_seen, platform, capabilities, "
    "coalesce((SELECT at FROM reports WHERE agent=agents.id AND kind='heartbeat'), 0)";
constexpr const char* task_columns =
    "id, agent, action, params, state, sent, bound, created, updated, expires, data, code, message, detail, "
    "target, shop, warned, confirmed, caller, dropped, no_resend, digest, origin";

std::string select(const char* columns, const char* rest)
{
    return std::string{"SELECT "} + columns + " FROM " + rest;
}

} // namespace

Store::Tables::Tables(base::Database& database, std::uint64_t result_bytes)
    : db{database}, results{database, result_bytes},
      agent_seen{db.prepare("INSERT INTO agents VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT(id) DO UPDATE "
                            "SET protocol=?2, name=?3, version=?4, peer=?5, last_seen=max(last_seen, ?7), "
                            "platform=?8, capabilities=?9")},
      agent_find{db.prepare(select(agent_columns, "agents WHERE id=?1"))},
      agent_list{db.prepare(select(agent_columns, "agents WHERE id>?1 ORDER BY id LIMIT ?2"))},
      agent_list_of{
          db.prepare(select(agent_columns, "agents WHERE protocol=?3 AND id>?1 ORDER BY id LIMIT ?2"))},
      agent_forget{db.prepare("DELETE FROM agents WHERE id=?1")},
      agent_trim{db.prepare("DELETE FROM agents WHERE id IN (SELECT id FROM agents ORDER BY last_seen "
                            "LIMIT max(0, (SELECT count(*) FROM agents) - ?1))")},
      report_save{db.prepare("INSERT OR REPLACE INTO reports VALUES(?1,?2,?3,?4)")},
      report_find{db.prepare("SELECT kind, at, json FROM reports WHERE agent=?1")},
      report_trim{db.prepare("DELETE FROM reports WHERE agent NOT IN (SELECT id FROM agents)")},
      task_save{db.prepare("INSERT OR REPLACE INTO tasks(" + std::string{task_columns} +
                           ", bytes) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,"
                           "?18,?19,?20,?21,?22,?23,?24)")},
      task_find{db.prepare(select(task_columns, "tasks WHERE id=?1"))},
      shop_list{
          db.prepare(select(task_columns, "tasks WHERE shop=1 AND agent=?1 AND (created, id) < (?2, ?3) "
                                          "ORDER BY created DESC, id DESC"))},
      task_expire{db.prepare("DELETE FROM tasks WHERE expires<?1 AND state>=3 AND shop=0")},
      task_trim{db.prepare(
          "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE state>=3 ORDER BY updated LIMIT "
          "max(0, (SELECT count(*) FROM tasks) - ?1))")},
      shop_trim{db.prepare(
          "DELETE FROM tasks WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY "
          "agent ORDER BY updated DESC, id) AS place FROM tasks WHERE shop=1 AND state>=3) WHERE place>?1)")},
      token_save{db.prepare("INSERT OR REPLACE INTO minted_tokens VALUES(?1,?2,?3,?4)")},
      token_remove{db.prepare("DELETE FROM minted_tokens WHERE id=?1")}
{}

void Store::Tables::save(const TaskRecord& t)
{
    task_save.bind(1, t.id).bind(2, t.agent).bind(3, t.action);
    // Another process never resends a bound task, and its params contain one-time URLs.
    task_save.bind(4, t.bound || final(t.state) ? std::string_view{} : std::string_view{t.params});
    task_save.bind(5, std::int64_t(t.state)).bind(6, std::int64_t{t.sent}).bind(7, std::int64_t{t.bound});
    task_save.bind(8, t.created).bind(9, t.updated).bind(10, t.expires).bind(11, t.data).bind(12, t.code);
    task_save.bind(13, t.message).bind(14, t.detail).bind(15, t.target).bind(16, std::int64_t{t.shop});
    task_save.bind(17, t.warned).bind(18, t.confirmed).bind(19, t.caller);
    const std::uint64_t bytes = t.dropped == 0 ? result_bytes(t) : 0;
    task_save.bind(20, static_cast<std::int64_t>(t.dropped)).bind(21, std::int64_t{t.no_resend});
    task_save.bind(22, t.digest).bind(23, t.origin).bind(24, static_cast<std::int64_t>(bytes)).run();
    results.saved(bytes);
}

// A token names at most 1,000 agents.
void Store::Tables::list_among(const Registry::Page& page, std::vector<AgentRecord>& found)
{
    const std::set<std::string_view> ids{page.among->begin(), page.among->end()};
    for (auto id = ids.upper_bound(page.after); id != ids.end() && found.size() < page.max_rows; ++id) {
        if (agent_find.bind(1, *id).step()) {
            AgentRecord row = agent(agent_find);
            if (page.protocol.empty() || row.protocol == page.protocol) found.push_back(std::move(row));
        }
        agent_find.reset();
    }
}

AgentRecord Store::Tables::agent(const base::Statement& row)
{
    return {.id = std::string{row.text(0)},
            .protocol = std::string{row.text(1)},
            .name = std::string{row.text(2)},
            .version = std::string{row.text(3)},
            .peer = std::string{row.text(4)},
            .first_seen = row.integer(5),
            .last_seen = row.integer(6),
            .platform = std::string{row.text(7)},
            .capabilities = std::string{row.text(8)},
            .last_heartbeat = row.integer(9)};
}

TaskRecord Store::Tables::task(const base::Statement& row)
{
    return {.id = std::string{row.text(0)},
            .agent = std::string{row.text(1)},
            .action = std::string{row.text(2)},
            .params = std::string{row.text(3)},
            .target = std::string{row.text(14)},
            .caller = std::string{row.text(18)},
            .state = static_cast<TaskState>(std::clamp<std::int64_t>(row.integer(4), 0, 5)),
            .sent = static_cast<int>(row.integer(5)),
            .bound = row.integer(6) != 0,
            .no_resend = row.integer(20) != 0,
            .shop = row.integer(15) != 0,
            .created = row.integer(7),
            .updated = row.integer(8),
            .expires = row.integer(9),
            .warned = row.integer(16),
            .confirmed = row.integer(17),
            .dropped = static_cast<std::uint64_t>(row.integer(19)),
            .digest = std::string{row.text(21)},
            .origin = std::string{row.text(22)},
            .data = std::string{row.text(10)},
            .code = std::string{row.text(11)},
            .message = std::string{row.text(12)},
            .detail = std::string{row.text(13)}};
}

std::string Store::Tables::tasks_where(const char* condition)
{
    return select(task_columns, "tasks WHERE ") + condition;
}

void Store::Tables::upgrade(base::Database& db, const std::string& file)
{
    auto version = db.prepare("PRAGMA user_version");
    version.step();
    const std::int64_t found = version.integer(0);
    version.reset();
    if (found > std::int64_t{upgrades.size()}) {
        throw std::runtime_error{
            file + " was written by a newer version of the hub. Upgrade agenthost, or name another file in "
                   "plugins.hub.config.database."};
    }
    for (auto next = static_cast<std::size_t>(found); next < upgrades.size(); ++next) {
        base::Transaction step{db};
        db.exec(upgrades.at(next));
        db.exec(("PRAGMA user_version=" + std::to_string(next + 1)).c_str());
        step.commit();
    }
}

} // namespace agenthost::hub

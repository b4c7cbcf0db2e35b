#include "layout.hpp"

#include <array>
#include <string>

namespace agenthost::docker::store {

namespace {

// A specification has a table of its own: SQLite writes a complete row at each change, and the states change
// often. Its digest finds damage that SQLite does not look for. `lease_holder` and `lease_until` are for
// failover between machines; nothing uses them yet.
constexpr const char* version_1 = R"(
CREATE TABLE servers(
  id TEXT PRIMARY KEY, spec_hash TEXT NOT NULL, created_ms INTEGER NOT NULL,
  memory INTEGER NOT NULL, disk INTEGER NOT NULL,
  wants_running INTEGER NOT NULL, goal INTEGER NOT NULL, install INTEGER NOT NULL, flags INTEGER NOT NULL,
  run TEXT NOT NULL, judged_run TEXT NOT NULL, fault_code TEXT NOT NULL, fault TEXT NOT NULL,
  container TEXT NOT NULL DEFAULT '', state INTEGER NOT NULL DEFAULT 0,
  console_stamp INTEGER NOT NULL DEFAULT 0, console_count INTEGER NOT NULL DEFAULT 0,
  lease_holder TEXT, lease_until INTEGER) WITHOUT ROWID;
CREATE TABLE specs(
  server TEXT PRIMARY KEY REFERENCES servers(id) ON DELETE CASCADE, spec TEXT NOT NULL, sha256 BLOB NOT NULL);
CREATE TABLE ports(
  server TEXT NOT NULL REFERENCES servers(id) ON DELETE CASCADE, position INTEGER NOT NULL,
  port TEXT NOT NULL, PRIMARY KEY(server, position)) WITHOUT ROWID;
)";
// The project of a server's disk quota; 0: none.
constexpr const char* version_2 = R"(
ALTER TABLE servers ADD COLUMN project INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX servers_project ON servers(project) WHERE project <> 0;
)";
// How the goal ends the server, and the action that waits (`next`: 0: none, else its number + 1). A timeout is
// in ms; -1: none.
constexpr const char* version_3 = R"(
ALTER TABLE servers ADD COLUMN stop_timeout INTEGER NOT NULL DEFAULT -1;
ALTER TABLE servers ADD COLUMN stop_signal TEXT NOT NULL DEFAULT '';
ALTER TABLE servers ADD COLUMN next INTEGER NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN next_start INTEGER NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN next_timeout INTEGER NOT NULL DEFAULT -1;
ALTER TABLE servers ADD COLUMN next_signal TEXT NOT NULL DEFAULT '';
)";
// The number of the last action that began.
constexpr const char* version_4 = R"(
ALTER TABLE servers ADD COLUMN action INTEGER NOT NULL DEFAULT 0;
)";
constexpr std::array<const char*, 4> steps{version_1, version_2, version_3, version_4};

} // namespace

std::span<const char* const> layout_steps() { return steps; }

int layout_version(base::Database& db)
{
    auto statement = db.prepare("PRAGMA user_version");
    return statement.step() ? static_cast<int>(statement.integer(0)) : 0;
}

void upgrade_layout(base::Database& db, std::span<const char* const> steps)
{
    for (auto version = static_cast<std::size_t>(layout_version(db)); version < steps.size(); ++version) {
        base::Transaction transaction{db};
        db.exec(steps[version]);
        db.exec(("PRAGMA user_version = " + std::to_string(version + 1)).c_str());
        transaction.commit();
    }
}

} // namespace agenthost::docker::store

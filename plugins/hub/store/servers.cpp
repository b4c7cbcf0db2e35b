#include "servers.hpp"

#include "base/sqlite.hpp"

#include <array>
#include <stdexcept>
#include <utility>

namespace agenthost::hub {

namespace {

// `lease` is for moving servers to other agents, which no hub does yet. host/adr/0017.
constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS servers(agent TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, image TEXT NOT NULL,
    desired TEXT NOT NULL, memory INTEGER NOT NULL, disk INTEGER NOT NULL, milli_cpus INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL, lease TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(agent, id)) WITHOUT ROWID;
)";

constexpr std::array<std::string_view, 3> words{"none", "stopped", "running"}; // in the order of DesiredState

} // namespace

std::string_view to_string(DesiredState state) { return words.at(static_cast<std::size_t>(state)); }

DesiredState desired_state(std::string_view word)
{
    for (std::size_t i = 0; i < words.size(); ++i)
        if (words.at(i) == word) return static_cast<DesiredState>(i);
    return DesiredState::none;
}

StoreServers::StoreServers(Store& store, Loaded& loaded) : store_{store}
{
    try {
        store.setup([&](base::Database& db) {
            db.exec(schema);
            auto rows =
                db.prepare("SELECT agent, id, name, image, desired, memory, disk, milli_cpus, created, "
                           "updated, lease, lease_until FROM servers ORDER BY agent, id LIMIT ?1");
            rows.bind(1, max_rows);
            while (rows.step()) {
                ServerRow row{.agent = std::string{rows.text(0)},
                              .id = std::string{rows.text(1)},
                              .name = std::string{rows.text(2)},
                              .image = std::string{rows.text(3)},
                              .desired = desired_state(rows.text(4)),
                              .memory = rows.integer(5),
                              .disk = rows.integer(6),
                              .milli_cpus = rows.integer(7),
                              .created = rows.integer(8),
                              .updated = rows.integer(9)};
                if (!rows.is_null(10)) row.lease = std::string{rows.text(10)};
                row.lease_until = rows.integer(11);
                loaded.push_back(std::move(row));
            }
        });
    } catch (const base::SqliteError& e) {
        throw std::runtime_error{std::string{"hub: cannot use its database: "} + e.what()};
    }
}

bool StoreServers::save(const ServerRow& row)
{
    return store_.in_commit(
        [row](base::Database& db) {
            db.prepare(
                  "INSERT INTO servers(agent, id, name, image, desired, memory, disk, milli_cpus, created, "
                  "updated) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE (SELECT count(*) FROM "
                  "servers) < ?11 OR EXISTS(SELECT 1 FROM servers WHERE agent=?1 AND id=?2) ON "
                  "CONFLICT(agent, id) DO UPDATE SET name=?3, image=?4, desired=?5, memory=?6, disk=?7, "
                  "milli_cpus=?8, updated=?10")
                .bind(1, row.agent)
                .bind(2, row.id)
                .bind(3, row.name)
                .bind(4, row.image)
                .bind(5, to_string(row.desired))
                .bind(6, row.memory)
                .bind(7, row.disk)
                .bind(8, row.milli_cpus)
                .bind(9, row.created)
                .bind(10, row.updated)
                .bind(11, max_rows)
                .run();
        },
        {});
}

bool StoreServers::remove(std::string agent, std::string id)
{
    return store_.in_commit(
        [agent = std::move(agent), id = std::move(id)](base::Database& db) {
            db.prepare("DELETE FROM servers WHERE agent=?1 AND id=?2").bind(1, agent).bind(2, id).run();
        },
        {});
}

} // namespace agenthost::hub

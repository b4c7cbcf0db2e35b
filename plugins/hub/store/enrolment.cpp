#include "enrolment.hpp"

#include "base/json_depth.hpp"
#include "base/sqlite.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

namespace agenthost::hub {

namespace {

using nlohmann::json;

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS enrolments(id TEXT PRIMARY KEY, name TEXT NOT NULL, protocol TEXT NOT NULL, secret BLOB,
    salt TEXT NOT NULL, refresh BLOB, refresh_void INTEGER NOT NULL, refresh_until INTEGER NOT NULL,
    valid_from INTEGER NOT NULL, created INTEGER NOT NULL, jwt INTEGER NOT NULL, revoked INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minted_jwts(jti TEXT PRIMARY KEY, label TEXT NOT NULL, subject TEXT NOT NULL, role TEXT NOT NULL,
    agents TEXT, created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL) WITHOUT ROWID;
)";

// Columns added later; a file of an older hub gets them at start-up.
constexpr std::array<std::pair<const char*, const char*>, 4> later_columns{{
    {"is_foreign", "ALTER TABLE enrolments ADD COLUMN is_foreign INTEGER NOT NULL DEFAULT 0"},
    {"tokens_until", "ALTER TABLE enrolments ADD COLUMN tokens_until INTEGER NOT NULL DEFAULT 0"},
    {"version", "ALTER TABLE enrolments ADD COLUMN version INTEGER NOT NULL DEFAULT 1"},
    {"unproven", "ALTER TABLE enrolments ADD COLUMN unproven TEXT NOT NULL DEFAULT ''"},
}};
// Moves agents that an older hub created into this table.
constexpr const char* take_over = R"(
INSERT OR IGNORE INTO enrolments(id, name, protocol, secret, salt, refresh, refresh_void, refresh_until, valid_from, created, jwt, revoked)
    SELECT id, '', '', CASE revoked WHEN 0 THEN token END, '', NULL, 0, 0, 0, created, 0, revoked FROM minted_agents;
DELETE FROM minted_agents;
)";
// Enrols agents of JWT-only protocols that an older hub saw in the last 30 days without enrolling them, so
// that nobody else can use their ids.
constexpr const char* enrol_seen_agents = R"(
INSERT OR IGNORE INTO enrolments(id, name, protocol, salt, refresh_void, refresh_until, valid_from, created, jwt, revoked, is_foreign,
    tokens_until) SELECT id, '', protocol, '', 0, 0, 0, last_seen, 0, 0, 1, last_seen/1000 FROM agents
    WHERE protocol IN ('panel','dashboard') AND last_seen>?1
)";
constexpr std::int64_t month_ms = 30LL * 24 * 3600 * 1000;
constexpr const char* columns = "id, name, protocol, secret, salt, refresh, refresh_void, refresh_until, "
                                "valid_from, created, jwt, revoked, "
                                "is_foreign, tokens_until, version, unproven";

base::Sha256Digest digest(std::span<const unsigned char> blob)
{
    base::Sha256Digest d{};
    std::copy_n(blob.begin(), std::min(blob.size(), d.size()), d.begin());
    return d;
}

Enrolment enrolment_row(const base::Statement& row)
{
    Enrolment e{.id = std::string{row.text(0)},
                .name = std::string{row.text(1)},
                .protocol = std::string{row.text(2)},
                .salt = std::string{row.text(4)},
                .refresh_void = row.integer(6) != 0,
                .refresh_until = row.integer(7),
                .valid_from = row.integer(8),
                .created = row.integer(9),
                .jwt = row.integer(10) != 0,
                .revoked = row.integer(11) != 0,
                .foreign = row.integer(12) != 0,
                .tokens_until = row.integer(13),
                .version = static_cast<std::uint64_t>(row.integer(14))};
    e.unproven = row.text(15);
    if (!row.is_null(3)) e.secret = digest(row.blob(3));
    auto tokens = row.blob(5);
    for (const std::size_t size = base::Sha256Digest{}.size(); tokens.size() >= size;
         tokens = tokens.subspan(size))
        e.refresh.push_back(digest(tokens));
    return e;
}

MintedJwt jwt_row(const base::Statement& row)
{
    MintedJwt j{.jti = std::string{row.text(0)},
                .label = std::string{row.text(1)},
                .subject = std::string{row.text(2)},
                .role = role(row.text(3)).value_or(Role::agent),
                .created = row.integer(5),
                .expires = row.integer(6),
                .revoked = row.integer(7) != 0};
    if (!row.is_null(4)) {
        j.agents.emplace();
        for (const json& id : base::parse_json<json>(row.text(4))) {
            if (id.is_string()) j.agents->push_back(id.get<std::string>());
        }
    }
    return j;
}

} // namespace

StoreEnrolment::StoreEnrolment(Store& store, std::int64_t now, Loaded& loaded) : store_{store}
{
    try {
        store.setup([&](base::Database& db) {
            db.exec(schema);
            base::Transaction transaction{db};
            db.prepare("DELETE FROM minted_jwts WHERE expires<?1").bind(1, now).run();
            std::set<std::string, std::less<>> present;
            auto info = db.prepare("SELECT name FROM pragma_table_info('enrolments')");
            while (info.step()) present.emplace(info.text(0));
            for (const auto& [column, add] : later_columns) {
                if (!present.contains(column)) db.exec(add);
            }
            db.exec(take_over);
            if (!present.contains("is_foreign")) db.prepare(enrol_seen_agents).bind(1, now - month_ms).run();
            transaction.commit();
            auto enrolments = db.prepare("SELECT " + std::string{columns} + " FROM enrolments");
            while (enrolments.step()) loaded.enrolments.push_back(enrolment_row(enrolments));
            auto jwts = db.prepare("SELECT * FROM minted_jwts");
            while (jwts.step()) loaded.jwts.push_back(jwt_row(jwts));
        });
    } catch (const base::SqliteError& e) {
        throw std::runtime_error{std::string{"hub: cannot use its database: "} + e.what()};
    }
}

// `work` returns whether it found the row as expected.
bool StoreEnrolment::write(std::function<bool(base::Database&)> work, std::function<void(Written)> done)
{
    auto found = std::make_shared<bool>(false); // a failed group commit runs the work again
    return store_.in_commit([work = std::move(work), found](base::Database& db) { *found = work(db); },
                            [found, done = std::move(done)](bool ok) {
                                if (done)
                                    done(!ok ? Written::failed : *found ? Written::done : Written::changed);
                            });
}

bool StoreEnrolment::save(const Enrolment& e, std::uint64_t expected, std::function<void(Written)> done)
{
    return write(
        [e, expected](base::Database& db) {
            std::vector<unsigned char> refresh;
            for (const auto& token : e.refresh) refresh.insert(refresh.end(), token.begin(), token.end());
            auto save = db.prepare(
                expected == 0 ? "INSERT OR IGNORE INTO enrolments(" + std::string{columns} +
                                    ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)"
                              : "UPDATE enrolments SET name=?2, protocol=?3, secret=?4, salt=?5, "
                                "refresh=?6, refresh_void=?7, refresh_until=?8, valid_from=?9, "
                                "created=?10, jwt=?11, revoked=?12, is_foreign=?13, "
                                "tokens_until=?14, version=?15, unproven=?16 WHERE id=?1 AND "
                                "version=?17");
            save.bind(1, e.id).bind(2, e.name).bind(3, e.protocol).bind(5, e.salt).bind_blob(6, refresh);
            if (e.secret)
                save.bind_blob(4, *e.secret);
            else
                save.bind_null(4);
            save.bind(7, std::int64_t{e.refresh_void}).bind(8, e.refresh_until).bind(9, e.valid_from);
            save.bind(10, e.created).bind(11, std::int64_t{e.jwt}).bind(12, std::int64_t{e.revoked});
            save.bind(13, std::int64_t{e.foreign}).bind(14, e.tokens_until);
            save.bind(15, static_cast<std::int64_t>(e.version));
            save.bind(16, e.unproven);
            if (expected != 0) save.bind(17, static_cast<std::int64_t>(expected));
            save.run();
            return db.changes() == 1;
        },
        std::move(done));
}

bool StoreEnrolment::remove(std::string id, std::uint64_t expected, std::function<void(Written)> done)
{
    return write(
        [id = std::move(id), expected](base::Database& db) {
            auto remove = db.prepare("DELETE FROM enrolments WHERE id=?1 AND version=?2");
            remove.bind(1, id).bind(2, static_cast<std::int64_t>(expected)).run();
            return db.changes() == 1;
        },
        std::move(done));
}

bool StoreEnrolment::save(const MintedJwt& j, std::function<void(bool)> done)
{
    return store_.in_commit(
        [j](base::Database& db) {
            auto save = db.prepare("INSERT OR REPLACE INTO minted_jwts VALUES(?1,?2,?3,?4,?5,?6,?7,?8)");
            save.bind(1, j.jti).bind(2, j.label).bind(3, j.subject).bind(4, to_string(j.role));
            if (j.agents)
                save.bind(5, json(*j.agents).dump(-1, ' ', false, json::error_handler_t::replace));
            else
                save.bind_null(5);
            save.bind(6, j.created).bind(7, j.expires).bind(8, std::int64_t{j.revoked}).run();
        },
        std::move(done));
}

bool StoreEnrolment::remove_jwt(std::string jti, std::function<void(bool)> done)
{
    return store_.in_commit(
        [jti = std::move(jti)](base::Database& db) {
            db.prepare("DELETE FROM minted_jwts WHERE jti=?1").bind(1, jti).run();
        },
        std::move(done));
}

} // namespace agenthost::hub

// Concurrent, failing and interrupted changes of credentials, compared with a model that knows the answers.
#include "plugins/hub/agents/registration.hpp"
#include "plugins/hub/console/admin.hpp"

#include "tests/unit/hub/parts.hpp"

#include "tests/support/support.hpp"

#include "base/uuid.hpp"

#include <random>

using namespace agenthost::hub_test;
namespace base = agenthost::base;
namespace wire = agenthost::wire;

namespace {

// The table: writes wait until the test commits them, in order; a crash loses those that were not committed.
class CrashTable final : public EnrolmentTable, public CredentialTable {
public:
    bool save(const Enrolment& e, std::uint64_t expected, std::function<void(Written)> done) override
    {
        return add(
            [this, e, expected] { return fits(e.id, expected) && (rows.insert_or_assign(e.id, e), true); },
            std::move(done));
    }
    bool remove(std::string id, std::uint64_t expected, std::function<void(Written)> done) override
    {
        return add([this, id, expected] { return fits(id, expected) && (rows.erase(id), true); },
                   std::move(done));
    }
    bool save(const MintedJwt&, std::function<void(bool)>) override { return true; }
    bool remove_jwt(std::string, std::function<void(bool)>) override { return true; }
    bool save(const MintedToken&, std::function<void(bool)>) override { return true; }
    bool remove_token(std::string, std::function<void(bool)>) override { return true; }

    void commit(bool disk_works)
    {
        if (waiting.empty()) return;
        const auto [work, done] = std::move(waiting.front());
        waiting.pop_front();
        const Written result = !disk_works ? Written::failed : work() ? Written::done : Written::changed;
        if (done) done(result);
    }
    void commit_unheard() // and the crash comes before anybody hears of it
    {
        if (!waiting.empty()) waiting.front().first();
        if (!waiting.empty()) waiting.pop_front();
    }

    std::map<std::string, Enrolment> rows; // the disk
    std::deque<std::pair<std::function<bool()>, std::function<void(Written)>>> waiting;
    bool full = false;

private:
    bool fits(const std::string& id, std::uint64_t expected) const
    {
        const auto it = rows.find(id);
        return it == rows.end() ? expected == 0 : it->second.version == expected;
    }
    bool add(std::function<bool()> work, std::function<void(Written)> done)
    {
        return !full && (waiting.emplace_back(std::move(work), std::move(done)), true);
    }
};

class NoNonces final : public wire::NonceBook {
public:
    Verdict admit(std::string_view, std::string_view, std::int64_t) override { return Verdict::fresh; }
};

std::string test_why;
const std::shared_ptr<const Jwt> test_jwt = Jwt::of_secret("a-secret-of-the-test-0123456789abcdef", test_why);

// One process of the hub, with a disk that outlives it.
struct Process {
    Process(CrashTable& t, Later& l, const std::int64_t& utc, const RootKey& root, Config config = {})
        : core{std::move(config), daemon}, tables{l}, table{t}
    {
        core.utc = [&utc] { return utc; };
        credentials.agents.set_jwt(test_jwt);
        credentials.agents.set_root(&root);
        credentials.callers.set_enroll_token(base::sha256("enroll-token"));
        for (const auto& [id, row] : t.rows) credentials.enrolments.put(row);
    }
    void enter(const std::function<void()>& work) { core.strand.run(work); }
    Conn post(const std::string& path, const std::string& body)
    {
        Head head;
        head.method = "POST";
        head.path = path;
        head.peer = "[2001:db8::1]:5";
        head.headers.emplace("authorization", "Bearer enroll-token");
        head.length = body.size();
        const Conn conn = ++last;
        enter([&] { call(registration.routes(), "POST", path, exchanges.open(conn), head, {}); });
        enter([&] { exchanges.body(conn, {.length = body.size(), .data = body}); });
        return conn;
    }

    MemoryDaemon daemon;
    Core core;
    Exchanges exchanges{core, daemon};
    MemoryTables tables;
    CrashTable& table;
    MemoryFanout fanout;
    Credentials credentials;
    EnrolmentBook book{core, credentials, table};
    NoNonces nonces;
    Sessions sessions{core, exchanges, credentials.agents, nonces};
    Commands commands{core, tables, fanout};
    Registration registration{
        core, exchanges, credentials, book, {.renewed = [](std::string_view, const Claims&) {}}};
    Admin admin{core, credentials, table, table, book, tables, sessions};
    Conn last = 0;
};

struct BookTest : testing::Test {
    void boot(Config config = {})
    {
        if (config.database.empty())
            config.database = (dir / "hub.db").string(); // what failed is tried there
        hub = std::make_unique<Process>(table, later, utc, root, std::move(config));
    }
    // Tombstones r0, r1, ... and one more than are kept.
    void boot_with_one_stone_too_many()
    {
        for (std::size_t i = 0; i <= EnrolmentBook::max_unmerged_tombstones; ++i) {
            Enrolment e{.id = "r" + std::to_string(i),
                        .created = utc + std::int64_t(i) * 1000,
                        .revoked = true,
                        .version = 1};
            table.rows.emplace(e.id, e);
        }
        boot(shared_key());
    }
    // Calls an action; its answer follows a commit.
    std::shared_ptr<json> call(const std::string& action, const json& params)
    {
        auto result = std::make_shared<json>();
        auto reply = std::make_shared<Reply>();
        reply->ok = [result](const std::string& text) { *result = json::parse(text); };
        reply->fail = [result](std::string_view code, const std::string& text) {
            *result = {{"failed", code}, {"message", text}};
        };
        hub->enter([&] { hub->admin.call(action, params.dump(), reply); });
        later.run();
        return result;
    }
    json done(const std::string& action, const json& params)
    {
        const auto result = call(action, params);
        commit_all();
        return *result;
    }
    void commit_all()
    {
        while (!table.waiting.empty()) table.commit(true);
    }
    bool admitted(const std::string& jwt)
    {
        return hub->credentials.agents.by_jwt(jwt, utc, why).has_value();
    }
    std::string signed_elsewhere(const std::string& id, std::int64_t issued_s, std::int64_t lives_s = 3600)
    {
        return test_jwt->sign(
            {.sub = id, .iat = issued_s, .exp = issued_s + lives_s, .jti = agenthost::base::random_uuid()});
    }
    void upkeep()
    {
        hub->enter([&] { hub->book.upkeep([](std::string_view) { return false; }); });
        commit_all();
    }
    static Config shared_key()
    {
        Config c;
        c.jwt_secret = {Secret::Kind::env, "X"};
        return c;
    }

    agenthost::test::TempDir dir;
    std::int64_t utc = 1'800'000'000'000;
    Later later;
    RootKey root{(dir / "key").string()};
    CrashTable table;
    std::unique_ptr<Process> hub;
    std::string why;
};

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;

TEST_F(BookTest, ARefreshThatWasDecidedBeforeARevocationDoesNotUndoIt)
{
    boot();
    const json made = done("hub.agent_add", {{"id", "a"}, {"protocol", "panel"}});
    const auto revoked = call("hub.agent_revoke", {{"id", "a"}});
    const Conn conn = hub->post("/api/agents/refresh", json{{"refreshToken", made["refreshToken"]}}.dump());
    commit_all();
    EXPECT_EQ((*revoked)["id"], "a");
    EXPECT_EQ(hub->daemon.answers.at(conn).status, 401) << "it was decided again, on the revoked row";
    EXPECT_TRUE(table.rows.at("a").revoked);
    EXPECT_TRUE(hub->credentials.enrolments.revoked("a"));
    boot();
    EXPECT_FALSE(admitted(made["token"]));
}

TEST_F(BookTest, ARefreshWhoseAnswerWasLostInACrashIsRepeated)
{
    boot();
    const json made = done("hub.agent_add", {{"id", "a"}, {"protocol", "panel"}});
    const auto refreshes = [&](const json& token) {
        const Conn conn = hub->post("/api/agents/refresh", json{{"refreshToken", token}}.dump());
        commit_all();
        const Answer& answer = hub->daemon.answers.at(conn);
        return answer.status == 200 ? json::parse(answer.body)["agent"] : json{{"id", answer.status}};
    };
    hub->post("/api/agents/refresh", json{{"refreshToken", made["refreshToken"]}}.dump());
    table.commit_unheard();
    boot();
    const json renewed = refreshes(made["refreshToken"]);
    EXPECT_EQ(renewed["id"], "a");
    const auto connects = [&](const json& jwt) {
        const auto who = hub->credentials.agents.by_jwt(jwt.get<std::string>(), utc, why);
        ASSERT_TRUE(who) << why;
        hub->enter([&] { hub->book.admitted_by_token("a", "panel", who->second.jti, who->second.expires); });
        commit_all();
    };
    connects(made["token"]);
    EXPECT_EQ(refreshes(made["refreshToken"])["id"], "a") << "an older JWT proves nothing";
    const json newest = refreshes(made["refreshToken"]);
    connects(newest["token"]);
    EXPECT_EQ(table.rows.at("a").unproven, "");
    boot();
    EXPECT_EQ(refreshes(made["refreshToken"])["id"], 401) << "its answer has arrived, so this is a copy";
    EXPECT_EQ(refreshes(newest["refreshToken"])["id"], 401);
}

TEST_F(BookTest, MemoryFollowsTheDisk)
{
    boot();
    const json made = done("hub.agent_add", {{"id", "a"}, {"protocol", "panel"}});
    const auto revoked = call("hub.agent_revoke", {{"id", "a"}});
    EXPECT_TRUE(admitted(made["token"])) << "not before it is on disk";
    table.commit(false);
    EXPECT_EQ((*revoked)["failed"], "DISK_ERROR");
    EXPECT_TRUE(admitted(made["token"]));
    table.full = true;
    EXPECT_EQ((*call("hub.agent_revoke", {{"id", "a"}}))["failed"], "BUSY");
    table.full = false;
    EXPECT_EQ(done("hub.agent_revoke", {{"id", "a"}})["id"], "a");
    EXPECT_FALSE(admitted(made["token"]));
}

TEST_F(BookTest, TheThirtyDayCleanUpKeepsRotations)
{
    boot(shared_key());
    const std::string foreign = signed_elsewhere("a", utc / 1000, 400 * 86'400);
    const json first = done("hub.agent_add", {{"id", "a"}, {"protocol", "panel"}, {"expires", "300d"}});
    utc += 2'000;
    done("hub.agent_add", {{"id", "a"}, {"protocol", "panel"}, {"rotate", true}});
    done("hub.agent_add", {{"id", "b"}, {"protocol", "panel"}});
    utc += 31 * day_ms;
    upkeep();
    EXPECT_FALSE(table.rows.contains("b")) << "it has nothing to refuse";
    utc += 300 * day_ms;
    upkeep();
    ASSERT_TRUE(table.rows.contains("a"));
    EXPECT_TRUE(table.rows.at("a").is_tombstone());
    EXPECT_FALSE(hub->credentials.agents.knows("a"));
    EXPECT_FALSE(admitted(foreign)) << "it was signed before the rotation";
    boot(shared_key());
    EXPECT_FALSE(admitted(foreign));
    EXPECT_TRUE(admitted(signed_elsewhere("a", utc / 1000)));
}

TEST_F(BookTest, AnAgentWithAValidJwtIsNotDeleted)
{
    boot();
    done("hub.agent_add", {{"id", "a"}, {"protocol", "panel"}, {"expires", "60d"}});
    utc += 40 * day_ms;
    upkeep();
    EXPECT_TRUE(table.rows.contains("a"));
    utc += 21 * day_ms;
    upkeep();
    EXPECT_FALSE(table.rows.contains("a"));
}

TEST_F(BookTest, AnIdAdmittedByAJwtIsNeverTrustedEvenIfTheDiskFails)
{
    boot();
    hub->credentials.agents.trust_shops(true);
    const auto trusted = [&] { return hub->credentials.agents.admits("p1", Proof{}, utc); };
    EXPECT_TRUE(trusted());
    const auto connects = [&] {
        hub->enter([&] { hub->book.admitted_by_token("p1", "panel", {}, utc / 1000 + 60); });
    };
    connects();
    EXPECT_FALSE(trusted()) << "before the row is on disk";
    table.commit(false);
    EXPECT_FALSE(trusted()) << "the disk refused";
    connects();
    table.commit(true);
    EXPECT_FALSE(trusted());
    EXPECT_TRUE(table.rows.at("p1").foreign);
    connects();
    EXPECT_TRUE(table.waiting.empty()) << "nothing new is to be written";
    utc += 31 * day_ms;
    upkeep();
    EXPECT_TRUE(trusted()) << "30 days after its JWT expired it is forgotten";
}

TEST_F(BookTest, ATombstoneStaysUntilTheLastTokenItRefusesHasExpired)
{
    boot(); // nobody else has the key: the last token is known
    const json made = done("hub.agent_add", {{"id", "a"}, {"protocol", "dashboard"}, {"expires", "90d"}});
    done("hub.agent_revoke", {{"id", "a"}});
    utc += 89 * day_ms;
    upkeep();
    EXPECT_TRUE(table.rows.contains("a"));
    EXPECT_FALSE(admitted(made["token"]));
    utc += 2 * day_ms;
    upkeep();
    EXPECT_FALSE(table.rows.contains("a"));

    boot(shared_key()); // signed elsewhere: nobody knows for how long
    done("hub.agent_add", {{"id", "b"}});
    done("hub.agent_revoke", {{"id", "b"}});
    utc += 3650 * day_ms;
    upkeep();
    EXPECT_FALSE(admitted(signed_elsewhere("b", utc / 1000)));
    EXPECT_EQ(done("hub.agent_add", {{"id", "b"}})["id"], "b");
}

TEST_F(BookTest, ExcessTombstonesAreMergedAndStillReject)
{
    boot_with_one_stone_too_many();
    const std::string old_token = signed_elsewhere("r0", utc / 1000 - 10, 3'000'000);
    const std::string others = signed_elsewhere("other", utc / 1000 - 10, 3'000'000);
    utc += 1'000'000'000;
    EXPECT_FALSE(admitted(old_token));
    EXPECT_TRUE(admitted(others));
    upkeep();
    EXPECT_LE(hub->credentials.enrolments.counts().tombstones, EnrolmentBook::max_unmerged_tombstones);
    EXPECT_FALSE(table.rows.contains("r0"));
    EXPECT_FALSE(admitted(signed_elsewhere("r0", 1'800'000'000 - 10, 3'000'000)));
    boot(shared_key());
    EXPECT_FALSE(admitted(signed_elsewhere("r0", 1'800'000'000 - 10, 3'000'000))) << "after a restart";
    EXPECT_FALSE(admitted(signed_elsewhere("other", 1'800'000'000 - 10, 3'000'000))) << "the price";
    EXPECT_TRUE(admitted(signed_elsewhere("other", utc / 1000)));
    const json ours = done("hub.agent_add", {{"id", "new"}, {"protocol", "panel"}});
    EXPECT_TRUE(admitted(ours["token"]));
}

// The tombstone is gone and the new enrolment is one of ours, to which the floor does not apply: the deleted
// agent's JWT was valid again.
TEST_F(BookTest, AnAgentAddedAfterItsTombstoneWasMergedRejectsTheTokensOfTheDeletedOne)
{
    boot_with_one_stone_too_many();
    const std::int64_t issued = utc / 1000 - 10;
    utc += 1'000'000'000;
    upkeep();
    ASSERT_FALSE(table.rows.contains("r0"));
    // A foreign agent with an earlier JWT also gets a credential of ours.
    hub->enter([&] { hub->book.admitted_by_token("f", "panel", {}, utc / 1000 + 3'000'000); });
    commit_all();
    ASSERT_TRUE(table.rows.at("f").foreign);
    for (const char* id : {"r0", "f"}) {
        const std::string old = signed_elsewhere(id, issued, 3'000'000);
        ASSERT_FALSE(admitted(old)) << id;
        for (const char* protocol : {"panel", "storage"}) {
            done("hub.agent_add", {{"id", id}, {"protocol", protocol}, {"rotate", protocol[0] == 's'}});
            EXPECT_FALSE(admitted(old)) << id << " " << protocol;
        }
        done("hub.agent_add", {{"id", id}, {"protocol", "panel"}, {"rotate", true}});
        EXPECT_FALSE(admitted(old)) << id;
    }
    boot(shared_key());
    EXPECT_FALSE(admitted(signed_elsewhere("r0", issued, 3'000'000))) << "after a restart";
    EXPECT_FALSE(admitted(signed_elsewhere("f", issued, 3'000'000))) << "after a restart";
    // An agent that the floor already rejects needs no tombstone.
    const json fresh = done("hub.agent_add", {{"id", "r1"}, {"protocol", "panel"}});
    EXPECT_TRUE(admitted(fresh["token"]));
    utc += 80 * day_ms;
    upkeep();
    EXPECT_FALSE(table.rows.contains("r1"));
    EXPECT_FALSE(admitted(signed_elsewhere("r1", issued, 30'000'000)));
}

// Random changes of a few agents, answered in the order of their commits, with failing disks and crashes. The
// model: credentials answered before an answered revocation or rotation stay invalid; a refresh token is
// valid once, and again until the one issued for it is used; a rejected credential is never admitted again;
// the credential answered last is admitted.
struct Credential {
    std::string agent, value;
    enum class Kind : std::uint8_t { jwt, secret, refresh } kind;
    bool dead = false;
};

struct ModelTest : BookTest, testing::WithParamInterface<unsigned> { // of a seed
    void issue(const std::string& agent, const json& from, const char* jwt = "token")
    {
        newest[agent].clear();
        const auto add = [&](const char* key, Credential::Kind kind) {
            if (!from.contains(key)) return;
            newest[agent].push_back(issued.size());
            issued.push_back({agent, from[key], kind});
        };
        add(jwt, Credential::Kind::jwt);
        add("secret", Credential::Kind::secret);
        add("refreshToken", Credential::Kind::refresh);
    }
    void kill(const std::string& agent)
    {
        for (Credential& c : issued) {
            if (c.agent == agent) c.dead = true;
        }
        newest[agent].clear();
    }
    void enroll()
    {
        const Conn conn = hub->post("/api/agents/register", R"({"name":"node"})");
        pending.push_back([this, conn] {
            const auto it = hub->daemon.answers.find(conn);
            if (it == hub->daemon.answers.end()) return false;
            if (it->second.status != 200) return true;
            const json made = json::parse(it->second.body)["agent"];
            agents.push_back(made["id"]);
            issue(agents.back(), made);
            return true;
        });
    }
    void add(const std::string& agent, const char* protocol)
    {
        watch(call("hub.agent_add", {{"id", agent}, {"protocol", protocol}, {"rotate", true}}), agent, true);
    }
    void revoke(const std::string& agent) { watch(call("hub.agent_revoke", {{"id", agent}}), agent, false); }
    void watch(const std::shared_ptr<json>& answer, const std::string& agent, bool mints)
    {
        pending.push_back([this, answer, agent, mints] {
            if (answer->is_null()) return false;
            if (answer->contains("failed")) return true;
            kill(agent);
            if (mints) issue(agent, *answer);
            return true;
        });
    }
    void renew(std::size_t which)
    {
        const Credential given = issued[which];
        const Conn conn = hub->post("/api/agents/refresh", json{{"refreshToken", given.value}}.dump());
        pending.push_back([this, conn, which, given] {
            const auto it = hub->daemon.answers.find(conn);
            if (it == hub->daemon.answers.end()) return false;
            if (it->second.status != 200) {
                // A replayed token revokes the valid one.
                if (it->second.status == 401) newest_refresh_is_uncertain(given.agent);
                return true;
            }
            EXPECT_FALSE(issued[which].dead) << given.agent << ": a dead refresh token was served";
            // It may be presented again while the answer may have been lost; no older token may, nor one that
            // was issued for it before.
            for (std::size_t i = 0; i < issued.size(); ++i) {
                if (i != which && issued[i].agent == given.agent &&
                    issued[i].kind == Credential::Kind::refresh)
                    issued[i].dead = true;
            }
            const auto jwts = newest[given.agent]; // earlier JWTs stay good
            issue(given.agent, json::parse(it->second.body)["agent"]);
            for (const std::size_t i : jwts) {
                if (issued[i].kind == Credential::Kind::jwt) newest[given.agent].push_back(i);
            }
            return true;
        });
    }
    void newest_refresh_is_uncertain(const std::string& agent)
    {
        std::erase_if(newest[agent],
                      [&](std::size_t i) { return issued[i].kind == Credential::Kind::refresh; });
    }
    bool is_admitted(const Credential& c)
    {
        if (c.kind == Credential::Kind::jwt) return admitted(c.value);
        return hub->credentials.agents.admits(c.agent, Proof::by_secret(c.value), utc);
    }
    void settle() // after each commit: answers come in the order of the commits
    {
        std::erase_if(pending, [](const auto& answered) { return answered(); });
    }
    void check(bool quiet)
    {
        for (Credential& c : issued) {
            if (c.kind == Credential::Kind::refresh) continue;
            if (c.dead)
                EXPECT_FALSE(is_admitted(c)) << c.agent << ": a dead credential is admitted";
            else if (!is_admitted(c))
                c.dead = true; // by a change whose answer the crash swallowed: then for good
        }
        if (!quiet) return;
        for (const auto& [id, row] : table.rows) {
            const Enrolment* in_memory = hub->credentials.enrolments.find(id);
            EXPECT_TRUE(in_memory != nullptr && in_memory->version == row.version) << id;
        }
    }
    void check_newest(const std::string& agent)
    {
        for (const std::size_t i : newest[agent]) {
            const bool good = issued[i].kind == Credential::Kind::refresh || is_admitted(issued[i]);
            EXPECT_TRUE(good) << agent << ": its newest credential is refused";
        }
    }

    std::vector<std::string> agents;
    std::vector<Credential> issued;
    std::map<std::string, std::vector<std::size_t>> newest; // by agent: those that must be good
    std::vector<std::function<bool()>> pending;
};

TEST_P(ModelTest, RandomChangesCrashesAndFullDisksKeepOneOrder)
{
    std::mt19937 random{GetParam()};
    const auto below = [&](std::size_t n) { return std::size_t{random()} % n; };
    agents = {"a", "b"};
    boot();
    for (int step = 0; step < 400; ++step) {
        const std::string agent = agents[below(agents.size())];
        switch (below(10)) {
        case 9:
            if (agents.size() < 4) enroll();
            break;
        case 0: add(agent, below(2) == 0 ? "panel" : "storage"); break;
        case 1: revoke(agent); break;
        case 2:
        case 3:
        case 4: {
            std::vector<std::size_t> tokens;
            for (std::size_t i = 0; i < issued.size(); ++i) {
                if (issued[i].kind == Credential::Kind::refresh) tokens.push_back(i);
            }
            if (tokens.empty()) break;
            renew(below(3) == 0 ? tokens[below(tokens.size())] : tokens.back());
            break;
        }
        case 5:
        case 6:
            table.commit(below(10) != 0);
            settle();
            break;
        case 7: utc += std::int64_t(below(3)) * 700; break;
        case 8:
            if (below(4) != 0) break;
            for (std::size_t n = below(3); n > 0; --n) table.commit_unheard();
            table.waiting.clear(); // the crash
            pending.clear();
            newest.clear(); // who knows
            boot();
            break;
        }
        check(table.waiting.empty());
        if (HasFailure()) return;
    }
    while (!table.waiting.empty()) {
        table.commit(true);
        settle();
    }
    check(true);
    for (const std::string& agent : agents) check_newest(agent);
    boot();
    check(true);
    for (const std::string& agent : agents) check_newest(agent);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range(1U, 21U));

} // namespace

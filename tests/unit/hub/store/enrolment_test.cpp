// Credentials and nonces in the hub's database.
#include "plugins/hub/store/enrolment.hpp"
#include "plugins/hub/store/nonces.hpp"

#include "base/sqlite.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

using namespace agenthost::hub;
using agenthost::base::sha256;
using agenthost::wire::NonceBook;

namespace {

constexpr std::int64_t start_ms = 1'800'000'000'000;

struct EnrolmentTest : testing::Test {
    EnrolmentTest() { open(); }
    ~EnrolmentTest() override { close(); }
    void open()
    {
        loaded = {};
        store = std::make_unique<Store>((dir / "hub.db").string(), Store::Bounds{100}, 100, now.load(), rest);
        table = std::make_unique<StoreEnrolment>(*store, now.load(), loaded);
        nonces = std::make_unique<StoreNonces>(*store, [this] { return now.load(); });
        store->start();
    }
    void close()
    {
        if (store) store->stop();
        table.reset();
        nonces.reset();
        store.reset();
    }
    void reopen()
    {
        close();
        open();
    }
    bool done(const std::function<bool(std::function<void(bool)>)>& write)
    {
        std::promise<bool> got;
        return write([&](bool ok) { got.set_value(ok); }) && got.get_future().get();
    }
    bool written(const std::function<bool(std::function<void(Written)>)>& write,
                 Written wanted = Written::done)
    {
        std::promise<Written> got;
        return write([&](Written result) { got.set_value(result); }) && got.get_future().get() == wanted;
    }
    const Enrolment* enrolment(const std::string& id) const
    {
        for (const Enrolment& e : loaded.enrolments) {
            if (e.id == id) return &e;
        }
        return nullptr;
    }

    agenthost::test::TempDir dir;
    std::atomic<std::int64_t> now = start_ms;
    Store::Loaded rest;
    StoreEnrolment::Loaded loaded;
    std::unique_ptr<Store> store;
    std::unique_ptr<StoreEnrolment> table;
    std::unique_ptr<StoreNonces> nonces;
};

TEST_F(EnrolmentTest, KeepsSavedRows)
{
    const Enrolment full{.id = "a",
                         .name = "node",
                         .protocol = "panel",
                         .secret = sha256("s"),
                         .salt = "salt",
                         .refresh = {sha256("1"), sha256("2")},
                         .unproven = "jti",
                         .refresh_void = true,
                         .refresh_until = 5,
                         .valid_from = 6,
                         .created = 7,
                         .jwt = true,
                         .revoked = true,
                         .foreign = true,
                         .tokens_until = 8,
                         .version = 9};
    const Enrolment c{.id = "c", .version = 3};
    EXPECT_TRUE(written([&](auto then) { return table->save(full, 0, then); }));
    EXPECT_TRUE(written([&](auto then) { return table->save(Enrolment{.id = "b", .version = 1}, 0, then); }));
    EXPECT_TRUE(written([&](auto then) { return table->save(c, 0, then); }));
    EXPECT_TRUE(written([&](auto then) { return table->remove("c", 3, then); }));
    reopen();
    ASSERT_EQ(loaded.enrolments.size(), 2U);
    const Enrolment& a = *enrolment("a");
    EXPECT_EQ(a.name, full.name);
    EXPECT_EQ(a.protocol, full.protocol);
    EXPECT_EQ(a.secret, full.secret);
    EXPECT_EQ(a.salt, full.salt);
    EXPECT_EQ(a.refresh, full.refresh);
    EXPECT_EQ(a.unproven, "jti");
    EXPECT_EQ(a.refresh_until, 5);
    EXPECT_EQ(a.valid_from, 6);
    EXPECT_EQ(a.created, 7);
    EXPECT_EQ(a.tokens_until, 8);
    EXPECT_EQ(a.version, 9U);
    EXPECT_TRUE(a.refresh_void && a.jwt && a.revoked && a.foreign);
    const Enrolment& b = *enrolment("b");
    EXPECT_TRUE(b.refresh.empty() && !b.secret && !b.refresh_void && !b.jwt && !b.revoked);
}

TEST_F(EnrolmentTest, ARowChangesOnlyIfItHasTheExpectedVersion)
{
    const auto save = [&](std::uint64_t version, std::uint64_t expected, bool revoked) {
        return [this, version, expected, revoked](auto then) {
            return table->save(Enrolment{.id = "a", .revoked = revoked, .version = version}, expected, then);
        };
    };
    EXPECT_TRUE(written(save(5, 0, false)));
    EXPECT_TRUE(written(save(6, 0, false), Written::changed)) << "there is a row already";
    EXPECT_TRUE(written(save(7, 5, true)));
    EXPECT_TRUE(written(save(8, 5, false), Written::changed)) << "decided on the row before the revocation";
    EXPECT_TRUE(written([&](auto then) { return table->remove("a", 5, then); }, Written::changed));
    EXPECT_TRUE(written([&](auto then) { return table->remove("b", 1, then); }, Written::changed));
    reopen();
    ASSERT_EQ(loaded.enrolments.size(), 1U);
    EXPECT_TRUE(loaded.enrolments[0].revoked);
    EXPECT_EQ(loaded.enrolments[0].version, 7U);
    EXPECT_TRUE(written(save(9, 1, false), Written::changed)) << "rows that are gone have no version";
}

TEST_F(EnrolmentTest, AFileOfAnOlderHubGetsTheNewColumns)
{
    close();
    {
        agenthost::base::Database db{(dir / "hub.db").string()};
        db.exec("DROP TABLE enrolments");
        db.exec(
            "CREATE TABLE enrolments(id TEXT PRIMARY KEY, name TEXT NOT NULL, protocol TEXT NOT NULL, secret "
            "BLOB, salt TEXT NOT NULL, refresh BLOB, refresh_void INTEGER NOT NULL, refresh_until INTEGER "
            "NOT "
            "NULL, valid_from INTEGER NOT NULL, created INTEGER NOT NULL, jwt INTEGER NOT NULL, revoked "
            "INTEGER "
            "NOT NULL) WITHOUT ROWID");
        db.exec("INSERT INTO enrolments VALUES('a','n','panel',NULL,'',NULL,0,1,2,3,1,0)");
        auto seen = db.prepare("INSERT INTO agents VALUES(?1,?2,'','','',1,?3,'','')");
        seen.bind(1, "a").bind(2, "panel").bind(3, start_ms).run();
        seen.bind(1, "seen").bind(2, "dashboard").bind(3, start_ms - 1'000).run();
        seen.bind(1, "shop").bind(2, "print").bind(3, start_ms).run();
        seen.bind(1, "long ago").bind(2, "panel").bind(3, start_ms / 2).run();
    }
    open();
    ASSERT_NE(enrolment("a"), nullptr);
    EXPECT_EQ(enrolment("a")->version, 1U);
    EXPECT_FALSE(enrolment("a")->foreign);
    ASSERT_NE(enrolment("seen"), nullptr) << "it has a JWT signed elsewhere: its id is nobody else's";
    EXPECT_TRUE(enrolment("seen")->foreign);
    EXPECT_EQ(loaded.enrolments.size(), 2U);
    EXPECT_TRUE(written([&](auto then) { return table->save(Enrolment{.id = "a", .version = 2}, 1, then); }));
}

TEST_F(EnrolmentTest, KeepsMintedTokensUntilTheyExpire)
{
    const MintedJwt limited{.jti = "j1",
                            .label = "desk",
                            .subject = "desk",
                            .role = Role::dashboard,
                            .agents = std::vector<std::string>{"a", "b\"c"},
                            .created = 1,
                            .expires = start_ms + 1000,
                            .revoked = true};
    EXPECT_TRUE(done([&](auto then) { return table->save(limited, then); }));
    EXPECT_TRUE(done([&](auto then) {
        return table->save(MintedJwt{.jti = "j2", .role = Role::admin, .expires = start_ms + 5000}, then);
    }));
    EXPECT_TRUE(done([&](auto then) {
        return table->save(
            MintedJwt{.jti = "j3", .agents = std::vector<std::string>{}, .expires = start_ms + 5000}, then);
    }));
    reopen();
    ASSERT_EQ(loaded.jwts.size(), 3U);
    EXPECT_EQ(loaded.jwts[0].agents, limited.agents);
    EXPECT_TRUE(loaded.jwts[0].revoked);
    EXPECT_EQ(loaded.jwts[0].role, Role::dashboard);
    EXPECT_FALSE(loaded.jwts[1].agents);
    EXPECT_EQ(loaded.jwts[1].role, Role::admin);
    EXPECT_TRUE(loaded.jwts[2].agents && loaded.jwts[2].agents->empty()) << "nobody is not everybody";
    EXPECT_TRUE(done([&](auto then) { return table->remove_jwt("j2", then); }));
    now += 2000;
    reopen();
    ASSERT_EQ(loaded.jwts.size(), 1U);
    EXPECT_EQ(loaded.jwts[0].jti, "j3");
}

TEST_F(EnrolmentTest, ImportsCredentialsOfAnOlderHub)
{
    close();
    {
        agenthost::base::Database db{(dir / "hub.db").string()};
        auto add = db.prepare("INSERT INTO minted_agents VALUES(?1,?2,?3,?4)");
        add.bind(1, "old")
            .bind_blob(2, sha256("secret"))
            .bind(3, std::int64_t{5})
            .bind(4, std::int64_t{0})
            .run();
        add.bind(1, "gone").bind_blob(2, sha256("x")).bind(3, std::int64_t{5}).bind(4, std::int64_t{1}).run();
    }
    open();
    ASSERT_NE(enrolment("old"), nullptr);
    EXPECT_EQ(enrolment("old")->secret, sha256("secret"));
    EXPECT_TRUE(enrolment("gone")->revoked);
    EXPECT_FALSE(enrolment("gone")->secret);
    const auto old = [](auto& t) {
        return
            [&t](auto then) { return t->save(Enrolment{.id = "old", .jwt = true, .version = 2}, 1, then); };
    };
    EXPECT_TRUE(written(old(table)));
    EXPECT_TRUE(written([&](auto then) { return table->remove("gone", 1, then); }));
    reopen();
    ASSERT_EQ(loaded.enrolments.size(), 1U);
    EXPECT_TRUE(loaded.enrolments[0].jwt);
}

TEST_F(EnrolmentTest, ANonceIsAcceptedOnceEvenAcrossARestart)
{
    EXPECT_EQ(nonces->admit("a", "n1", start_ms), NonceBook::Verdict::fresh);
    EXPECT_EQ(nonces->admit("a", "n1", start_ms), NonceBook::Verdict::seen);
    EXPECT_EQ(nonces->admit("b", "n1", start_ms), NonceBook::Verdict::fresh)
        << "another agent's is another nonce";
    reopen();
    EXPECT_EQ(nonces->admit("a", "n1", start_ms), NonceBook::Verdict::seen);
    EXPECT_EQ(nonces->admit("b", "n1", start_ms), NonceBook::Verdict::seen);
    EXPECT_EQ(nonces->admit("a", "n2", start_ms), NonceBook::Verdict::fresh);
}

TEST_F(EnrolmentTest, KeepsAllNoncesThatArriveDuringACommit)
{
    for (int i = 0; i < 5'000; ++i)
        ASSERT_EQ(nonces->admit("a", std::to_string(i), start_ms), NonceBook::Verdict::fresh) << i;
    reopen();
    for (int i = 0; i < 5'000; ++i)
        ASSERT_EQ(nonces->admit("a", std::to_string(i), start_ms), NonceBook::Verdict::seen) << i;
}

TEST_F(EnrolmentTest, ABusyAgentAffectsOnlyItself)
{
    for (std::size_t i = 0; i < StoreNonces::max_nonces; ++i)
        ASSERT_EQ(nonces->admit("loud", std::to_string(i), start_ms), NonceBook::Verdict::fresh) << i;
    EXPECT_EQ(nonces->admit("loud", "one more", start_ms), NonceBook::Verdict::full);
    EXPECT_EQ(nonces->admit("loud", "0", start_ms), NonceBook::Verdict::seen)
        << "a full window forgets nothing";
    EXPECT_EQ(nonces->admit("quiet", "x", start_ms), NonceBook::Verdict::fresh);
    now += 5 * 60 * 1000 + 1;
    EXPECT_EQ(nonces->admit("loud", "later", now.load()), NonceBook::Verdict::fresh);
}

TEST_F(EnrolmentTest, ExpiredWindowsAreRemoved)
{
    nonces->admit("a", "n1", start_ms);
    nonces->admit("b", "n1", start_ms + 60'000);
    nonces->tidy();
    EXPECT_EQ(nonces->windows(), 2U);
    now += 5 * 60 * 1000 + 1;
    nonces->tidy();
    EXPECT_EQ(nonces->windows(), 1U);
    now += 60'000;
    nonces->tidy();
    EXPECT_EQ(nonces->windows(), 0U);
    reopen();
    EXPECT_EQ(nonces->windows(), 0U);
}

} // namespace

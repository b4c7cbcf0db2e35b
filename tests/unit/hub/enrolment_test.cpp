// What the hub's file remembers about credentials and nonces.
#include "plugins/hub/store_enrolment.hpp"
#include "plugins/hub/store_nonces.hpp"

#include "kit/sqlite.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

using namespace agenthost::hub;
using agenthost::kit::sha256;
using Verdict = agenthost::wire::NonceBook::Verdict;

namespace {

constexpr std::int64_t start_ms = 1'800'000'000'000;

struct EnrolmentTest : testing::Test {
    EnrolmentTest() { open(); }
    ~EnrolmentTest() override { close(); }
    void open()
    {
        loaded = {};
        store = std::make_unique<Store>((dir / "hub.db").string(), 100, 100, now.load(), rest);
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

TEST_F(EnrolmentTest, KeepsWhatItIsTold)
{
    const Enrolment full{.id = "a",
                         .name = "node",
                         .protocol = "panel",
                         .secret = sha256("s"),
                         .salt = "salt",
                         .refresh = {sha256("1"), sha256("2")},
                         .refresh_void = true,
                         .refresh_until = 5,
                         .valid_from = 6,
                         .created = 7,
                         .jwt = true,
                         .revoked = true};
    EXPECT_TRUE(done([&](auto then) { return table->save(full, then); }));
    EXPECT_TRUE(done([&](auto then) { return table->save(Enrolment{.id = "b"}, then); }));
    EXPECT_TRUE(done([&](auto then) { return table->save(Enrolment{.id = "c"}, then); }));
    EXPECT_TRUE(done([&](auto then) { return table->remove("c", then); }));
    reopen();
    ASSERT_EQ(loaded.enrolments.size(), 2U);
    const Enrolment& a = *enrolment("a");
    EXPECT_EQ(a.name, full.name);
    EXPECT_EQ(a.protocol, full.protocol);
    EXPECT_EQ(a.secret, full.secret);
    EXPECT_EQ(a.salt, full.salt);
    EXPECT_EQ(a.refresh, full.refresh);
    EXPECT_EQ(a.refresh_until, 5);
    EXPECT_EQ(a.valid_from, 6);
    EXPECT_EQ(a.created, 7);
    EXPECT_TRUE(a.refresh_void && a.jwt && a.revoked);
    const Enrolment& b = *enrolment("b");
    EXPECT_TRUE(b.refresh.empty() && !b.secret && !b.refresh_void && !b.jwt && !b.revoked);
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

TEST_F(EnrolmentTest, TakesOverWhatAnOlderHubMinted)
{
    close();
    {
        agenthost::kit::Database db{(dir / "hub.db").string()};
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
    EXPECT_TRUE(done([&](auto then) { return table->save(Enrolment{.id = "old", .jwt = true}, then); }));
    EXPECT_TRUE(done([&](auto then) { return table->remove("gone", then); }));
    reopen();
    ASSERT_EQ(loaded.enrolments.size(), 1U);
    EXPECT_TRUE(loaded.enrolments[0].jwt);
}

TEST_F(EnrolmentTest, ANonceServesOnceAlsoAcrossARestart)
{
    EXPECT_EQ(nonces->admit("a", "n1", start_ms), Verdict::fresh);
    EXPECT_EQ(nonces->admit("a", "n1", start_ms), Verdict::seen);
    EXPECT_EQ(nonces->admit("b", "n1", start_ms), Verdict::fresh) << "another agent's is another nonce";
    reopen();
    EXPECT_EQ(nonces->admit("a", "n1", start_ms), Verdict::seen);
    EXPECT_EQ(nonces->admit("b", "n1", start_ms), Verdict::seen);
    EXPECT_EQ(nonces->admit("a", "n2", start_ms), Verdict::fresh);
}

TEST_F(EnrolmentTest, ManyNoncesWithOneCommitUnderWayAreAllKept)
{
    for (int i = 0; i < 5'000; ++i)
        ASSERT_EQ(nonces->admit("a", std::to_string(i), start_ms), Verdict::fresh) << i;
    reopen();
    for (int i = 0; i < 5'000; ++i)
        ASSERT_EQ(nonces->admit("a", std::to_string(i), start_ms), Verdict::seen) << i;
}

TEST_F(EnrolmentTest, AnAgentThatTalksTooMuchCostsOnlyItself)
{
    for (std::size_t i = 0; i < StoreNonces::most_nonces; ++i)
        ASSERT_EQ(nonces->admit("loud", std::to_string(i), start_ms), Verdict::fresh) << i;
    EXPECT_EQ(nonces->admit("loud", "one more", start_ms), Verdict::full);
    EXPECT_EQ(nonces->admit("loud", "0", start_ms), Verdict::seen) << "a full window forgets nothing";
    EXPECT_EQ(nonces->admit("quiet", "x", start_ms), Verdict::fresh);
    now += 5 * 60 * 1000 + 1;
    EXPECT_EQ(nonces->admit("loud", "later", now.load()), Verdict::fresh);
}

TEST_F(EnrolmentTest, WindowsInWhichNothingCountsAreLetGo)
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

#include "tests/unit/docker/store/rows.hpp"

#include "plugins/docker/store/layout.hpp"

#include "base/hash.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <array>

using namespace agenthost;
using namespace agenthost::docker_test;
using testing::HasSubstr;

namespace {

std::vector<StoredServer> reopened(const std::string& file)
{
    Opened opened = open_store(file);
    EXPECT_EQ(opened.degraded, "");
    EXPECT_TRUE(opened.content.unreadable.empty());
    return opened.content.servers;
}

TEST(DockerStore, KeepsEveryMemberOfAServer)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    StoredServer full = stored("full");
    full.record.wants_running = full.record.installer_ran = full.record.install_over = true;
    full.record.gave_up = full.record.ready = full.record.asked = true;
    full.record.action = 9;
    full.record.goal = Goal::remove;
    full.record.install = Install::failed;
    full.record.run = "container 2026-11-30T10:00:00.123456789Z";
    full.record.judged_run = "old";
    full.record.fault = {"CRASHED", "ended with exit code 1"};
    full.record.stop = {std::chrono::milliseconds{600'000}, "SIGINT"};
    full.record.next = docker::server::NextAction{
        docker::server::Action::restart, {std::chrono::milliseconds{0}, "SIGHUP"}, true};
    full.container = std::string(64, 'c');
    full.state = State::stuck;
    full.console = {1'790'000'000'123'456'789, 4};
    {
        Opened opened = open_store(file);
        EXPECT_EQ(opened.store->add(full), std::nullopt);
        EXPECT_EQ(opened.store->add(stored("plain")), std::nullopt);
    }
    EXPECT_EQ(reopened(file), (std::vector{full, stored("plain")}));
    struct stat info {};
    ASSERT_EQ(::stat(file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(DockerStore, ChangesOneServerAndLeavesTheOthers)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    StoredServer a = stored("a");
    {
        Opened opened = open_store(file);
        Store& store = *opened.store;
        for (const char* id : {"a", "b", "c"}) EXPECT_EQ(store.add(stored(id)), std::nullopt);
        a.record.wants_running = true;
        a.record.goal = Goal::start;
        store.save({{"a", a.record}, {"gone", a.record}});
        a.container = "1234";
        a.state = State::running;
        store.save_container("a", a.container, a.state);
        a.console = {77, 2};
        store.save_consoles({{"a", a.console}, {"gone", a.console}});
        a.spec = "{}";
        a.spec_hash = "h";
        a.claim.ports.resize(1);
        a.claim.memory = 1;
        EXPECT_EQ(store.change("a", a.spec, a.spec_hash, a.claim), std::nullopt);
        store.remove("c");
        store.remove("c");
    }
    EXPECT_EQ(reopened(file), (std::vector{a, stored("b")}));
}

TEST(DockerStore, AnIdIsFreeAgainAfterItsRemoval)
{
    const test::TempDir dir;
    Opened opened = open_store(dir / "servers.db");
    EXPECT_EQ(opened.store->add(stored("a")), std::nullopt);
    EXPECT_EQ(opened.store->add(stored("a"))->code, "SERVER_EXISTS");
    EXPECT_EQ(opened.store->change("b", "{}", "", stored("b").claim)->code, "SERVER_NOT_FOUND");
    opened.store->remove("a");
    EXPECT_EQ(opened.store->add(stored("a")), std::nullopt);
    EXPECT_EQ(opened.store->load().servers.size(), 1u);
}

TEST(DockerStore, IsBounded)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    Opened opened = open_store(file);
    StoredServer large = stored("large");
    large.spec = std::string(max_spec_bytes + 1, 'x');
    EXPECT_EQ(opened.store->add(large)->code, "INSUFFICIENT_RESOURCES");
    large.spec.pop_back();
    EXPECT_EQ(opened.store->add(large), std::nullopt);
    large.spec += 'x';
    EXPECT_EQ(opened.store->change("large", large.spec, "", large.claim)->code, "INSUFFICIENT_RESOURCES");

    Record record;
    record.fault = {"CRASHED", std::string(max_fault_bytes - 1, 'x') + "\xe2\x82\xac and more"};
    opened.store->save({{"large", record}});
    EXPECT_EQ(opened.store->load().servers.at(0).record.fault.message,
              std::string(max_fault_bytes - 1, 'x')); // not inside a character

    {
        base::Database rows{dir / "full.db"};
        docker::store::upgrade_layout(rows, docker::store::layout_steps());
        rows.exec(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1000) INSERT INTO "
            "servers(id, spec_hash, created_ms, memory, disk, wants_running, goal, install, flags, run, "
            "judged_run, fault_code, fault) SELECT 's'||i, '', 0, 0, 0, 0, 0, 0, 0, '', '', '', '' FROM n");
    }
    Opened full = open_store(dir / "full.db");
    EXPECT_EQ(full.content.unreadable.size(), max_rows); // they have no specifications
    EXPECT_THAT(full.store->add(stored("more"))->message, HasSubstr("1000 entries"));
}

TEST(DockerStore, AChangeThatFailsChangesNothing)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    Opened opened = open_store(file);
    EXPECT_EQ(opened.store->add(stored("a")), std::nullopt);
    StoredServer broken = stored("b");
    broken.spec = std::string(500'000, 'x');
    // As a full disk: no page can be added.
    base::Database& db = opened.store->database();
    db.exec("PRAGMA max_page_count=1");
    EXPECT_THROW((void)opened.store->add(broken), base::SqliteError);
    EXPECT_THROW((void)opened.store->change("a", broken.spec, "h", broken.claim), base::SqliteError);
    db.exec("PRAGMA max_page_count=65536");
    EXPECT_EQ(opened.store->load().servers, std::vector{stored("a")});
    EXPECT_EQ(opened.store->add(broken), std::nullopt);
}

TEST(DockerStore, SaysWhichRowItCannotRead)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    {
        Opened opened = open_store(file);
        for (const char* id : {"a", "b", "c", "d"}) EXPECT_EQ(opened.store->add(stored(id)), std::nullopt);
        opened.store->database().exec(
            "UPDATE servers SET goal=99 WHERE id='a'; DELETE FROM specs WHERE server='b';"
            "UPDATE ports SET port='x' WHERE server='c'");
    }
    Opened opened = open_store(file);
    EXPECT_EQ(opened.degraded, "");
    EXPECT_EQ(opened.content.servers, std::vector{stored("d")});
    ASSERT_EQ(opened.content.unreadable.size(), 3u);
    EXPECT_THAT(opened.content.unreadable[0], HasSubstr("server a: its state has a value"));
    EXPECT_THAT(opened.content.unreadable[1], HasSubstr("server b: its specification is missing"));
    EXPECT_THAT(opened.content.unreadable[2], HasSubstr("server c: a port is unreadable"));
}

TEST(DockerStore, KeepsTheProjectOfAServerAndGivesItToNoOther)
{
    using testing::ElementsAre;
    using testing::Pair;
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    {
        Opened opened = open_store(file);
        Store& store = *opened.store;
        for (const char* id : {"a", "b", "c"}) EXPECT_EQ(store.add(stored(id)), std::nullopt);
        store.save_project("a", 7);
        store.save_project("a", 7);
        store.save_project("b", 4'000'000'000);
        EXPECT_THROW(store.save_project("c", 7), base::SqliteError);
        store.save_project("gone", 9);
        store.database().exec(
            "UPDATE servers SET goal=99 WHERE id='b'"); // unreadable, and its folder remains
    }
    Opened opened = open_store(file);
    EXPECT_EQ(opened.content.servers, (std::vector{stored("a"), stored("c")}));
    EXPECT_THAT(opened.content.projects, ElementsAre(Pair("a", 7), Pair("b", 4'000'000'000)));
    opened.store->save_project("a", 8);
    opened.store->save_project("c", 7);
    opened.store->remove("b");
    EXPECT_THAT(opened.store->load().projects, ElementsAre(Pair("a", 8), Pair("c", 7)));
}

// Layout ------------------------------------------------------------------------------------------------

TEST(DockerStoreLayout, RunsTheStepsThatAreMissing)
{
    const test::TempDir dir;
    base::Database db{dir / "x.db"};
    const std::array first{"CREATE TABLE t(a)"};
    docker::store::upgrade_layout(db, first);
    db.exec("INSERT INTO t VALUES(7)");
    const std::array later{first[0], "ALTER TABLE t ADD COLUMN b DEFAULT 8", "CREATE TABLE u(c)"};
    docker::store::upgrade_layout(db, later);
    docker::store::upgrade_layout(db, later);
    EXPECT_EQ(docker::store::layout_version(db), 3);
    auto row = db.prepare("SELECT a, b FROM t");
    ASSERT_TRUE(row.step());
    EXPECT_EQ(row.integer(0), 7);
    EXPECT_EQ(row.integer(1), 8);
}

TEST(DockerStoreLayout, AStepThatFailsLeavesTheVersionBefore)
{
    const test::TempDir dir;
    base::Database db{dir / "x.db"};
    const std::array steps{"CREATE TABLE t(a)", "CREATE TABLE u(b); CREATE TABLE t(a)"};
    EXPECT_THROW(docker::store::upgrade_layout(db, steps), base::SqliteError);
    EXPECT_EQ(docker::store::layout_version(db), 1);
    db.exec("CREATE TABLE u(b)"); // was rolled back
}

TEST(DockerStoreLayout, AFileOfTheFirstVersionKeepsItsServers)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    {
        base::Database old{file};
        docker::store::upgrade_layout(old, docker::store::layout_steps().first(1));
        old.exec("INSERT INTO servers(id, spec_hash, created_ms, memory, disk, wants_running, goal, install, "
                 "flags, "
                 "run, judged_run, fault_code, fault) VALUES('a','',0,0,0,1,0,1,0,'','','','')");
        auto spec = old.prepare("INSERT INTO specs(server, spec, sha256) VALUES('a','{}',?)");
        spec.bind_blob(1, base::sha256("{}")).run();
    }
    Opened opened = open_store(file);
    ASSERT_EQ(opened.content.servers.size(), 1u);
    EXPECT_TRUE(opened.content.servers[0].record.wants_running);
    EXPECT_TRUE(opened.content.projects.empty());
    opened.store->save_project("a", 5);
    EXPECT_EQ(opened.store->load().projects.size(), 1u);
}

TEST(DockerStoreLayout, ANewerFileIsRefusedAndLeftAlone)
{
    const test::TempDir dir;
    const std::string file = dir / "servers.db";
    open_store(file);
    base::Database{file}.exec("PRAGMA user_version=5");
    try {
        open_store(file);
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(),
                    HasSubstr("its layout is version 5, and this agenthost knows 4. Run the newer"));
    }
    EXPECT_FALSE(std::filesystem::exists(file + ".damaged-1"));
}

TEST(DockerStoreLayout, NamesAMissingFolder)
{
    const test::TempDir dir;
    try {
        open_store(dir / "missing/servers.db");
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("missing/servers.db"));
        EXPECT_THAT(error.what(), HasSubstr("Check that the folder exists"));
    }
}

} // namespace

#include "plugins/hub/store/store.hpp"

#include "base/sqlite.hpp"
#include "plugins/hub/http/spool.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <sqlite3.h>
#include <thread>

using namespace agenthost::hub;
using agenthost::test::wait_for;

namespace {

class StoreTest : public testing::Test {
protected:
    void open(std::size_t waiting = 1000, Store::Bounds bounds = {5})
    {
        store.reset();
        loaded = {};
        store = std::make_unique<Store>((dir / "hub.db").string(), bounds, waiting, 1000, loaded);
        store->start();
    }
    std::optional<TaskRecord> task(const std::string& id)
    {
        std::promise<std::optional<TaskRecord>> got;
        EXPECT_TRUE(static_cast<TaskTable&>(*store).find(id, [&](bool ok, auto t) {
            EXPECT_TRUE(ok);
            got.set_value(std::move(t));
        }));
        return got.get_future().get();
    }
    std::optional<AgentRecord> agent(const std::string& id)
    {
        std::promise<std::optional<AgentRecord>> got;
        EXPECT_TRUE(static_cast<Registry&>(*store).find(id, [&](bool ok, auto a) {
            EXPECT_TRUE(ok);
            got.set_value(std::move(a));
        }));
        return got.get_future().get();
    }
    bool save(const TaskRecord& t)
    {
        std::promise<bool> got;
        return store->save(t, [&](bool ok) { got.set_value(ok); }) && got.get_future().get();
    }
    agenthost::test::TempDir dir;
    Store::Loaded loaded;
    std::unique_ptr<Store> store;
};

TaskRecord record(const std::string& id, TaskState state, std::int64_t updated = 1)
{
    return {.id = id,
            .agent = "a",
            .action = "x",
            .params = "{\"k\":1}",
            .state = state,
            .created = updated,
            .updated = updated,
            .expires = 10'000,
            .data = "{}"};
}

TEST_F(StoreTest, KeepsAgentsAcrossRestarts)
{
    open();
    store->seen({.id = "a", .protocol = "storage", .name = "A", .first_seen = 5, .last_seen = 5});
    store->seen({.id = "a", .protocol = "storage", .name = "B", .first_seen = 9, .last_seen = 9});
    open();
    const auto a = agent("a");
    ASSERT_TRUE(a);
    EXPECT_EQ(a->first_seen, 5);
    EXPECT_EQ(a->last_seen, 9);
    EXPECT_EQ(a->name, "B");
    store->forget("a");
    EXPECT_FALSE(agent("a"));
}

TEST_F(StoreTest, ListsAgentsInPages)
{
    open();
    for (const char* id : {"c", "a", "b"}) store->seen({.id = id, .protocol = "storage"});
    std::promise<std::string> got;
    store->list({.after = "a", .max_rows = 5}, [&](bool, const std::vector<AgentRecord>& rows) {
        std::string ids;
        for (const auto& row : rows) ids += row.id;
        got.set_value(ids);
    });
    EXPECT_EQ(got.get_future().get(), "bc");
}

TEST_F(StoreTest, TheNewestStateOfATaskWins)
{
    open();
    ASSERT_TRUE(save(record("1", TaskState::pending)));
    store->save(record("1", TaskState::dispatched), {});
    store->save(record("1", TaskState::success), {});
    EXPECT_EQ(task("1")->state, TaskState::success);
    EXPECT_FALSE(task("2"));
    open();
    EXPECT_EQ(task("1")->state, TaskState::success);
    EXPECT_TRUE(loaded.open_tasks.empty());
}

TEST_F(StoreTest, ARestartRestoresOpenTasksAndFailsThoseBoundToTheOldProcess)
{
    open();
    TaskRecord bound = record("bound", TaskState::dispatched);
    bound.bound = true;
    ASSERT_TRUE(save(record("free", TaskState::dispatched)));
    ASSERT_TRUE(save(bound));
    open();
    ASSERT_EQ(loaded.open_tasks.size(), 1U);
    EXPECT_EQ(loaded.open_tasks[0].id, "free");
    EXPECT_EQ(loaded.open_tasks[0].params, "{\"k\":1}");
    EXPECT_EQ(task("bound")->state, TaskState::failed);
    EXPECT_EQ(task("bound")->code, "INTERRUPTED");
}

TEST_F(StoreTest, ARestartKnowsWhichTasksMayNotBeSentAgain)
{
    open();
    TaskRecord spent = record("spent", TaskState::dispatched);
    spent.sent = 1;
    spent.no_resend = true;
    ASSERT_TRUE(save(spent));
    ASSERT_TRUE(save(record("free", TaskState::dispatched)));
    open();
    ASSERT_EQ(loaded.open_tasks.size(), 2U);
    for (const TaskRecord& open_task : loaded.open_tasks)
        EXPECT_EQ(open_task.no_resend, open_task.id == "spent") << open_task.id;
    store.reset();
    { // as version 3 wrote it
        agenthost::base::Database db{(dir / "hub.db").string()};
        db.exec("DROP INDEX tasks_shop_created; ALTER TABLE tasks DROP COLUMN digest; ALTER TABLE tasks DROP "
                "COLUMN origin; ALTER TABLE tasks DROP COLUMN no_resend; PRAGMA user_version=3");
    }
    open();
    EXPECT_EQ(loaded.open_tasks.size(), 2U);
    EXPECT_EQ(task("spent")->sent, 1);
}

TEST_F(StoreTest, OneTimeUrlsDoNotReachTheDisk)
{
    open();
    TaskRecord bound = record("bound", TaskState::dispatched);
    bound.bound = true;
    bound.params = R"({"download_url":"http://h/api/temp/download/verysecrettoken"})";
    ASSERT_TRUE(save(bound));
    store.reset();
    for (const auto& file : std::filesystem::directory_iterator{dir.path()}) {
        EXPECT_EQ(agenthost::test::read_file(file.path()).find("verysecrettoken"), std::string::npos)
            << file.path();
    }
}

TEST_F(StoreTest, MintedCredentialsSurvive)
{
    open();
    std::promise<bool> t;
    store->save(MintedToken{.id = "t1", .label = "ci", .token = agenthost::base::sha256("y"), .created = 8},
                [&](bool ok) { t.set_value(ok); });
    EXPECT_TRUE(t.get_future().get());
    open();
    ASSERT_EQ(loaded.tokens.size(), 1U);
    EXPECT_EQ(loaded.tokens[0].label, "ci");
    store->remove_token("t1", {});
    open();
    EXPECT_TRUE(loaded.tokens.empty());
}

TEST_F(StoreTest, DeletesExpiredTasksAndTheOldestBeyondTheBound)
{
    open();
    TaskRecord old = record("expired", TaskState::success);
    old.expires = 50;
    save(old);
    save(record("open", TaskState::pending, 1));
    for (int i = 0; i < 8; ++i) save(record("t" + std::to_string(i), TaskState::success, 10 + i));
    store->expire(100);
    EXPECT_FALSE(task("expired"));
    EXPECT_TRUE(task("open")) << "an open task is never trimmed";
    EXPECT_FALSE(task("t0"));
    EXPECT_FALSE(task("t3"));
    EXPECT_TRUE(task("t4"));
    EXPECT_TRUE(task("t7"));
}

TEST_F(StoreTest, KeepsTheLastThousandTasksOfEachShopHoweverOld)
{
    open(5000, {.task_rows = 100'000});
    for (const char* shop : {"kitchen", "bar"}) {
        for (int i = 0; i < (shop[0] == 'k' ? 1'002 : 3); ++i) {
            TaskRecord t = record(shop + std::to_string(i), TaskState::success, 10 + i);
            t.agent = shop;
            t.shop = true;
            t.expires = 50;
            store->save(t, {});
        }
    }
    EXPECT_TRUE(save(record("last", TaskState::pending))); // the others are committed before it
    store->expire(100);
    EXPECT_FALSE(task("kitchen0"));
    EXPECT_FALSE(task("kitchen1"));
    EXPECT_TRUE(task("kitchen2")) << "expired, but among the last 1,000";
    EXPECT_TRUE(task("bar0"));
}

TEST_F(StoreTest, ListsAShopsTasksInPagesTheNewestFirst)
{
    open();
    for (int i = 0; i < 5; ++i) {
        TaskRecord t = record("t" + std::to_string(i), i == 4 ? TaskState::pending : TaskState::success);
        t.shop = true;
        t.created = i / 2; // two of each time
        t.digest = "d" + t.id;
        t.origin = "o" + t.id;
        t.params = "{}";
        t.data = std::string(2U << 20, 'x');
        EXPECT_TRUE(save(t));
    }
    EXPECT_TRUE(save(record("command", TaskState::success)));
    const auto page = [&](TaskTable::Page wanted) {
        std::promise<std::pair<std::vector<std::string>, bool>> got;
        wanted.shop = "a";
        EXPECT_TRUE(
            static_cast<TaskTable&>(*store).list(std::move(wanted), [&](bool ok, auto rows, bool more) {
                EXPECT_TRUE(ok);
                std::vector<std::string> ids;
                for (const TaskRecord& row : rows) {
                    ids.push_back(row.id);
                    EXPECT_EQ(row.digest + row.origin, "d" + row.id + "o" + row.id);
                    EXPECT_TRUE(row.params.empty());
                }
                got.set_value({ids, more});
            }));
        return got.get_future().get();
    };
    using Ids = std::vector<std::string>;
    EXPECT_EQ(page({.max_rows = 10}), std::pair(Ids{"t4", "t3"}, true)) << "a page is bounded in bytes";
    EXPECT_EQ(page({.created = 1, .id = "t3", .max_rows = 1}), std::pair(Ids{"t2"}, true));
    EXPECT_EQ(page({.created = 1, .id = "t2", .max_rows = 2}), std::pair(Ids{"t1", "t0"}, false));
    const auto open_only = [](const TaskRecord& t) { return !final(t.state); };
    EXPECT_EQ(page({.max_rows = 2, .wanted = open_only}), std::pair(Ids{"t4"}, false));
}

TEST_F(StoreTest, RefusesNewTasksWhenTooManyWaitButNeverTheirResults)
{
    open(2);
    // A job blocks the thread, so nothing leaves the queue meanwhile.
    std::promise<void> inside, release;
    static_cast<Registry&>(*store).find("x", [&](bool, const auto&) {
        inside.set_value();
        release.get_future().wait();
    });
    inside.get_future().wait();
    EXPECT_TRUE(store->save(record("1", TaskState::pending), {}));
    EXPECT_TRUE(store->save(record("2", TaskState::pending), {}));
    EXPECT_FALSE(store->save(record("3", TaskState::pending), {}));
    EXPECT_TRUE(store->save(record("1", TaskState::dispatched), {}));
    EXPECT_TRUE(store->save(record("4", TaskState::failed), {}));
    release.set_value();
    EXPECT_EQ(task("4")->state, TaskState::failed);
    EXPECT_FALSE(task("3"));
}

TEST_F(StoreTest, ReportsADatabaseOfANewerVersion)
{
    open();
    store.reset();
    agenthost::base::Database{(dir / "hub.db").string()}.exec("PRAGMA user_version=99");
    try {
        open();
        FAIL() << "opened";
    } catch (const std::runtime_error& e) {
        EXPECT_THAT(e.what(), testing::HasSubstr("newer version"));
    }
}

TEST_F(StoreTest, NamesTheFileItCannotUse)
{
    Store::Loaded l;
    try {
        Store s{"/nonexistent/hub.db", Store::Bounds{5}, 5, 0, l};
        FAIL() << "opened";
    } catch (const std::runtime_error& e) {
        EXPECT_THAT(e.what(), testing::HasSubstr("/nonexistent/hub.db"));
        EXPECT_THAT(e.what(), testing::HasSubstr("plugins.hub.config.database"));
    }
}

TaskRecord result(const std::string& id, const std::string& caller, const std::string& agent,
                  std::size_t bytes, std::int64_t updated)
{
    TaskRecord t = record(id, TaskState::success, updated);
    t.caller = caller;
    t.agent = agent;
    t.data = "\"" + std::string(bytes - 2, 'x') + "\"";
    return t;
}

// 100,000 rows of 1 MiB each were kept for a day.
TEST_F(StoreTest, ResultsAreBoundedAndTheLargestHoldersOldestGoFirst)
{
    open(1000, {.task_rows = 1000, .result_bytes = 100'000});
    ASSERT_TRUE(save(result("other", "desk", "b", 10'000, 1)));
    TaskRecord running = record("open", TaskState::running, 2);
    running.caller = "greedy";
    running.params = std::string(200'000, 'p');
    ASSERT_TRUE(save(running));
    ASSERT_TRUE(save(result("few", "greedy", "c", 10'000, 3)));
    for (int i = 0; i < 30; ++i)
        ASSERT_TRUE(save(result("g" + std::to_string(i), "greedy", "a", 10'000, 10 + i)));
    std::uint64_t kept = 0;
    int first_kept = -1;
    for (int i = 0; i < 30; ++i) {
        const auto t = task("g" + std::to_string(i));
        ASSERT_TRUE(t) << "the task stays";
        EXPECT_EQ(t->state, TaskState::success);
        if (t->dropped == 0 && first_kept < 0) first_kept = i;
        EXPECT_EQ(t->dropped == 0, first_kept >= 0) << i << ": the oldest go first";
        EXPECT_EQ(t->data.size(), t->dropped == 0 ? 10'000U : 0U);
        EXPECT_TRUE(t->dropped == 0 || t->dropped == 10'000U);
        kept += t->data.size();
    }
    EXPECT_LE(kept + 20'000, 100'000U);
    EXPECT_GE(kept + 20'000, 80'000U);
    EXPECT_EQ(task("other")->dropped, 0U) << "older than all of them, of another token";
    EXPECT_EQ(task("few")->dropped, 0U) << "of the same token, but of an agent that holds little";
    EXPECT_EQ(task("open")->params.size(), 200'000U) << "never an open one";
}

TEST_F(StoreTest, BoundsResultsAfterARestartAndInAFileOfAnEarlierVersion)
{
    open(1000, {.task_rows = 1000, .result_bytes = 100'000});
    for (int i = 0; i < 9; ++i) ASSERT_TRUE(save(result("g" + std::to_string(i), "t", "a", 10'000, i)));
    store.reset();
    { // as version 2 wrote it
        agenthost::base::Database db{(dir / "hub.db").string()};
        db.exec(
            "DROP INDEX tasks_results; ALTER TABLE tasks DROP COLUMN caller; ALTER TABLE tasks DROP COLUMN "
            "bytes; ALTER TABLE tasks DROP COLUMN dropped; ALTER TABLE tasks DROP COLUMN no_resend; DROP "
            "INDEX "
            "tasks_shop_created; ALTER TABLE tasks DROP COLUMN digest; ALTER TABLE tasks DROP COLUMN origin; "
            "PRAGMA user_version=2");
    }
    open(1000, {.task_rows = 1000, .result_bytes = 100'000});
    EXPECT_EQ(task("g0")->data.size(), 10'000U);
    ASSERT_TRUE(save(result("new", "t", "a", 20'000, 100)));
    EXPECT_EQ(task("g0")->dropped, 10'000U);
    EXPECT_EQ(task("new")->dropped, 0U);
}

TEST_F(StoreTest, AResultLargerThanTheBoundIsDroppedItself)
{
    open(1000, {.task_rows = 1000, .result_bytes = 5'000});
    ASSERT_TRUE(save(result("large", "t", "a", 10'000, 1)));
    EXPECT_EQ(task("large")->dropped, 10'000U);
    EXPECT_EQ(task("large")->data, "");
}

// A failed query looked like "not found", and callers sent their commands again.
TEST_F(StoreTest, AQueryThatFailsSaysSo)
{
    open();
    ASSERT_TRUE(save(record("1", TaskState::success)));
    store->in_commit(
        [](agenthost::base::Database& db) {
            for (const char* table : {"tasks", "agents", "reports"})
                db.exec(("ALTER TABLE " + std::string{table} + " RENAME TO away_" + table).c_str());
        },
        {});
    std::promise<bool> found_task, found_agent, listed, reported;
    static_cast<TaskTable&>(*store).find("1", [&](bool ok, const auto& t) { found_task.set_value(ok || t); });
    static_cast<Registry&>(*store).find("a", [&](bool ok, const auto& a) { found_agent.set_value(ok || a); });
    store->list({.max_rows = 5}, [&](bool ok, const auto&) { listed.set_value(ok); });
    static_cast<ReportTable&>(*store).find({"a"}, [&](bool ok, const auto&) { reported.set_value(ok); });
    EXPECT_FALSE(found_task.get_future().get());
    EXPECT_FALSE(found_agent.get_future().get());
    EXPECT_FALSE(listed.get_future().get());
    EXPECT_FALSE(reported.get_future().get());
    EXPECT_TRUE(store->problem());
}

TEST_F(StoreTest, QueriesWorkWhileWritesFailAndDoNotEndTheProblem)
{
    open();
    ASSERT_TRUE(save(record("1", TaskState::success)));
    std::promise<bool> refusing;
    store->in_commit([](agenthost::base::Database& db) { db.exec("PRAGMA query_only=ON"); },
                     [&](bool ok) { refusing.set_value(ok); });
    ASSERT_TRUE(refusing.get_future().get());
    EXPECT_FALSE(save(record("2", TaskState::success)));
    EXPECT_TRUE(task("1"));
    EXPECT_TRUE(task("2")) << "it waits in memory";
    EXPECT_TRUE(store->problem());
}

// Each attempt waits for the busy timeout of 5 s.
TEST_F(StoreTest, ALockedDatabaseIsTriedOnceForEachCommit)
{
    Store idle{
        (dir / "hub.db").string(), {5}, 1000, 1000, loaded}; // not started: both jobs are in one commit
    int tries = 0;
    std::promise<bool> locked, minted;
    idle.in_commit(
        [&](agenthost::base::Database&) {
            ++tries;
            throw agenthost::base::SqliteError{"locked", SQLITE_BUSY};
        },
        [&](bool ok) { locked.set_value(ok); });
    idle.save(MintedToken{.id = "t1", .label = "", .token = {}, .created = 1},
              [&](bool ok) { minted.set_value(ok); });
    idle.start();
    EXPECT_FALSE(locked.get_future().get());
    EXPECT_FALSE(minted.get_future().get());
    EXPECT_EQ(tries, 1);
}

TEST_F(StoreTest, ASecondHubCannotOpenIt)
{
    open();
    Store::Loaded l;
    try {
        Store second{(dir / "hub.db").string(), {5}, 1000, 1000, l};
        FAIL() << "opened";
    } catch (const std::runtime_error& e) {
        EXPECT_THAT(e.what(), testing::HasSubstr("another process has its database open"));
        EXPECT_THAT(e.what(), testing::HasSubstr((dir / "hub.db").string()));
    }
}

TEST_F(StoreTest, NoticesThatItsFileWasDeletedOrReplaced)
{
    open();
    EXPECT_FALSE(store->problem());
    std::filesystem::rename(dir / "hub.db", dir / "moved.db");
    ASSERT_TRUE(store->problem());
    EXPECT_THAT(store->problem()->text, testing::HasSubstr("hub.db: the file was deleted"));
    EXPECT_FALSE(save(record("1", TaskState::success))) << "what is written now would be lost";
    agenthost::test::write_file(dir / "hub.db", "another");
    EXPECT_THAT(store->problem()->text, testing::HasSubstr("replaced"));
    std::filesystem::rename(dir / "moved.db", dir / "hub.db");
    EXPECT_TRUE(save(record("2", TaskState::success)));
    EXPECT_FALSE(store->problem()) << "it is back";
}

TEST(HubSpool, KnowsWhyEveryTransferWouldBeRefused)
{
    const agenthost::test::TempDir dir;
    agenthost::base::DiskSpace space{.bytes = 100'000, .inodes = 5, .read_only = false};
    auto disk = Spool::real_disk();
    disk.space = [&](const std::string&) { return space; };
    const auto spool = Spool::make((dir / "spool").string(), 1000, 50'000, disk);
    const auto why = [&] { return spool->problem() ? spool->problem()->text : std::string{}; };
    EXPECT_EQ(why(), "");
    space.bytes = 50'000;
    EXPECT_THAT(why(), testing::HasSubstr("has 50000 bytes free"));
    space = {.bytes = 100'000, .inodes = 0, .read_only = false};
    EXPECT_THAT(why(), testing::HasSubstr("spool: "));
    space = {.bytes = 100'000, .inodes = 5, .read_only = true};
    EXPECT_THAT(why(), testing::HasSubstr("read-only"));
    space.read_only = false;
    std::filesystem::remove_all(dir / "spool");
    EXPECT_THAT(why(), testing::HasSubstr("the transfer folder is gone"));
    agenthost::test::write_file(dir / "spool", "a file");
    EXPECT_THAT(why(), testing::HasSubstr("the transfer folder is gone"));
    std::filesystem::remove(dir / "spool");
    std::filesystem::create_directory(dir / "spool");
    EXPECT_EQ(why(), "") << "it is back";
}

TEST(HubSpool, LeavesNoNameAndReleasesItsSpace)
{
    const agenthost::test::TempDir dir;
    const std::string folder = (dir / "spool").string();
    const auto spool = Spool::make(folder, 1000, 0);
    agenthost::base::DiskTrouble problem;
    auto a = spool->open(600, "", "", problem);
    ASSERT_TRUE(a) << problem.text;
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    EXPECT_FALSE(spool->open(401, "", "", problem));
    EXPECT_THAT(problem.text, testing::HasSubstr("space for 400 of the 401 bytes"));
    auto b = spool->open(400, "", "", problem);
    ASSERT_TRUE(b);
    EXPECT_FALSE(spool->open(1, "", "", problem));
    a->complete(10, "x");
    EXPECT_EQ(spool->reserved(), 410U);
    b.reset();
    a.reset();
    EXPECT_EQ(spool->reserved(), 0U);
}

TEST(HubSpool, OneAgentOrTokenLeavesSpaceForOthersAndSpaceIsTakenAsBytesArrive)
{
    const agenthost::test::TempDir dir;
    const auto spool = Spool::make((dir / "spool").string(), 100 << 20, 0);
    agenthost::base::DiskTrouble problem;
    EXPECT_FALSE(spool->open(81 << 20, "a", "t", problem)) << "alone it may have four fifths";
    auto a = spool->open(80 << 20, "a", "t", problem);
    ASSERT_TRUE(a) << problem.text;
    EXPECT_EQ(spool->reserved(), 1U << 20);
    EXPECT_TRUE(a->grow(10 << 20));
    EXPECT_EQ(spool->reserved(), 20U << 20) << "at most twice what has come";
    EXPECT_TRUE(a->grow(80 << 20));
    EXPECT_EQ(spool->reserved(), 80U << 20);
    EXPECT_FALSE(spool->open(1 << 20, "a", "u", problem)) << "the agent's share";
    EXPECT_FALSE(spool->open(1 << 20, "b", "t", problem)) << "the token's share";
    EXPECT_TRUE(spool->open(16 << 20, "b", "u", problem)) << problem.text;
    a.reset();
    EXPECT_EQ(spool->reserved(), 0U);
}

TEST(HubSpool, KeepsTheReservedSpaceFree)
{
    const agenthost::test::TempDir dir;
    const auto spool =
        Spool::make((dir / "spool").string(), UINT64_MAX, std::filesystem::space(dir.path()).available / 2);
    agenthost::base::DiskTrouble problem;
    EXPECT_FALSE(
        spool->open(std::filesystem::space(dir.path()).available / 2 + (64 << 20), "n1", "admin", problem));
    EXPECT_THAT(problem.text, testing::HasSubstr("free some space"));
    EXPECT_EQ(spool->reserved(), 0U);
}

// Every failure was called DISK_FULL.
TEST(HubSpool, ReportsTheDisksError)
{
    const agenthost::test::TempDir dir;
    int create = 0, write = 0; // the errno of the next call; 0: it works
    const auto real = Spool::real_disk();
    const auto spool = Spool::make((dir / "spool").string(), 1000, 0,
                                   {.create =
                                        [&](const std::string& folder) {
                                            if (create == 0) return real.create(folder);
                                            errno = create;
                                            return agenthost::base::Fd{};
                                        },
                                    .write =
                                        [&](int fd, std::uint64_t at) {
                                            if (write != 0) errno = write;
                                            return write == 0 && real.write(fd, at);
                                        }});
    struct Case {
        int error;
        const char *code, *text;
    };
    for (const auto& [error, code, text] : {Case{EACCES, "INTERNAL", "permission denied"},
                                            {EROFS, "DISK_ERROR", "read-only"},
                                            {EIO, "DISK_ERROR", "input/output error"},
                                            {ENOSPC, "DISK_FULL", "the disk is full"},
                                            {EMFILE, "INSUFFICIENT_RESOURCES", "LimitNOFILE"}}) {
        agenthost::base::DiskTrouble problem;
        create = error;
        EXPECT_FALSE(spool->open(10, "n1", "t", problem));
        create = 0;
        EXPECT_EQ(problem.code, code);
        EXPECT_THAT(problem.text, testing::HasSubstr((dir / "spool").string()));
        EXPECT_THAT(problem.text, testing::HasSubstr(text));
        const auto file = spool->open(10, "n1", "t", problem);
        ASSERT_TRUE(file);
        write = error;
        const auto why = spool->why_not_written(*file, 3);
        write = 0;
        EXPECT_EQ(why.code, code);
        EXPECT_THAT(why.text, testing::HasSubstr((dir / "spool").string()));
        EXPECT_THAT(why.text, testing::HasSubstr(text));
        EXPECT_EQ(spool->why_not_written(*file, 3).code, "DISK_ERROR") << "it works again";
    }
}

TEST(HubSpool, NamesTheFolderItCannotUse)
{
    try {
        Spool::make("/proc/no-such-folder", 1, 0);
        FAIL() << "made";
    } catch (const std::runtime_error& e) {
        EXPECT_THAT(e.what(), testing::HasSubstr("/proc/no-such-folder"));
    }
}

} // namespace

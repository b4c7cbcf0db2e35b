#include "../../../support/full_disk.hpp"
#include "../../../support/support.hpp"
#include "plugins/printer/store/thread.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <future>

namespace agenthost::printer::store {
namespace {

using job::Outcome;
using job::State;

Job job_of(std::string task, std::string_view request = "r")
{
    Job out;
    out.printer = "net:1";
    out.server = "shop";
    out.task = std::move(task);
    out.request = base::sha256(request);
    out.kind = "print";
    out.created_ms = 1'000;
    out.meta = "{}";
    return out;
}

job::Progress ended(Outcome outcome)
{
    job::Progress out;
    out.state = State::ended;
    out.outcome = outcome;
    return out;
}

class PrinterStore : public testing::Test {
protected:
    test::TempDir dir;
    std::string file = dir / "printer.db";
};

TEST_F(PrinterStore, KeepsJobsWithTheirBytesAcrossARestart)
{
    {
        Store store{file};
        const Added added = store.add(job_of("t1"), std::string{"\0\x1b@", 3});
        EXPECT_FALSE(added.existed);
        store.set_dirty("net:1", 12);
        store.put_setting("default", "x");
        job::Progress armed;
        armed.state = State::armed;
        armed.taken = 2;
        armed.doubt = true;
        store.save(added.job.id, armed, 5);
    }
    Opened again = open_store(file);
    ASSERT_EQ(again.content.open.size(), 1u);
    const Job& job = again.content.open[0];
    EXPECT_EQ(job.progress.state, State::armed);
    EXPECT_EQ(job.progress.taken, 2u);
    EXPECT_TRUE(job.progress.doubt);
    EXPECT_EQ(again.content.dirty.at("net:1"), 12u);
    EXPECT_EQ(again.content.settings.at("default"), "x");
    EXPECT_EQ(again.store->content(job.id), (std::string{"\0\x1b@", 3}));
}

TEST_F(PrinterStore, MakesOneJobOfOneTask)
{
    Store store{file};
    const Added first = store.add(job_of("t1"), "abc");
    const Added repeat = store.add(job_of("t1"), "abc");
    EXPECT_TRUE(repeat.existed);
    EXPECT_FALSE(repeat.id_reused);
    EXPECT_EQ(repeat.job.id, first.job.id);
    EXPECT_TRUE(store.add(job_of("t1", "other"), "abd").id_reused);
    // Without an id nothing is compared.
    EXPECT_FALSE(store.add(job_of(""), "abc").existed);
    EXPECT_FALSE(store.add(job_of(""), "abc").existed);
    Job other = job_of("t1");
    other.server = "other";
    EXPECT_FALSE(store.add(other, "abc").existed);
}

TEST_F(PrinterStore, LetsATaskRunAgainOfWhichNothingIsOnPaper)
{
    Store store{file};
    const auto id = store.add(job_of("t1"), "abc").job.id;
    store.save(id, ended(Outcome::not_started), 9);
    const Added again = store.add(job_of("t1"), "abc");
    EXPECT_FALSE(again.existed);
    EXPECT_NE(again.job.id, id);
    EXPECT_TRUE(store.find(id));
}

TEST_F(PrinterStore, NeverChangesAFinalOutcome)
{
    Store store{file};
    const auto id = store.add(job_of("t"), "abc").job.id;
    store.save(id, ended(Outcome::unknown), 9);
    store.save(id, ended(Outcome::printed), 10);
    store.mark(id, 77);
    const Job job = store.find(id).value();
    EXPECT_EQ(job.progress.outcome, Outcome::unknown);
    EXPECT_EQ(job.ended_ms, 9);
    EXPECT_EQ(job.progress.taken, 0u);
}

// A start in 1970 and a jump by NTP afterwards: no job may be forgotten for it, its task would be printed twice.
TEST_F(PrinterStore, KeepsJobsHoweverOldTheClockSaysTheyAre)
{
    Store store{file};
    const auto early = store.add(job_of("early"), "abc").job.id;
    store.save(early, ended(Outcome::printed), 1);
    const auto late = store.add(job_of("late"), "abc").job.id;
    store.save(late, ended(Outcome::printed), std::int64_t{1} << 52);
    store.expire();
    EXPECT_TRUE(store.add(job_of("early"), "abc").existed);
    EXPECT_TRUE(store.add(job_of("late"), "abc").existed);
}

TEST_F(PrinterStore, ForgetsTheEarliestJobsBeyondTheBoundAndKeepsOpenOnes)
{
    Store store{file};
    const auto open = store.add(job_of("open"), "abc").job.id;
    std::vector<job::JobId> ids;
    for (std::int64_t i = 0; i <= keep_jobs; ++i) {
        ids.push_back(store.add(job_of(""), "abc").job.id);
        store.save(ids.back(), ended(Outcome::printed), 1);
    }
    store.expire();
    EXPECT_FALSE(store.find(ids[0]));
    EXPECT_FALSE(store.content(ids[0]));
    EXPECT_TRUE(store.find(ids[1]));
    EXPECT_TRUE(store.find(open));
}

TEST_F(PrinterStore, KeepsTheBytesOfTheLatestJobsOnly)
{
    Store store{file};
    const std::string big(20 << 20, 'x');
    std::vector<job::JobId> ids;
    for (int i = 0; i < 4; ++i) {
        ids.push_back(store.add(job_of(""), big).job.id);
        store.save(ids.back(), ended(Outcome::sent), 5);
    }
    store.expire();
    EXPECT_FALSE(store.content(ids[0]));
    EXPECT_TRUE(store.content(ids[1]));
    EXPECT_TRUE(store.find(ids[0]));
}

TEST_F(PrinterStore, DoesNotPrintBytesThatWereDamaged)
{
    Store store{file};
    const auto id = store.add(job_of("t"), "abc").job.id;
    store.database().exec("UPDATE contents SET bytes=x'616264'");
    EXPECT_FALSE(store.content(id));
}

TEST_F(PrinterStore, PutsADamagedFileAsideAndStarts)
{
    {
        Store store{file};
    }
    std::ofstream{file, std::ios::trunc}
        << "this is not a database, and longer than a header of SQLite would be";
    const Opened opened = open_store(file);
    EXPECT_NE(opened.degraded.find(".damaged-1"), std::string::npos) << opened.degraded;
    EXPECT_TRUE(std::filesystem::exists(file + ".damaged-1"));
}

TEST_F(PrinterStore, RefusesASecondProcess)
{
    Store store{file};
    sqlite3_busy_timeout(store.database().raw(), 0);
    EXPECT_THROW(
        {
            try {
                Store second{file};
            } catch (const std::runtime_error& e) {
                EXPECT_NE(std::string{e.what()}.find("Another process"), std::string::npos) << e.what();
                throw;
            }
        },
        std::runtime_error);
}

// The loop of a test: results are carried out by run().
struct Loop {
    std::mutex mutex;
    std::vector<std::function<void()>> calls;
    StoreThread::Deliver deliver()
    {
        return [this](std::function<void()> call) {
            const std::lock_guard lock{mutex};
            calls.push_back(std::move(call));
        };
    }
    std::size_t run()
    {
        std::vector<std::function<void()>> now;
        {
            const std::lock_guard lock{mutex};
            now.swap(calls);
        }
        for (const auto& call : now) call();
        return now.size();
    }
};

TEST_F(PrinterStore, StoresWhatWaitsTogetherByOneCommit)
{
    Loop loop;
    StoreThread thread{std::make_unique<Store>(file), file, loop.deliver()};
    int done = 0;
    for (int i = 0; i < 100; ++i)
        thread.run([](Store& store) { store.add(job_of(""), "abc"); },
                   [&](const std::optional<Problem>& problem) {
                       EXPECT_FALSE(problem);
                       ++done;
                   });
    std::size_t batches = 0;
    EXPECT_TRUE(test::wait_for([&] {
        batches += loop.run();
        return done == 100;
    }));
    EXPECT_LT(batches, 60u);
}

TEST_F(PrinterStore, StoresAnOutcomeWhenTheDiskWorksAgain)
{
    Loop loop;
    auto own = std::make_unique<Store>(file);
    Store& store = *own;
    const auto id = store.add(job_of("t"), "abc").job.id;
    StoreThread thread{std::move(own), file, loop.deliver()};
    thread.run([](Store& s) { s.database().exec("PRAGMA query_only=1"); }, nullptr);
    thread.flush();
    std::optional<Problem> answer;
    thread.save(id, ended(Outcome::printed),
                [&](const std::optional<Problem>& problem) { answer = problem; });
    EXPECT_TRUE(test::wait_for([&] {
        loop.run();
        return answer.has_value();
    }));
    EXPECT_FALSE(thread.trouble().empty());
    sqlite3_exec(store.database().raw(), "PRAGMA query_only=0", nullptr, nullptr, nullptr);
    EXPECT_TRUE(test::wait_for([&] { return thread.trouble().empty(); }));
    thread.flush();
    EXPECT_EQ(store.find(id)->progress.outcome, Outcome::printed);
}

TEST_F(PrinterStore, ReadsAndKeepsWhatMattersWhileTheDiskRefuses)
{
    Loop loop;
    auto own = std::make_unique<Store>(file);
    Store& store = *own;
    const auto id = store.add(job_of("t"), "abc").job.id;
    StoreThread thread{std::move(own), file, loop.deliver()};
    auto full = std::make_unique<test::FullDisk>();
    thread.save(id, ended(Outcome::printed), nullptr);
    thread.run([](Store& s) { s.set_dirty("p", 5); }, nullptr, "dirty p");
    thread.run([](Store& s) { s.set_dirty("p", 7); }, nullptr, "dirty p");
    thread.flush();
    std::optional<std::optional<Problem>> read, added;
    bool found = false;
    thread.run([&](Store& s) { found = s.find(id).has_value(); },
               [&](const std::optional<Problem>& problem) { read = problem; });
    thread.run([](Store& s) { s.add(job_of("new"), "abc"); },
               [&](const std::optional<Problem>& problem) { added = problem; });
    EXPECT_TRUE(test::wait_for([&] {
        loop.run();
        return read && added;
    }));
    EXPECT_FALSE(*read) << "what only reads was refused with what writes";
    EXPECT_TRUE(found);
    EXPECT_TRUE(*added);
    full.reset();
    EXPECT_TRUE(test::wait_for([&] { return thread.trouble().empty(); }));
    thread.flush();
    const auto loaded = store.load();
    EXPECT_EQ(loaded.dirty.at("p"), 7u);
    EXPECT_TRUE(loaded.open.empty());
}

TEST_F(PrinterStore, OneCallThatFailsTakesNoOtherWithIt)
{
    Loop loop;
    StoreThread thread{std::make_unique<Store>(file), file, loop.deliver()};
    std::promise<void> go;
    thread.run([wait = go.get_future().share()](Store&) { wait.wait(); }, nullptr);
    int good = 0, bad = 0;
    const auto count = [&](const std::optional<Problem>& problem) { ++(problem ? bad : good); };
    thread.run([](Store& store) { store.add(job_of("a"), "abc"); }, count);
    thread.run([](Store&) { throw std::runtime_error{"a call of another server"}; }, count);
    thread.run([](Store& store) { store.add(job_of("b"), "abc"); }, count);
    go.set_value();
    EXPECT_TRUE(test::wait_for([&] {
        loop.run();
        return good + bad == 3;
    }));
    EXPECT_EQ(good, 2);
    EXPECT_EQ(bad, 1);
}

} // namespace
} // namespace agenthost::printer::store

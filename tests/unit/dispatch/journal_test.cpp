#include "fixture.hpp"

#include "kit/sqlite.hpp"

#include <sys/wait.h>
#include <thread>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using agenthost::wire::Outcome;
using Begin = Journal::Begin;

namespace {

Digest digest(unsigned char of = 1)
{
    Digest d{};
    d[0] = of;
    return d;
}

agenthost::wire::Result success(std::string_view data = R"({"ok":1})")
{
    return {.id = "id", .outcome = Outcome::success, .data = data, .error = {}, .action = "write"};
}

// A journal and its loop, every call waited for.
struct Book {
    explicit Book(Journal::Options o) : journal{io.get_executor(), std::move(o)} {}
    boost::asio::io_context io;
    Journal journal;

    template <class Done>
    void wait(Done& done)
    {
        EXPECT_TRUE(wait_for([&] {
            io.restart();
            io.poll();
            return done.has_value();
        }));
    }
    Journal::Begun begin(std::string_view id, const Digest& d = digest(), std::string_view caller = "server")
    {
        std::optional<Journal::Begun> begun;
        journal.begin(caller, id, d, "write", [&](Journal::Begun b) { begun = std::move(b); });
        wait(begun);
        return *begun;
    }
    std::optional<std::uint64_t> finish(std::uint64_t row, const agenthost::wire::Result& r = success())
    {
        std::optional<std::pair<bool, std::uint64_t>> done;
        journal.finish(row, r, [&](bool ok, std::uint64_t sequence) { done = {ok, sequence}; });
        wait(done);
        return done->first ? std::optional{done->second} : std::nullopt;
    }
    bool rerun(std::uint64_t row)
    {
        std::optional<bool> done;
        journal.rerun(row, [&](bool ok) { done = ok; });
        wait(done);
        return *done;
    }
    std::vector<Journal::Undelivered> undelivered(std::uint64_t after = 0, std::size_t most = 64, std::string_view caller = "server")
    {
        std::optional<std::vector<Journal::Undelivered>> page;
        journal.undelivered(caller, after, most, [&](std::vector<Journal::Undelivered> p) { page = std::move(p); });
        wait(page);
        return *page;
    }
    std::uint64_t done(std::string_view id) // begun and finished
    {
        const auto row = begin(id).row;
        finish(row);
        return row;
    }
};

struct JournalTest : ::testing::Test {
    TempDir dir;
    std::chrono::system_clock::time_point now{std::chrono::hours{500'000}};
    Journal::Options options{.file = dir / "journal.db", .clock = [this] { return now; }};
};

TEST_F(JournalTest, BeginsFreshRunsAndRemembersTheResult)
{
    Book book{options};
    const auto first = book.begin("1");
    EXPECT_EQ(first.what, Begin::fresh);
    EXPECT_EQ(book.begin("1").what, Begin::running);
    const agenthost::wire::Result failure{
        .id = "1", .outcome = Outcome::unknown, .data = {},
        .error = {.code = "C", .message = "m\nx", .detail = "d", .data = "[1]"}, .action = "write"};
    EXPECT_TRUE(book.finish(first.row, failure));
    const auto again = book.begin("1");
    EXPECT_EQ(again.what, Begin::finished);
    EXPECT_EQ(again.row, first.row);
    EXPECT_EQ(again.result.outcome, Outcome::unknown);
    EXPECT_EQ(again.result.id, "1");
    EXPECT_EQ(again.result.action, "write");
    EXPECT_EQ(again.result.code, "C");
    EXPECT_EQ(again.result.message, "m\nx");
    EXPECT_EQ(again.result.detail, "d");
    EXPECT_EQ(again.result.error_data, "[1]");
}

TEST_F(JournalTest, KeysByCallerAndIdAndTellsOtherContent)
{
    Book book{options};
    EXPECT_EQ(book.begin("1", digest(1)).what, Begin::fresh);
    EXPECT_EQ(book.begin("1", digest(2)).what, Begin::id_reused);
    EXPECT_EQ(book.begin("1", digest(2), "other").what, Begin::fresh) << "another server's ids are its own";
    EXPECT_EQ(book.begin("2", digest(1)).what, Begin::fresh);
    book.done("3");
    EXPECT_EQ(book.begin("3", digest(9)).what, Begin::id_reused) << "also when finished";
}

TEST_F(JournalTest, LetsWhatWasNotStartedRunAgain)
{
    Book book{options};
    const auto first = book.begin("1");
    book.finish(first.row, {.id = "1", .outcome = Outcome::not_started, .data = {}, .error = {.code = "BUSY"}, .action = {}});
    EXPECT_EQ(book.begin("1", digest(5)).what, Begin::fresh) << "even with other content: nothing was done";
    EXPECT_EQ(book.journal.stats().rows, 1u);
    EXPECT_THAT(book.undelivered(), IsEmpty());
}

TEST_F(JournalTest, HandsOutUndeliveredResultsInTheOrderTheyFinished)
{
    Book book{options};
    const auto a = book.begin("a").row, b = book.begin("b").row, c = book.begin("c").row;
    const auto other = book.begin("x", digest(), "other").row;
    book.finish(other);
    const auto first = book.finish(c), second = book.finish(a), third = book.finish(b);
    EXPECT_LT(*first, *second);
    EXPECT_LT(*second, *third);
    auto page = book.undelivered(0, 2);
    ASSERT_THAT(page, SizeIs(2));
    EXPECT_EQ(page[0].result.id, "c");
    EXPECT_EQ(page[1].result.id, "a");
    EXPECT_EQ(page[1].result.data, R"({"ok":1})");
    page = book.undelivered(page[1].sequence, 2);
    ASSERT_THAT(page, SizeIs(1));
    EXPECT_EQ(page[0].result.id, "b");
    book.journal.delivered(a);
    EXPECT_TRUE(wait_for([&] { return book.journal.stats().undelivered == 3; }));
    EXPECT_THAT(book.undelivered(), SizeIs(2));
    EXPECT_EQ(book.begin("a").what, Begin::finished) << "delivered, and still known";
}

TEST_F(JournalTest, BoundsAPageByItsBytes)
{
    Book book{options};
    const std::string large = '"' + std::string(3 << 20, 'x') + '"';
    for (const char* id : {"1", "2", "3"}) book.finish(book.begin(id).row, success(large));
    const auto page = book.undelivered();
    EXPECT_THAT(page, SizeIs(2));
    EXPECT_THAT(book.undelivered(page.back().sequence), SizeIs(1));
}

TEST_F(JournalTest, RefusesWhenFullAndEvictsNothingValid)
{
    options.rows = 3;
    options.keep = 100s;
    Book book{options};
    const auto running = book.begin("running");
    book.done("a");
    book.journal.delivered(book.done("b"));
    EXPECT_EQ(book.begin("c").what, Begin::full);
    EXPECT_EQ(book.begin("a").what, Begin::finished) << "what it knows it still tells";
    EXPECT_EQ(book.begin("running").what, Begin::running);
    now += 200s;
    EXPECT_EQ(book.begin("c").what, Begin::fresh) << "what has expired makes room";
    EXPECT_EQ(book.begin("a").what, Begin::fresh);
    EXPECT_EQ(book.begin("running").what, Begin::running) << "what runs never expires";
    EXPECT_EQ(book.begin("b").what, Begin::full);
    EXPECT_TRUE(book.finish(running.row));
}

TEST_F(JournalTest, ExpiresWhatIsOlderThanItKeeps)
{
    options.keep = 100s;
    Book book{options};
    book.done("a");
    now += 60s;
    book.done("b");
    now += 60s;
    book.journal.expire();
    EXPECT_TRUE(wait_for([&] { return book.journal.stats().rows == 1; }));
    EXPECT_EQ(book.journal.stats().undelivered, 1u);
    EXPECT_EQ(book.begin("b").what, Begin::finished);
    EXPECT_EQ(book.begin("a").what, Begin::fresh);
}

TEST_F(JournalTest, CommitsInGroups)
{
    std::atomic<bool> hold{true};
    options.before_commit = [&] { // the disk is slow: meanwhile the next group gathers
        while (hold) std::this_thread::yield();
    };
    Book book{options};
    int begun = 0;
    book.journal.begin("server", "first", digest(), "write", [&](Journal::Begun) { ++begun; });
    EXPECT_TRUE(wait_for([&] { return book.journal.stats().waiting == 0; }));
    for (int i = 0; i < 100; ++i) book.journal.begin("server", std::to_string(i), digest(), "write", [&](Journal::Begun b) {
        EXPECT_EQ(b.what, Begin::fresh);
        ++begun;
    });
    hold = false;
    EXPECT_TRUE(wait_for([&] {
        book.io.restart();
        book.io.poll();
        return begun == 101;
    }));
    EXPECT_EQ(book.journal.stats().commits, 2u);
}

TEST_F(JournalTest, RefusesBeginsBeyondItsQueue)
{
    std::atomic<bool> hold{true};
    options.queue = 4;
    options.before_commit = [&] {
        while (hold) std::this_thread::yield();
    };
    Book book{options};
    book.journal.begin("server", "first", digest(), "write", [](Journal::Begun) {});
    EXPECT_TRUE(wait_for([&] { return book.journal.stats().waiting == 0; }));
    int fresh = 0, full = 0;
    for (int i = 0; i < 6; ++i) book.journal.begin("server", std::to_string(i), digest(), "write", [&](Journal::Begun b) {
        ++(b.what == Begin::full ? full : fresh);
    });
    hold = false;
    EXPECT_TRUE(wait_for([&] {
        book.io.restart();
        book.io.poll();
        return fresh + full == 6;
    }));
    EXPECT_EQ(full, 2);
}

TEST_F(JournalTest, TellsWhatTheDiskSaidAndRemembersResultsInMemory)
{
    std::atomic<bool> broken{false};
    options.before_commit = [&] {
        if (broken) throw std::runtime_error{"no space left"};
    };
    Book book{options};
    const auto row = book.begin("1").row;
    broken = true;
    const auto refused = book.begin("2");
    EXPECT_EQ(refused.what, Begin::failed);
    EXPECT_THAT(refused.problem, HasSubstr("journal.db"));
    EXPECT_THAT(refused.problem, HasSubstr("no space left"));
    EXPECT_EQ(book.finish(row), std::nullopt);
    EXPECT_EQ(book.journal.stats().rows, 1u);
    broken = false;
    const auto again = book.begin("1");
    EXPECT_EQ(again.what, Begin::finished) << "never run twice because the disk failed";
    EXPECT_EQ(again.result.data, R"({"ok":1})");
    EXPECT_EQ(book.begin("2").what, Begin::fresh) << "the refused one left nothing";
    ASSERT_THAT(book.undelivered(), SizeIs(1)) << "written with the next commit that worked";
}

TEST_F(JournalTest, WritesWhatIsQueuedBeforeItCloses)
{
    {
        Book book{options};
        const auto row = book.begin("1").row;
        book.journal.finish(row, success(), {});
        book.journal.begin("server", "2", digest(), "write", [](Journal::Begun) { FAIL() << "the journal is gone"; });
    }
    Book book{options};
    EXPECT_EQ(book.begin("1").what, Begin::finished);
    EXPECT_EQ(book.begin("2").what, Begin::interrupted);
}

TEST_F(JournalTest, MarksWhatRanWhenTheProcessDiedAndRunsItAgainOnRequest)
{
    { Book{options}.begin("1"); }
    {
        Book book{options};
        const auto page = book.undelivered();
        ASSERT_THAT(page, SizeIs(1)) << "the peer hears of it";
        EXPECT_EQ(page[0].result.outcome, Outcome::interrupted);
        EXPECT_EQ(page[0].result.code, "INTERRUPTED");
        const auto begun = book.begin("1");
        EXPECT_EQ(begun.what, Begin::interrupted);
        EXPECT_EQ(begun.result.code, "INTERRUPTED");
        EXPECT_EQ(book.begin("1", digest(2)).what, Begin::id_reused);
        EXPECT_TRUE(book.rerun(begun.row));
        EXPECT_FALSE(book.rerun(begun.row)) << "it runs";
        EXPECT_EQ(book.begin("1").what, Begin::running);
        EXPECT_THAT(book.undelivered(), IsEmpty());
        EXPECT_EQ(book.journal.stats().undelivered, 0u);
        EXPECT_TRUE(book.finish(begun.row));
    }
    Book book{options};
    EXPECT_EQ(book.begin("1").what, Begin::finished);
    EXPECT_EQ(book.begin("1").result.outcome, Outcome::success);
}

TEST_F(JournalTest, KeepsTheOrderOfFinishingAcrossARestart)
{
    {
        Book book{options};
        book.done("a");
        book.done("b");
    }
    Book book{options};
    book.done("c");
    const auto page = book.undelivered();
    ASSERT_THAT(page, SizeIs(3));
    EXPECT_EQ(page[0].result.id, "a");
    EXPECT_EQ(page[1].result.id, "b");
    EXPECT_EQ(page[2].result.id, "c");
    EXPECT_EQ(book.journal.stats().rows, 3u);
    EXPECT_EQ(book.journal.stats().undelivered, 3u);
}

std::string refusal(const Journal::Options& options)
{
    boost::asio::io_context io;
    try {
        Journal journal{io.get_executor(), options};
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return "";
}

TEST_F(JournalTest, RefusesALayoutItDoesNotKnow)
{
    { Book{options}.done("1"); }
    { agenthost::kit::Database{options.file.string()}.exec("PRAGMA user_version = 7"); }
    EXPECT_THAT(refusal(options), ::testing::AllOf(HasSubstr("journal.db"), HasSubstr("version 7"), HasSubstr("knows 1"), HasSubstr("newer agenthost")));
}

TEST_F(JournalTest, SaysWhichFileIsDamagedAndWhatToDo)
{
    agenthost::test::write_file(options.file, std::string(8192, 'x'));
    EXPECT_THAT(refusal(options), ::testing::AllOf(HasSubstr("journal.db"), HasSubstr("damaged"), HasSubstr("move it")));
    options.file = dir / "none" / "journal.db";
    EXPECT_THAT(refusal(options), ::testing::AllOf(HasSubstr("none/journal.db"), HasSubstr("folder exists")));
}

TEST_F(JournalTest, SaysThatATableIsDamaged)
{
    { Book{options}.done("1"); }
    {
        agenthost::kit::Database db{options.file.string()};
        db.exec("DROP INDEX journal_outbox; ALTER TABLE journal RENAME TO other");
    }
    EXPECT_THAT(refusal(options), ::testing::AllOf(HasSubstr("journal.db"), HasSubstr("damaged"), HasSubstr("move it")));
}

TEST_F(JournalTest, BelongsToOneProcess)
{
    Book book{options};
    book.done("1");
    EXPECT_THAT(refusal(options), HasSubstr("another process has it open"));
}

// kill -9 at each point of the protocol: what was committed is there, what was not is not.
enum class Point { begun, finished, delivered };

void die_after(const Journal::Options& options, Point point)
{
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto* book = new Book{options};
        const auto row = book->begin("1").row;
        if (point != Point::begun) book->finish(row);
        if (point == Point::delivered) {
            book->journal.delivered(row);
            wait_for([&] { return book->journal.stats().undelivered == 0; });
        }
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
}

TEST_F(JournalTest, KnowsAfterKill9WhatHadBegun)
{
    die_after(options, Point::begun);
    Book book{options};
    EXPECT_EQ(book.begin("1").what, Begin::interrupted);
}

TEST_F(JournalTest, KnowsAfterKill9WhatHadFinished)
{
    die_after(options, Point::finished);
    Book book{options};
    EXPECT_EQ(book.begin("1").what, Begin::finished);
    EXPECT_THAT(book.undelivered(), SizeIs(1));
}

TEST_F(JournalTest, KnowsAfterKill9WhatWasDelivered)
{
    die_after(options, Point::delivered);
    Book book{options};
    EXPECT_EQ(book.begin("1").what, Begin::finished);
    EXPECT_THAT(book.undelivered(), IsEmpty());
}

} // namespace

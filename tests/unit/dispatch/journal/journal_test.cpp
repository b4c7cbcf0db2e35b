#include "book.hpp"

#include <thread>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

TEST_F(JournalTest, BeginsFreshRunsAndRemembersTheResult)
{
    Book book{options};
    const auto first = book.begin("1");
    EXPECT_EQ(first.what, Begin::fresh);
    EXPECT_EQ(book.begin("1").what, Begin::running);
    const agenthost::wire::Result failure{
        .id = "1",
        .outcome = Outcome::unknown,
        .data = {},
        .error = {.code = "C", .message = "m\nx", .detail = "d", .data = "[1]"},
        .action = "write"};
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

// A result that its server cannot take: an error stands in its place, for the outbox and for a repeat, also
// after a restart.
TEST_F(JournalTest, ReplacesAResultAndKeepsItsPlace)
{
    std::uint64_t row = 0;
    {
        Book book{options};
        book.done("1");
        row = book.done("2");
        book.done("3");
        book.journal.replace_result(
            row, {.id = {},
                  .outcome = Outcome::error,
                  .data = {},
                  .error = {.code = "TOO_LARGE", .message = "m", .detail = "d", .data = {}},
                  .action = {}});
    }
    Book book{options};
    const auto page = book.undelivered();
    ASSERT_THAT(page, SizeIs(3));
    EXPECT_EQ(page[1].result.id, "2");
    EXPECT_EQ(page[1].result.row, row);
    EXPECT_EQ(page[1].result.outcome, Outcome::error);
    EXPECT_EQ(page[1].result.code, "TOO_LARGE");
    EXPECT_EQ(page[1].result.data, "");
    EXPECT_EQ(page[0].result.outcome, Outcome::success);
    const auto again = book.begin("2");
    EXPECT_EQ(again.what, Begin::finished);
    EXPECT_EQ(again.result.code, "TOO_LARGE");
    EXPECT_EQ(again.result.detail, "d");
}

TEST_F(JournalTest, LetsWhatWasNotStartedRunAgain)
{
    Book book{options};
    const auto first = book.begin("1");
    book.finish(
        first.row,
        {.id = "1", .outcome = Outcome::not_started, .data = {}, .error = {.code = "BUSY"}, .action = {}});
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
    EXPECT_EQ(book.begin("c").what, Begin::fresh) << "what has expired makes space";
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
    for (int i = 0; i < 100; ++i)
        book.journal.begin("server", std::to_string(i), digest(), "write", [&](Journal::Begun b) {
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
    for (int i = 0; i < 6; ++i)
        book.journal.begin("server", std::to_string(i), digest(), "write",
                           [&](Journal::Begun b) { ++(b.what == Begin::full ? full : fresh); });
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
        book.journal.begin("server", "2", digest(), "write",
                           [](Journal::Begun) { FAIL() << "the journal is gone"; });
    }
    Book book{options};
    EXPECT_EQ(book.begin("1").what, Begin::finished);
    EXPECT_EQ(book.begin("2").what, Begin::interrupted);
}

TEST_F(JournalTest, MarksWhatRanWhenTheProcessDiedAndRunsItAgainOnRequest)
{
    {
        Book{options}.begin("1");
    }
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
        const auto row = book.rerun(begun.row);
        EXPECT_GT(row, begun.row);
        EXPECT_EQ(book.rerun(row), 0u) << "it runs";
        EXPECT_EQ(book.begin("1").what, Begin::running);
        EXPECT_THAT(book.undelivered(), IsEmpty());
        EXPECT_EQ(book.journal.stats().undelivered, 0u);
        EXPECT_TRUE(book.finish(row));
        book.journal.delivered(begun.row); // of the answer "interrupted", confirmed late
        book.begin("2");
        EXPECT_THAT(book.undelivered(), SizeIs(1)) << "does not count for the new answer";
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

} // namespace

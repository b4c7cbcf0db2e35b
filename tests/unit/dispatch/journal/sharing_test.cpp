// The journal's space is shared: what one server does leaves the others theirs.
#include "book.hpp"

#include "base/sqlite.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;

namespace {

const agenthost::wire::Result no_such_file{.id = "id",
                                           .outcome = Outcome::error,
                                           .data = {},
                                           .error = {.code = "FILE_NOT_FOUND"},
                                           .action = "write"};

struct JournalSharing : JournalTest {
    // Begins new ones until it is refused, or `most`; each ends as `result`.
    static int flood(Book& book, const std::string& caller, int most,
                     const agenthost::wire::Result& result = success())
    {
        static int next = 0;
        for (int i = 0; i < most; ++i) {
            const auto begun = book.begin(caller + std::to_string(++next), digest(), caller);
            if (begun.what != Begin::fresh) return i;
            book.finish(begun.row, result);
        }
        return most;
    }
    // As finish(), of a result that changed nothing.
    static void finish_unchanged(Book& book, std::uint64_t row)
    {
        std::optional<bool> done;
        book.journal.finish(
            row, no_such_file, [&](bool ok, std::uint64_t) { done = ok; }, true);
        book.wait(done);
    }
    static void deliver(Book& book, std::uint64_t row)
    {
        const auto before = book.journal.stats().undelivered;
        book.journal.delivered(row);
        EXPECT_TRUE(wait_for([&] { return book.journal.stats().undelivered < before; }));
    }
};

TEST_F(JournalSharing, OneThatFloodsLeavesTheOthersTheirPart)
{
    options.rows = 40; // a part: 40 / 2 / 2 = 10
    Book book{options};
    book.journal.share_among({"noisy", "calm"});
    EXPECT_EQ(flood(book, "noisy", 1000), 30) << "its own part and what nobody has a part in";
    EXPECT_EQ(flood(book, "calm", 1000), 10);
    const auto refused = book.begin("another", digest(), "noisy");
    EXPECT_EQ(refused.what, Begin::full);
    EXPECT_THAT(refused.problem,
                AllOf(HasSubstr("noisy"), HasSubstr("30 of its results"), HasSubstr("40 of 40 rows")));
}

TEST_F(JournalSharing, AlsoOfTheBytes)
{
    options.bytes = 1 << 20;
    Book book{options};
    book.journal.share_among({"noisy", "calm"});
    const std::string large = '"' + std::string(64 << 10, 'x') + '"';
    const int noisy = flood(book, "noisy", 1000, success(large));
    EXPECT_GT(noisy, 8);
    EXPECT_LT(noisy, 14) << "three quarters of a MiB";
    EXPECT_GE(flood(book, "calm", 3, success(large)), 3);
    EXPECT_LE(book.journal.stats().result_bytes, options.bytes + (64 << 10));
}

TEST_F(JournalSharing, AreKnownAfterARestart)
{
    options.rows = 40;
    std::uint64_t bytes = 0;
    {
        Book book{options};
        book.journal.share_among({"noisy", "calm"});
        flood(book, "noisy", 1000);
        bytes = book.journal.stats().result_bytes;
    }
    Book book{options};
    EXPECT_EQ(book.journal.stats().rows, 30u);
    EXPECT_EQ(book.journal.stats().result_bytes, bytes);
    book.journal.share_among({"noisy", "calm"});
    EXPECT_EQ(flood(book, "noisy", 1), 0);
    EXPECT_EQ(flood(book, "calm", 1), 1);
}

TEST_F(JournalSharing, AreAsTheyWereWhenTheDiskRefuses)
{
    std::atomic<bool> broken{false};
    options.before_commit = [&] {
        if (broken) throw std::runtime_error{"no"};
    };
    Book book{options};
    flood(book, "a", 3);
    const auto before = book.journal.stats();
    broken = true;
    EXPECT_EQ(book.begin("x", digest(), "a").what, Begin::failed);
    EXPECT_EQ(book.journal.stats().rows, before.rows);
    EXPECT_EQ(book.journal.stats().result_bytes, before.result_bytes);
}

TEST_F(JournalSharing, ResultsThatChangedNothingGoWithinMinutesOnceDelivered)
{
    Book book{options};
    const auto unchanged = book.begin("unchanged").row, waiting = book.begin("waiting").row;
    finish_unchanged(book, unchanged);
    finish_unchanged(book, waiting);
    deliver(book, unchanged);
    const auto done = book.done("done");
    deliver(book, done);
    EXPECT_EQ(book.begin("unchanged").what, Begin::finished) << "a repeat soon after gets the answer";
    now += 3min;
    book.journal.expire();
    EXPECT_TRUE(wait_for([&] { return book.journal.stats().rows == 2; }));
    EXPECT_EQ(book.begin("waiting").what, Begin::finished) << "its server has not heard it";
    EXPECT_EQ(book.begin("done").what, Begin::finished) << "it did something";
    EXPECT_EQ(book.begin("unchanged").what, Begin::fresh);
}

TEST_F(JournalSharing, ResultsThatChangedNothingMakeSpaceForTheNext)
{
    options.rows = 8;
    Book book{options};
    for (int i = 0; i < 100; ++i) {
        const auto begun = book.begin("delete-" + std::to_string(i));
        ASSERT_EQ(begun.what, Begin::fresh) << i;
        finish_unchanged(book, begun.row);
        deliver(book, begun.row);
    }
    EXPECT_LE(book.journal.stats().rows, 8u);
    EXPECT_EQ(book.journal.stats().full, 0u);
}

TEST_F(JournalSharing, OfTheQueueToo)
{
    std::atomic<bool> hold{true};
    options.queue = 8;
    options.before_commit = [&] {
        while (hold) std::this_thread::yield();
    };
    Book book{options};
    book.journal.share_among({"noisy", "calm"});
    EXPECT_TRUE(wait_for([&] { return book.journal.stats().waiting == 0; }));
    int noisy = 0, calm = 0, refused = 0;
    const auto count = [&](int& fresh) {
        return [&](Journal::Begun b) { ++(b.what == Begin::full ? refused : fresh); };
    };
    for (int i = 0; i < 20; ++i)
        book.journal.begin("noisy", std::to_string(i), digest(), "write", count(noisy));
    for (int i = 0; i < 3; ++i) book.journal.begin("calm", std::to_string(i), digest(), "write", count(calm));
    hold = false;
    EXPECT_TRUE(wait_for([&] {
        book.io.restart();
        book.io.poll();
        return noisy + calm + refused == 23;
    }));
    EXPECT_EQ(noisy, 4);
    EXPECT_EQ(calm, 3);
}

TEST_F(JournalSharing, AJournalOfTheFirstLayoutIsTakenOver)
{
    {
        agenthost::base::Database db{options.file.string()};
        db.exec(
            "CREATE TABLE journal(row INTEGER PRIMARY KEY, caller TEXT NOT NULL, id TEXT NOT NULL, digest "
            "BLOB NOT "
            "NULL, action TEXT NOT NULL, state INTEGER NOT NULL, created INTEGER NOT NULL, finished INTEGER, "
            "sequence INTEGER, delivered INTEGER NOT NULL DEFAULT 0, outcome INTEGER, data TEXT, code TEXT, "
            "message TEXT, detail TEXT, error_data TEXT);"
            "CREATE UNIQUE INDEX journal_key ON journal(caller, id);"
            "CREATE INDEX journal_outbox ON journal(caller, sequence) WHERE delivered = 0 AND sequence IS "
            "NOT NULL;"
            "CREATE INDEX journal_running ON journal(row) WHERE state = 0;"
            "PRAGMA user_version = 1");
        auto insert = db.prepare(
            "INSERT INTO journal(caller, id, digest, action, state, created, finished, sequence, "
            "outcome, data) VALUES('server', '1', ?, 'write', 1, 1799999000, 1799999999, 1, 0, '7')");
        insert.bind_blob(1, digest()).run();
    }
    Book book{options};
    EXPECT_EQ(book.journal.stats().rows, 1u);
    EXPECT_EQ(book.journal.stats().result_bytes, 256u + 1 + 5 + 1);
    EXPECT_EQ(book.begin("1").what, Begin::finished);
    EXPECT_EQ(book.begin("2").what, Begin::fresh);
}

} // namespace

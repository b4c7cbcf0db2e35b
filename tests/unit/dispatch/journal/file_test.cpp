// Files a journal refuses, and what it finds after kill -9.
#include "book.hpp"

#include "base/sqlite.hpp"

#include <sys/wait.h>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

using JournalFile = JournalTest;

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

TEST_F(JournalFile, RefusesALayoutItDoesNotKnow)
{
    {
        Book{options}.done("1");
    }
    {
        agenthost::base::Database{options.file.string()}.exec("PRAGMA user_version = 7");
    }
    EXPECT_THAT(refusal(options), ::testing::AllOf(HasSubstr("journal.db"), HasSubstr("version 7"),
                                                   HasSubstr("knows 2"), HasSubstr("newer agenthost")));
}

TEST_F(JournalFile, SaysWhichFileIsDamagedAndWhatToDo)
{
    agenthost::test::write_file(options.file, std::string(8192, 'x'));
    EXPECT_THAT(refusal(options),
                ::testing::AllOf(HasSubstr("journal.db"), HasSubstr("damaged"), HasSubstr("move it")));
    options.file = dir / "none" / "journal.db";
    EXPECT_THAT(refusal(options), ::testing::AllOf(HasSubstr("none/journal.db"), HasSubstr("folder exists")));
}

TEST_F(JournalFile, SaysThatATableIsDamaged)
{
    {
        Book{options}.done("1");
    }
    {
        agenthost::base::Database db{options.file.string()};
        db.exec("DROP INDEX journal_outbox; ALTER TABLE journal RENAME TO other");
    }
    EXPECT_THAT(refusal(options),
                ::testing::AllOf(HasSubstr("journal.db"), HasSubstr("damaged"), HasSubstr("move it")));
}

TEST_F(JournalFile, BelongsToOneProcess)
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

TEST_F(JournalFile, KnowsAfterKill9WhatHadBegun)
{
    die_after(options, Point::begun);
    Book book{options};
    EXPECT_EQ(book.begin("1").what, Begin::interrupted);
}

TEST_F(JournalFile, KnowsAfterKill9WhatHadFinished)
{
    die_after(options, Point::finished);
    Book book{options};
    EXPECT_EQ(book.begin("1").what, Begin::finished);
    EXPECT_THAT(book.undelivered(), SizeIs(1));
}

TEST_F(JournalFile, KnowsAfterKill9WhatWasDelivered)
{
    die_after(options, Point::delivered);
    Book book{options};
    EXPECT_EQ(book.begin("1").what, Begin::finished);
    EXPECT_THAT(book.undelivered(), IsEmpty());
}

} // namespace

// A disk that refuses: said with its reason, noticed without a command when it begins and when it ends.
#include "book.hpp"

#include "base/sqlite.hpp"
#include "tests/support/caught.hpp"

#include <cerrno>

#include <sqlite3.h>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

namespace {

enum class Fault { none, full, read_only, no_descriptor, broken };

std::uintmax_t size_of(const std::filesystem::path& file) // 0 while it is not there
{
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return error ? 0 : size;
}

struct JournalDisk : JournalTest {
    std::atomic<Fault> fault{Fault::none};
    agenthost::test::Caught<std::map<std::string, std::string>> reported;

    JournalDisk()
    {
        options.before_commit = [this] {
            switch (fault) {
            case Fault::none: return;
            case Fault::full: throw agenthost::base::SqliteError{"full", SQLITE_FULL};
            case Fault::read_only: throw agenthost::base::SqliteError{"write", SQLITE_IOERR_WRITE, EROFS};
            case Fault::no_descriptor: throw agenthost::base::SqliteError{"open", SQLITE_CANTOPEN, EMFILE};
            case Fault::broken: throw agenthost::base::SqliteError{"read", SQLITE_IOERR_READ, EIO};
            }
        };
        options.report = [this](std::string_view id, std::string reason) {
            auto all = reported.get();
            all[std::string{id}] = std::move(reason);
            reported.put(std::move(all));
        };
    }
    std::string reason() { return reported.get()["journal"]; }
};

TEST_F(JournalDisk, SaysItsCodePathAndRemedyForEachFault)
{
    Book book{options};
    struct Case {
        Fault fault;
        std::string code, text, remedy;
    };
    int id = 0;
    for (const Case& c :
         {Case{Fault::full, "DISK_FULL", "the disk is full", "Free space"},
          Case{Fault::read_only, "DISK_ERROR", "read-only", "mount it writable"},
          Case{Fault::no_descriptor, "INSUFFICIENT_RESOURCES", "no file descriptor is free", "LimitNOFILE"},
          Case{Fault::broken, "DISK_ERROR", "does not work", "kernel log"}}) {
        fault = c.fault;
        const auto refused = book.begin(std::to_string(++id));
        EXPECT_EQ(refused.what, Begin::failed);
        EXPECT_EQ(refused.code, c.code);
        EXPECT_THAT(refused.problem, AllOf(HasSubstr("journal.db"), HasSubstr(c.text), HasSubstr(c.remedy)));
        EXPECT_THAT(reason(), HasSubstr(refused.problem));
        EXPECT_EQ(book.journal.trouble()->code, c.code);
        fault = Fault::none;
        EXPECT_TRUE(wait_for([&] { return reason().empty(); })) << "noticed without a command";
        EXPECT_FALSE(book.journal.trouble());
        EXPECT_EQ(book.begin(std::to_string(id)).what, Begin::fresh) << "nothing was left behind";
    }
}

TEST_F(JournalDisk, LetsRunningWorkEndWhenItWasFullAndGivesUpItsReserve)
{
    Book book{options};
    EXPECT_TRUE(wait_for([&] { return size_of(dir / "journal.reserve") == options.reserve; }));
    const auto row = book.begin("1").row;
    fault = Fault::full;
    EXPECT_EQ(book.begin("2").what, Begin::failed);
    EXPECT_EQ(size_of(dir / "journal.reserve"), 0u) << "given up";
    EXPECT_EQ(book.finish(row), std::nullopt);
    fault = Fault::none;
    EXPECT_TRUE(wait_for([&] { return reason().empty(); }));
    EXPECT_EQ(size_of(dir / "journal.reserve"), options.reserve) << "held again";
    EXPECT_THAT(book.undelivered(), SizeIs(1)) << "what it owed is written";
}

// Less than the reserve is free, yet commits work: the trouble must not end and begin again every second.
TEST_F(JournalDisk, StaysInTroubleUntilTheReserveAndAsMuchAgainIsFree)
{
    std::atomic<std::uint64_t> left{options.reserve * 10};
    options.space = [&](const std::string&) {
        return agenthost::base::DiskSpace{.bytes = left, .inodes = {}, .read_only = false};
    };
    Book book{options};
    EXPECT_TRUE(wait_for([&] { return size_of(dir / "journal.reserve") == options.reserve; }));
    left = options.reserve / 2; // the reserve is held beside it
    EXPECT_TRUE(wait_for([&] { return !reason().empty(); }));
    EXPECT_EQ(book.begin("1").code, "DISK_FULL");
    EXPECT_THAT(reason(), HasSubstr("the disk is full"));
    left = options.reserve;
    EXPECT_TRUE(wait_for([&] { return reason().empty(); }));
    EXPECT_EQ(book.begin("1").what, Begin::fresh);

    fault = Fault::full; // the reserve is given up
    EXPECT_EQ(book.begin("2").what, Begin::failed);
    EXPECT_EQ(size_of(dir / "journal.reserve"), 0u);
    fault = Fault::none;
    left = options.reserve + options.reserve / 2; // to hold it again would leave too little
    EXPECT_EQ(book.begin("2").code, "DISK_FULL");
    left = options.reserve * 2;
    EXPECT_TRUE(wait_for([&] { return reason().empty(); }));
    EXPECT_EQ(book.begin("2").what, Begin::fresh);
}

TEST_F(JournalDisk, StillTellsWhatItKnows)
{
    Book book{options};
    book.done("known");
    fault = Fault::read_only;
    EXPECT_EQ(book.begin("new").what, Begin::failed);
    EXPECT_EQ(book.begin("known").what, Begin::finished);
    EXPECT_EQ(book.begin("known", digest(2)).what, Begin::id_reused);
}

TEST_F(JournalDisk, TellsHowLongACommitHasHung)
{
    std::atomic<bool> hold{false};
    options.before_commit = [&] {
        while (hold) std::this_thread::yield();
    };
    Book book{options};
    book.done("1");
    hold = true;
    book.journal.begin("server", "2", digest(), "write", [](Journal::Begun) {});
    EXPECT_TRUE(wait_for([&] { return book.journal.stats().working > 20ms; }));
    hold = false;
    EXPECT_TRUE(wait_for([&] { return book.journal.stats().working == 0ms; }));
}

// A write to a deleted file works; the record of finished work was lost at the next start.
TEST_F(JournalDisk, NoticesThatItsFileWasDeletedOrReplaced)
{
    Book book{options};
    book.done("1");
    std::filesystem::rename(options.file, dir / "moved.db");
    EXPECT_TRUE(wait_for([&] { return !reason().empty(); })) << "noticed without a command";
    EXPECT_THAT(reason(), HasSubstr("journal.db: the file was deleted"));
    EXPECT_EQ(book.begin("2").code, "DISK_ERROR") << "what it writes would be lost";
    agenthost::test::write_file(options.file, "another");
    EXPECT_TRUE(wait_for([&] { return reason().find("replaced") != std::string::npos; }));
    std::filesystem::rename(dir / "moved.db", options.file);
    EXPECT_TRUE(wait_for([&] { return reason().empty(); })) << "it is back";
    EXPECT_EQ(book.begin("2").what, Begin::fresh);
}

} // namespace

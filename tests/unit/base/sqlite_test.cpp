#include "base/sqlite.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace {

using namespace agenthost;
using base::Database;

TEST(Sqlite, KeepsOnlyCommittedRows)
{
    const test::TempDir dir;
    const std::string file = dir / "x.db";
    {
        Database db{file};
        db.exec("CREATE TABLE t(a INTEGER, b TEXT)");
        auto insert = db.prepare("INSERT INTO t VALUES(?,?)");
        {
            base::Transaction kept{db};
            insert.bind(1, 1).bind(2, "one").run();
            kept.commit();
        }
        base::Transaction lost{db};
        insert.bind(1, 2).bind(2, "two").run();
    }
    Database db{file};
    auto rows = db.prepare("SELECT a, b FROM t");
    ASSERT_TRUE(rows.step());
    EXPECT_EQ(rows.integer(0), 1);
    EXPECT_EQ(rows.text(1), "one");
    EXPECT_FALSE(rows.step());
}

TEST(Sqlite, IsPrivateToItsOwnerAndDurable)
{
    const test::TempDir dir;
    Database db{dir / "x.db"};
    struct stat info {};
    ASSERT_EQ(::stat((dir / "x.db").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    auto mode = db.prepare("PRAGMA journal_mode");
    ASSERT_TRUE(mode.step());
    EXPECT_EQ(mode.text(0), "wal");
    auto sync = db.prepare("PRAGMA synchronous");
    ASSERT_TRUE(sync.step());
    EXPECT_EQ(sync.integer(0), 2); // FULL
}

TEST(Sqlite, NamesTheFileAndTheProblem)
{
    const test::TempDir dir;
    test::write_file(dir / "x.db", std::string(4096, 'x'));
    try {
        Database db{dir / "x.db"};
        FAIL() << "opened something that is no database";
    } catch (const base::SqliteError& e) {
        EXPECT_NE(std::string{e.what()}.find("x.db"), std::string::npos) << e.what();
        EXPECT_FALSE(e.disk_full());
    }
}

} // namespace

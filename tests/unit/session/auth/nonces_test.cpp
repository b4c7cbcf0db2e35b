#include "host/session/auth/nonces.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace agenthost::host {
namespace {

using test::TempDir;

struct Remembering {
    boost::asio::io_context io{1};
    std::int64_t now = 1'700'000'000'000;
    Nonces nonces;
    explicit Remembering(const std::filesystem::path& dir)
        : nonces{io.get_executor(), StateFile{dir, "ops", "nonces"}, [this] { return now; }}
    {
        std::string why;
        if (const auto bytes = nonces.file().read(why, Nonces::max_bytes)) nonces.restore(*bytes);
    }
    wire::NonceBook::Verdict admit(const std::string& nonce) { return nonces.book().admit("a", nonce, now); }
    void flush()
    {
        bool done = false;
        nonces.flush([&] { done = true; });
        EXPECT_TRUE(test::wait_for([&] {
            io.restart();
            io.poll();
            return done;
        }));
    }
};
using Verdict = wire::NonceBook::Verdict;

TEST(Nonces, AreKnownAfterARestart)
{
    const TempDir dir;
    {
        Remembering first{dir.path()};
        EXPECT_EQ(first.admit("one"), Verdict::fresh);
        EXPECT_EQ(first.admit("two"), Verdict::fresh);
        EXPECT_EQ(first.admit("one"), Verdict::seen);
        first.flush();
        EXPECT_EQ(first.nonces.problem(), "");
    }
    Remembering second{dir.path()};
    EXPECT_EQ(second.admit("one"), Verdict::seen);
    EXPECT_EQ(second.admit("two"), Verdict::seen);
    EXPECT_EQ(second.admit("three"), Verdict::fresh);
    second.flush();
}

TEST(Nonces, SurviveATornLastRecord)
{
    const TempDir dir;
    {
        Remembering first{dir.path()};
        first.admit("one");
        first.admit("two");
        first.flush();
    }
    const auto file = dir / "servers/ops/nonces";
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 5);
    Remembering second{dir.path()};
    EXPECT_EQ(second.admit("one"), Verdict::seen);
    EXPECT_EQ(second.admit("two"), Verdict::fresh); // its record was torn: what a power cut can lose
    second.flush();
    Remembering third{dir.path()};
    EXPECT_EQ(third.admit("two"), Verdict::seen) << "the records after a torn one are read as well";
}

TEST(Nonces, KeepTheirFileBounded)
{
    const TempDir dir;
    Remembering one{dir.path()};
    for (int round = 0; round < 12; ++round) {
        for (int i = 0; i < 2000; ++i) one.admit(std::to_string(round) + "-" + std::to_string(i));
        one.flush();
        one.now += 11 * 60'000; // none of them counts any more
    }
    one.admit("last");
    one.flush();
    EXPECT_LT(std::filesystem::file_size(dir / "servers/ops/nonces"),
              3u * 4096 * wire::ReplayWindow::Record::size);
}

TEST(Nonces, SayThatTheyCannotBeKeptAndGoOn)
{
    const TempDir dir;
    Remembering one{dir / "none"};
    EXPECT_EQ(one.admit("one"), Verdict::fresh);
    one.flush();
    EXPECT_NE(one.nonces.problem(), "");
    EXPECT_EQ(one.admit("one"), Verdict::seen);
    std::filesystem::create_directory(dir / "none");
    EXPECT_EQ(one.admit("two"), Verdict::fresh); // tries again, with what was not written
    one.flush();
    one.flush();
    EXPECT_EQ(one.nonces.problem(), "");
    Remembering after{dir / "none"};
    EXPECT_EQ(after.admit("one"), Verdict::seen);
    EXPECT_EQ(after.admit("two"), Verdict::seen);
}

} // namespace
} // namespace agenthost::host

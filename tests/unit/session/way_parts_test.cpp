// The pieces of the way to a server that need no socket: proxy, clock, files, identity.
#include "host/session/auth/clock_skew.hpp"
#include "host/session/auth/nonces.hpp"
#include "host/session/auth/public_ip.hpp"
#include "host/session/state_file.hpp"
#include "host/session/world.hpp"
#include "netclient/proxy.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <regex>
#include <thread>

namespace agenthost::host {
namespace {

using namespace netclient;
using test::read_file;
using test::TempDir;
using test::write_file;

TEST(ServerClock, RunsOnFromTheDateWhateverHappensToOurs)
{
    ServerClock clock;
    EXPECT_EQ(clock.now(5'000'000, 1), 5'000'000); // nothing measured: ours
    clock.measure(1'000'000, 1'400'500, 70);
    EXPECT_EQ(clock.ahead(), 400'500);
    EXPECT_EQ(clock.now(1'400'500, 70), 1'000'000);
    EXPECT_EQ(clock.now(99, 1'070), 1'001'000); // ours was set meanwhile
    EXPECT_NE(clock.problem().find("is 400 s ahead of the server's. Set it"), std::string::npos)
        << clock.problem();
    clock.measure(1'000'000, 900'000, 70);
    EXPECT_NE(clock.problem().find("is 100 s behind the server's"), std::string::npos) << clock.problem();
    clock.measure(1'000'000, 1'001'900, 70); // what Date's whole seconds explain
    EXPECT_EQ(clock.ahead(), 0);
    EXPECT_EQ(clock.problem(), "");
    EXPECT_EQ(clock.now(1'001'900, 70), 1'000'000); // never ahead, all the same
}

TEST(ServerClock, SignsFurtherBackAtEachRefusal)
{
    ServerClock clock;
    EXPECT_FALSE(clock.measured());
    EXPECT_EQ(clock.ahead(), std::nullopt); // unknown is not zero
    std::vector<std::int64_t> back;
    for (int i = 0; i < 11; ++i) {
        back.push_back((1'000'000 - clock.now(1'000'000, 5)) / 1000);
        clock.refused();
    }
    EXPECT_EQ(back, (std::vector<std::int64_t>{0, 1, 2, 4, 8, 16, 32, 64, 128, 240, 0}));
    EXPECT_NE(clock.refusal().find(
                  "the difference between the clocks is unknown. The next attempt signs 1 s in the past"),
              std::string::npos)
        << clock.refusal();
    clock.measure(500'000, 500'100,
                  70); // a Date comes after all: it counts from there, as far back as before
    EXPECT_EQ(clock.now(1, 70), 499'000);
}

TEST(PublicIp, TakesItsPlaceInTheUrl)
{
    EXPECT_EQ(with_public_ip("wss://{public_ip}/agent", "192.0.2.7"), "wss://192.0.2.7/agent");
    EXPECT_EQ(with_public_ip("wss://{public_ip}:1/{public_ip}", "2001:db8::1"),
              "wss://[2001:db8::1]:1/[2001:db8::1]");
}

TEST(StateFile, IsPrivateAndReplacedAsAWhole)
{
    const TempDir dir;
    const StateFile file{dir.path(), "games", "x.json"};
    std::string why;
    EXPECT_FALSE(file.read(why));
    EXPECT_EQ(why, ""); // there is none, which is no problem
    EXPECT_EQ(file.replace("one"), "");
    EXPECT_EQ(file.replace("two"), "");
    EXPECT_EQ(file.read(why), "two");
    EXPECT_EQ(file.append("!"), "");
    EXPECT_EQ(file.read(why), "two!");
    struct stat st {};
    ASSERT_EQ(::stat(file.path().c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat((dir / "servers/games").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0700u);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator{dir / "servers/games"})
        ++files;
    EXPECT_EQ(files, 1u); // nothing is left behind
    EXPECT_FALSE(file.read(why, 3));
    EXPECT_NE(why.find("longer than this file can be"), std::string::npos) << why;
}

TEST(StateFile, IsLockedByOneAtATime)
{
    const TempDir dir;
    const StateFile file{dir.path(), "games", "x"};
    std::optional<base::FileLock> first{file.lock()};
    ASSERT_TRUE(*first);
    std::atomic<bool> second{false};
    std::thread waits{[&] {
        const base::FileLock mine = file.lock();
        second = true;
    }};
    std::this_thread::sleep_for(
        std::chrono::milliseconds{50}); // it must not get through, however long it has
    EXPECT_FALSE(second);
    first.reset();
    EXPECT_TRUE(test::wait_for([&] { return second.load(); }));
    waits.join();
}

TEST(StateFile, FollowsNoLinkAndSaysWhatIsWrong)
{
    const TempDir dir;
    const StateFile file{dir.path(), "games", "x"};
    ASSERT_EQ(file.replace("mine"), "");
    std::filesystem::remove(file.path());
    write_file(dir / "elsewhere", "theirs");
    std::filesystem::create_symlink(dir / "elsewhere", file.path());
    std::string why;
    EXPECT_FALSE(file.read(why));
    EXPECT_NE(why, "");
    EXPECT_NE(file.append("!"), "");
    EXPECT_EQ(read_file(dir / "elsewhere"), "theirs");
    EXPECT_NE((StateFile{dir / "none", "games", "x"}.replace("x").find("cannot make")), std::string::npos);
}

struct Remembering {
    boost::asio::io_context io{1};
    std::int64_t now = 1'700'000'000'000;
    Nonces nonces;
    explicit Remembering(const std::filesystem::path& dir)
        : nonces{io.get_executor(), StateFile{dir, "ops", "nonces"}, [this] { return now; }}
    {
        std::string why;
        if (const auto bytes = nonces.file().read(why, Nonces::most_bytes)) nonces.restore(*bytes);
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

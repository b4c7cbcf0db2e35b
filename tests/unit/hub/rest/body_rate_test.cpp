// A body that is slower than plugins.hub.config.min_rate is dropped. This includes the default rate, although
// the daemon may buffer 512 KiB before it reports progress, more than that rate requires in a minute.
#include "tests/support/support.hpp"
#include "tests/unit/hub/parts.hpp"

using namespace agenthost::hub_test;
using namespace std::chrono_literals;

namespace {

struct BodyRate : PartsTest {
    agenthost::test::TempDir dir;
    Files slow_files{core, calls, commands, Spool::make((dir / "spool").string(), 1ULL << 30, 0)};
    static constexpr Conn conn = 7;

    void begin()
    {
        core.blocking = [this](std::function<void()> job) {
            later.waiting.push_back(std::move(job));
            return true;
        };
        join("n1", "storage");
        Head head;
        head.method = "PUT";
        head.path = "/api/agents/n1/files/f1";
        head.length = 512U << 20;
        enter([&] { call(slow_files.routes(), "PUT", file_path, exchanges.open(conn), head, {"n1", "f1"}); });
        later.run();
        ASSERT_THAT(daemon.receiving, testing::Contains(conn)) << "the body is being received";
    }
    void landed(std::uint64_t bytes)
    {
        enter([&] { EXPECT_TRUE(exchanges.progress(conn, bytes)); });
    }
    bool dropped() { return daemon.closed.contains(conn); }
};

TEST_F(BodyRate, DropsASilentBodyInTheSecondMinute)
{
    begin();
    pass(60s);
    EXPECT_FALSE(dropped()) << "the daemon may hold bytes that it has not reported";
    pass(60s);
    EXPECT_TRUE(dropped());
    EXPECT_EQ(daemon.closed[conn], 1008);
    EXPECT_THAT(daemon.logged, testing::Contains(testing::HasSubstr("plugins.hub.config.min_rate")));
}

TEST_F(BodyRate, DropsABodyThatBecomesTooSlow)
{
    begin();
    landed(100U << 20);
    pass(60s);
    pass(60s);
    EXPECT_TRUE(dropped());
}

TEST_F(BodyRate, KeepsABodyThatIsFastEnough)
{
    begin();
    std::uint64_t bytes = 0;
    for (int minute = 0; minute < 10; ++minute) {
        bytes += core.config.min_rate * 61;
        landed(bytes);
        pass(60s);
        ASSERT_FALSE(dropped()) << minute;
    }
    landed(bytes + 60 * core.config.min_rate - 60);
    pass(60s);
    EXPECT_TRUE(dropped()) << "a byte a second too slow";
}

} // namespace

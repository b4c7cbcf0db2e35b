// The process dies at each point of a command's life.
#include "tests/unit/dispatch/fixture.hpp"

#include <sys/wait.h>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using agenthost::wire::Outcome;

namespace {

// The whole host dies by SIGKILL at a point of a command's life; the next one is asked again under the same
// id.
enum class Death { before_begin, after_begin, in_invoke, after_finish, after_delivery };

class Kill9 : public ::testing::TestWithParam<Death> {};

TEST_P(Kill9, NeverRunsAnythingTwice)
{
    TempDir dir;
    const Journal::Options options{.file = dir / "journal.db"};
    const auto marker = dir / "ran"; // the effect: one byte each time
    const auto run = [&](DispatchFixture& w) {
        w.files.on_invoke = [&](const agh_request& r, agh_error&) {
            if (GetParam() == Death::after_begin) ::kill(::getpid(), SIGKILL);
            agenthost::test::write_file(marker, agenthost::test::read_file(marker) + "x");
            if (GetParam() == Death::in_invoke) ::kill(::getpid(), SIGKILL);
            w.complete(r.id, reply("1"));
            return AGH_PENDING;
        };
    };
    agenthost::test::write_file(marker, "");
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto* w = new DispatchFixture{options};
        run(*w);
        if (GetParam() == Death::before_begin) ::kill(::getpid(), SIGKILL);
        w->submit("1", "write");
        if (w->results(1) && GetParam() == Death::after_delivery) {
            w->dispatcher->delivered(*w->server, w->server->last().outbox);
            wait_for([&] { return w->journal->stats().undelivered == 0; });
        }
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    DispatchFixture w{options};
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        agenthost::test::write_file(marker, agenthost::test::read_file(marker) + "x");
        w.complete(r.id, reply("1"));
        return AGH_PENDING;
    };
    w.submit("1", "write");
    ASSERT_TRUE(w.results(1));
    const std::string ran = agenthost::test::read_file(marker);
    switch (GetParam()) {
    case Death::before_begin:
        EXPECT_EQ(w.server->last().outcome, Outcome::success);
        EXPECT_EQ(ran, "x");
        break;
    case Death::after_begin:
        EXPECT_EQ(w.server->last().outcome, Outcome::interrupted);
        EXPECT_EQ(ran, "");
        break;
    case Death::in_invoke:
        EXPECT_EQ(w.server->last().outcome, Outcome::interrupted);
        EXPECT_EQ(ran, "x");
        break;
    case Death::after_finish:
    case Death::after_delivery:
        EXPECT_EQ(w.server->last().outcome, Outcome::success);
        EXPECT_EQ(ran, "x");
        EXPECT_EQ(w.dispatcher->stats().replayed, 1u);
        EXPECT_EQ(w.journal->stats().undelivered, GetParam() == Death::after_finish ? 1u : 0u);
        break;
    }
}

INSTANTIATE_TEST_SUITE_P(AtEachPoint, Kill9,
                         ::testing::Values(Death::before_begin, Death::after_begin, Death::in_invoke,
                                           Death::after_finish, Death::after_delivery));

} // namespace

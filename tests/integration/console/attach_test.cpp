// agenthost hub attach: what was printed before comes from its position on, and our terminal is not asked
// what another one was asked.
#include "fixture.hpp"

using namespace agenthost::test;
using testing::HasSubstr;
using testing::Not;

namespace {

class Attach : public Person {
protected:
    std::string only_run()
    {
        const Json all = runs();
        EXPECT_EQ(all.size(), 1u) << all.dump();
        return all.empty() ? std::string{} : all[0].value("id", "");
    }
};
INSTANTIATE_TEST_SUITE_P(, Attach, testing::Values("dashboard"));

TEST_P(Attach, RemovesTerminalQueriesFromReplayedOutputOnly)
{
    boot();
    const auto first = shell();
    first->type("printf 'A\\033[6nB\\033[cC\\n'\r");
    ASSERT_TRUE(first->sees("A\x1b[6nB\x1b[cC")) << first->said();
    first->type(leave);
    EXPECT_EQ(first->wait(), 0);

    const auto second = at_terminal({"attach", only_run()});
    ASSERT_TRUE(second->sees("ABC\r\n")) << second->said();
    EXPECT_THAT(second->said(), Not(HasSubstr("\x1b[6n")));
    EXPECT_THAT(second->said(), Not(HasSubstr("\x1b[c")));
    second->mark();
    second->type("printf 'D\\033[6nE\\n'\r");
    EXPECT_TRUE(second->sees("D\x1b[6nE")) << second->said();
    second->type("exit 3\r");
    EXPECT_EQ(second->wait(), 3);
    EXPECT_TRUE(second->restored());
}

// What is lost counts towards the position at which the replay ends.
TEST_P(Attach, AReplayWithAGapContinuesWithTheLiveOutput)
{
    boot();
    const auto first = shell();
    const std::string go = (dir_ / "go").string(), finished = (dir_ / "finished").string();
    first->type(
        "while [ ! -e " + go +
        " ]; do sleep 0.02; done; head -c 4000000 /dev/zero | tr '\\0' x; echo; echo pr''inted; : > " +
        finished + "\r");
    ASSERT_TRUE(first->sees(finished)) << first->said();
    first->type(leave);
    EXPECT_EQ(first->wait(), 0);
    write_file(go, "");
    ASSERT_TRUE(wait_for([&] { return std::filesystem::exists(finished); })) << agent_->log();

    const auto second = at_terminal({"attach", only_run()});
    ASSERT_TRUE(second->sees("printed\r\n"));
    EXPECT_THAT(second->said(), HasSubstr("bytes of output were dropped here"));
    second->mark();
    second->type("printf 'D\\033[6nE\\n'\r");
    EXPECT_TRUE(second->sees("D\x1b[6nE")) << second->said();
    second->type("exit\r");
    EXPECT_EQ(second->wait(), 0);
}

} // namespace

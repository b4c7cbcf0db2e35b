#include <plugins/terminal/outcome.hpp>

#include <gtest/gtest.h>

#include <csignal>

using namespace agenthost::terminal;

namespace {

Outcome with_status(int status)
{
    Outcome outcome;
    outcome.status = status;
    return outcome;
}

} // namespace

TEST(Outcome, ReportsAnExitByItsCode)
{
    const Outcome outcome = with_status(3 << 8);
    EXPECT_EQ(outcome.exit_code(), 3);
    EXPECT_EQ(outcome.reason(), Reason::exit);
    EXPECT_FALSE(outcome.signal());
}

TEST(Outcome, ReportsASignalByItsNameAndAShellsExitCode)
{
    const Outcome outcome = with_status(SIGKILL);
    EXPECT_EQ(outcome.exit_code(), 128 + SIGKILL);
    EXPECT_EQ(outcome.reason(), Reason::signal);
    EXPECT_EQ(outcome.signal(), "SIGKILL");
}

TEST(Outcome, PrefersTheReasonForWhichItWasEnded)
{
    Outcome outcome = with_status(SIGTERM);
    outcome.asked = Reason::timeout;
    EXPECT_EQ(outcome.reason(), Reason::timeout);
    EXPECT_EQ(outcome.signal(), "SIGTERM");
}

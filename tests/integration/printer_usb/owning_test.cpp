// Getting hold of a printer and giving it back.
#include "usb_rig.hpp"

#include "tests/support/support.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <unistd.h>

namespace agenthost::printer::usb {

namespace {

using testing::HasSubstr;

using UsbOwning = UsbRig;

TEST_F(UsbOwning, TakesTheInterfaceFromUsblpAndGivesItBack)
{
    plug();
    start_bus();
    auto link = this->link();
    ASSERT_TRUE(link);
    auto state = sim_.state("a");
    EXPECT_EQ(state["driver"], "");
    EXPECT_EQ(state["claimed"], true);
    link.reset();
    EXPECT_TRUE(state_is("driver", "usblp"));
    EXPECT_TRUE(state_is("open", 0));
    state = sim_.state("a");
    EXPECT_EQ(state["claimed"], false);
    EXPECT_EQ(state["counters"].value("reset", 0), 0);
    EXPECT_EQ(state["counters"].value("set_configuration", 0), 0);
    EXPECT_EQ(state["counters"].value("set_interface", 0), 0);
}

TEST_F(UsbOwning, GivesItBackWhenTheBusEnds)
{
    plug();
    start_bus();
    const auto link = this->link();
    ASSERT_TRUE(link);
    link->read([](Bytes) {});
    stop_bus();
    const auto state = sim_.state("a");
    EXPECT_EQ(state["driver"], "usblp");
    EXPECT_EQ(state["claimed"], false);
}

TEST_F(UsbOwning, KeepsUsblpAwayIfTheModelWantsIt)
{
    plug();
    start_bus();
    auto link = this->link({.keep_detached = true});
    link.reset();
    EXPECT_TRUE(state_is("open", 0));
    EXPECT_EQ(sim_.state("a")["driver"], "");
}

TEST_F(UsbOwning, ClaimsAgainWhileTheDesktopHasThePrinterForAMoment)
{
    plug();
    start_bus();
    sim_.command("deny_claim a 2");
    EXPECT_TRUE(link());
    EXPECT_EQ(sim_.counter("a", "claim"), 3);
}

TEST_F(UsbOwning, DetachesUsblpAgainIfItComesBack)
{
    plug();
    start_bus();
    sim_.command("deny_driver a 2");
    EXPECT_TRUE(link());
}

TEST_F(UsbOwning, BusyNamesTheProcessThatHasThePrinter)
{
    plug();
    start_bus({.claim_time = 100ms});
    const Facts facts = only_printer();
    // A process with the node open, while claims are refused. Not under the emulator, whose library a shell without
    // TSan cannot load beside TSan's.
    const test::Process holder{
        {.argv = {"sh", "-c", "exec 9<>" + sim_.root() + facts.node + "; echo ready; exec sleep 1000"},
         .env = {{"LD_PRELOAD", ""}}}};
    ASSERT_TRUE(test::wait_for([&] { return holder.out() == "ready\n"; }));
    ASSERT_TRUE(test::wait_for(
        [&] { return test::read_file("/proc/" + std::to_string(holder.pid()) + "/comm") == "sleep\n"; }));
    sim_.command("deny_claim a 100000");
    const auto opened = open();
    ASSERT_TRUE(opened.error);
    EXPECT_EQ(opened.error->kind, OpenError::Kind::busy);
    EXPECT_THAT(opened.error->message, HasSubstr("is held by"));
    EXPECT_THAT(opened.error->message, HasSubstr("sleep (pid " + std::to_string(holder.pid()) + ")"));
    EXPECT_TRUE(state_is("driver", "usblp"));
}

TEST_F(UsbOwning, BusyNamesTheKernelDriverThatComesBackAgainAndAgain)
{
    plug();
    start_bus({.claim_time = 100ms});
    sim_.command("deny_driver a 100000");
    const auto opened = open();
    ASSERT_TRUE(opened.error);
    EXPECT_EQ(opened.error->kind, OpenError::Kind::busy);
    EXPECT_THAT(opened.error->message, HasSubstr("the kernel driver usblp"));
}

TEST_F(UsbOwning, TheAgentItselfOpensAPrinterOnce)
{
    plug();
    start_bus();
    auto link = this->link();
    ASSERT_TRUE(link);
    const auto second = open();
    ASSERT_TRUE(second.error);
    EXPECT_EQ(second.error->kind, OpenError::Kind::busy);
    EXPECT_THAT(second.error->message, HasSubstr("by this agent"));
    link.reset();
    EXPECT_TRUE(this->link());
}

TEST_F(UsbOwning, DeniedGivesTheUdevRule)
{
    if (::geteuid() == 0) GTEST_SKIP() << "root may open everything";
    sim_.add("a");
    sim_.command("plug a");
    start_bus();
    const Facts before = only_printer();
    ASSERT_EQ(::chmod((sim_.root() + before.node).c_str(), 0), 0);
    const auto opened = open();
    ASSERT_TRUE(opened.error);
    EXPECT_EQ(opened.error->kind, OpenError::Kind::denied);
    EXPECT_THAT(
        opened.error->message,
        HasSubstr("ATTR{idVendor}==\"0fe6\", ATTR{idProduct}==\"811e\", MODE=\"0660\", GROUP=\"lp\""));
    EXPECT_THAT(opened.error->message, HasSubstr("udevadm trigger"));
    stop_bus();
    start_bus(); // found, named, and its trouble known before anybody opens it
    const Facts facts = only_printer();
    ASSERT_TRUE(facts.trouble);
    EXPECT_EQ(facts.trouble->kind, OpenError::Kind::denied);
    EXPECT_EQ(facts.serial, "SIM0001");
}

TEST_F(UsbOwning, APrinterThatLeftIsNotFound)
{
    plug();
    start_bus();
    const auto number = only_printer().number;
    sim_.command("unplug a");
    // Whether the bus has noticed or not.
    auto opened = open(number);
    ASSERT_TRUE(opened.error);
    EXPECT_EQ(opened.error->kind, OpenError::Kind::not_found) << opened.error->message;
    ASSERT_TRUE(printers(0));
    opened = open(number);
    ASSERT_TRUE(opened.error);
    EXPECT_EQ(opened.error->kind, OpenError::Kind::not_found);
}

TEST_F(UsbOwning, AnOpenThatHangsHasADeadlineAndIsNotLeaked)
{
    plug();
    start_bus({.open_deadline = 100ms});
    sim_.command("hang a claim");
    const auto opened = open();
    ASSERT_TRUE(opened.error);
    EXPECT_EQ(opened.error->kind, OpenError::Kind::unreachable);
    EXPECT_THAT(opened.error->message, HasSubstr("within 100 ms"));
    const auto again = open();
    ASSERT_TRUE(again.error);
    EXPECT_EQ(again.error->kind, OpenError::Kind::busy);
    sim_.command("resume a");
    EXPECT_TRUE(state_is("open", 0)); // what came too late was closed
    EXPECT_TRUE(state_is("driver", "usblp"));
    stop_bus();
    start_bus();
    EXPECT_TRUE(link());
}

TEST_F(UsbOwning, AnOpenThatHangsDoesNotHoldUpTheEnd)
{
    plug();
    start_bus({.open_deadline = 100ms, .stop_bound = 300ms});
    sim_.command("hang a claim");
    EXPECT_TRUE(open().error);
    const auto begin = std::chrono::steady_clock::now();
    stop_bus();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    sim_.command("resume a");
    EXPECT_TRUE(state_is("open", 0)); // the late call has cleaned up behind itself
    EXPECT_EQ(sim_.state("a")["claimed"], false);
}

TEST_F(UsbOwning, AnOpenThatHasReturnedWhenTheLoopStoppedIsClosed)
{
    plug();
    start_bus();
    const auto number = only_printer().number;
    bool called = false;
    bus_->open(number, {}, [&](Opened) { called = true; });
    // Only the worker runs.
    ASSERT_TRUE(test::wait_for([&] { return sim_.state("a")["claimed"] == true; }));
    stop_bus();
    EXPECT_FALSE(called);
    const auto state = sim_.state("a");
    EXPECT_EQ(state["claimed"], false);
    EXPECT_EQ(state["driver"], "usblp");
}

} // namespace

} // namespace agenthost::printer::usb

#include "plugins/printer/usb/handle.hpp"
#include "plugins/printer/usb/kernel.hpp"
#include "plugins/printer/usb/workers.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace agenthost::printer::usb {

namespace {

using namespace std::chrono_literals;

TEST(DeviceId, ReadsTheLengthInEitherByteOrderAndSurvivesWrongOnes)
{
    const std::string text = "MFG:X;MDL:Y;";
    const auto size = static_cast<char>(text.size() + 2);
    EXPECT_EQ(device_id_text(std::string{'\0', size} + text + "garbage"), text);
    EXPECT_EQ(device_id_text(std::string{size, '\0'} + text + "garbage"), text);
    EXPECT_EQ(device_id_text(std::string{"\x7f\x7f"} + text), text); // longer than the answer
    EXPECT_EQ(device_id_text(std::string{"\0\1", 2} + text), text);  // shorter than itself
    EXPECT_EQ(device_id_text(std::string{"\0\2", 2} + text), "");
    EXPECT_EQ(device_id_text("\x05"), "");
    EXPECT_EQ(device_id_text(""), "");
    EXPECT_EQ(device_id_text(std::string{"\0\7", 2} + "A\x1b[J "), "A\\x1b[J");
}

TEST(Holders, ThisProcessIsNotNamedAndOthersAre)
{
    const test::TempDir folder;
    const auto node = (folder / "node").string();
    test::write_file(node, "");
    EXPECT_TRUE(holders_of(node).empty());
    const test::Process holder{{.argv = {"sh", "-c", "exec 9<" + node + "; exec sleep 1000"}}};
    std::vector<Holder> found;
    ASSERT_TRUE(test::wait_for([&] {
        found = holders_of(node);
        return found.size() == 1 && found[0].name == "sleep";
    }));
    EXPECT_EQ(found[0].pid, holder.pid());
    EXPECT_TRUE(holders_of((folder / "absent").string()).empty());
}

TEST(OpenErrors, DeniedHasTheRuleWithTheIds)
{
    const auto error =
        denied_error({.vendor = 0x04b8, .product = 0x0e15, .port = "1-1", .node = "/dev/bus/usb/001/002"});
    EXPECT_EQ(error.kind, OpenError::Kind::denied);
    EXPECT_NE(error.message.find("ATTR{idVendor}==\"04b8\", ATTR{idProduct}==\"0e15\""), std::string::npos);
    EXPECT_NE(error.message.find("/dev/bus/usb/001/002"), std::string::npos);
}

TEST(Workers, ACallThatHangsStopsNobodyElse)
{
    Workers workers;
    const auto stop = workers.stop();
    std::atomic<int> done = 0;
    for (std::size_t i = 0; i + 1 < Workers::max_threads; ++i)
        workers.run([stop] { stop.wait(test::max_wait); });
    for (int i = 0; i < 100; ++i) workers.run([&] { ++done; });
    EXPECT_TRUE(test::wait_for([&] { return done == 100; }));
    EXPECT_FALSE(workers.wait_idle(1ms));
    workers.request_stop();
    EXPECT_TRUE(workers.wait_idle(test::max_wait));
}

TEST(Workers, WhatACallOwnsGoesBeforeItCountsAsReturned)
{
    Workers workers;
    auto owned = std::make_shared<int>();
    const std::weak_ptr<int> seen = owned;
    workers.run([owned = std::move(owned)] {});
    EXPECT_TRUE(workers.wait_idle(test::max_wait));
    EXPECT_TRUE(seen.expired());
}

} // namespace

} // namespace agenthost::printer::usb

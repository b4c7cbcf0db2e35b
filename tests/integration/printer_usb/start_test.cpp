// The real printer.so's start beside emulated printers.
#include "usb_rig.hpp"

#include "tests/integration/printer/box.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>

namespace agenthost::printer::usb {

namespace {

using Json = nlohmann::json;
using UsbStart = UsbRig;

// A server sends what waited for the agent as soon as the session stands. The printer may be new since.
TEST_F(UsbStart, TheFirstTaskFindsAPrinterThatWasNeverSeen)
{
    plug();
    const test::TempDir state;
    test::PrinterBox box{state.path(), {{"usb", true}}};
    EXPECT_EQ(box.devices().size(), 1U) << box.devices();
    const test::FakeReply reply = box.call("print", {{"text", "first"}}, "1");
    EXPECT_TRUE(reply.ok()) << reply.json;
    EXPECT_THAT(sim_.taken("a"), ::testing::HasSubstr("first"));
}

TEST_F(UsbStart, ADeviceThatDoesNotAnswerDoesNotPreventIt)
{
    sim_.add("a");
    sim_.command("hang a control");
    sim_.command("plug a");
    const test::TempDir state;
    test::PrinterBox box{state.path(), {{"usb", true}}};
    EXPECT_EQ(box.devices(), Json::array());
    sim_.command("resume a");
    EXPECT_TRUE(box.wait_devices(1));
}

} // namespace

} // namespace agenthost::printer::usb

// A machine without any USB: the agent sees umockdev's empty folder as its /sys. Umockdev shows the true /dev/bus/usb
// where the machine has one; then the agent misses only sysfs, and says that.
#include "../support/daemon.hpp"
#include "../support/network_printer.hpp"
#include "../support/usbsim/client.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <unistd.h>

using namespace agenthost::test;
using nlohmann::json;

namespace {

class WithoutUsb : public ::testing::Test {
protected:
    [[nodiscard]] Daemon::Options without_usb(const std::string& devices) const
    {
        Daemon::Options options;
        options.env = {{"LD_PRELOAD", usb_preload()}, {"UMOCKDEV_DIR", nothing_.path().string()}};
        options.yaml = "plugins: {printer: {enabled: true, config: {devices: [" + devices + "]}}}\n";
        return options;
    }

    TempDir nothing_;
    const bool has_bus_ = ::access("/dev/bus/usb", F_OK) == 0;
    const std::string why_ = has_bus_ ? "the USB devices of this machine cannot be listed"
                                      : "this machine shows no USB bus: /dev/bus/usb does not exist";
};

TEST_F(WithoutUsb, TheAgentStartsAndSaysWhyItHasNoPrinters)
{
    Daemon agent{without_usb("")};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    Ran health;
    EXPECT_TRUE(wait_for([&] {
        health = agent.cli({"health"});
        return (health.out + health.err).find(why_) != std::string::npos;
    })) << health.out
        << health.err;
    EXPECT_NE((health.out + health.err).find(has_bus_ ? "Mount sysfs" : "modprobe xhci_pci"),
              std::string::npos);
    const Ran list = agent.cli({"print", "list"});
    EXPECT_EQ(list.code, 0) << list.err;
    EXPECT_EQ(list.out.find("no printers\n" + why_), 0U) << list.out;
    const json listed = json::parse(agent.cli({"print", "list", "--json"}).out);
    EXPECT_TRUE(listed.at("printers").empty());
    EXPECT_EQ(listed.value("usb", "").find(why_), 0U) << listed;
    EXPECT_EQ(agent.stop(), 0) << agent.log();
}

TEST_F(WithoutUsb, NetworkPrintersPrintAndNothingIsWrong)
{
    NetworkPrinter bar{{}};
    Daemon agent{without_usb("{alias: Bar, address: '" + bar.address() + "'}")};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    const Ran test = agent.cli({"print", "test"});
    EXPECT_EQ(test.code, 0) << test.err;
    EXPECT_NE(bar.received().find("Bar"), std::string::npos);
    EXPECT_EQ(agent.cli({"health"}).code, 0) << agent.cli({"health"}).out;
    EXPECT_NE(agent.cli({"print", "list"}).out.find("Bar: ready"), std::string::npos);
    EXPECT_EQ(agent.stop(), 0) << agent.log();
}

} // namespace

// A machine without any USB: no /sys/bus/usb, no /dev/bus/usb, by a mount namespace of the agent's own.
#include "../support/daemon.hpp"
#include "../support/network_printer.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <unistd.h>

using namespace agenthost::test;
using nlohmann::json;

namespace {

Daemon::Options without_usb(const std::string& devices)
{
    Daemon::Options options;
    options.wrapper = {"unshare",
                       ::geteuid() == 0 ? "-m" : "-rm",
                       "sh",
                       "-c",
                       "mount -t tmpfs none /sys && "
                       "if [ -d /dev/bus ]; then mount -t tmpfs none /dev/bus; fi && exec \"$@\"",
                       "sh"};
    options.yaml = "plugins: {printer: {enabled: true, config: {devices: [" + devices + "]}}}\n";
    return options;
}

class WithoutUsb : public ::testing::Test {
protected:
    void SetUp() override
    {
        const auto options = without_usb("");
        auto probe = options.wrapper;
        probe.emplace_back("true");
        const Ran ran = run(std::move(probe));
        if (ran.code != 0) GTEST_SKIP() << "no mount namespaces here: " << ran.err;
    }
};

TEST_F(WithoutUsb, TheAgentStartsAndSaysWhyItHasNoPrinters)
{
    Daemon agent{without_usb("")};
    ASSERT_TRUE(agent.wait_ready()) << agent.log();
    Ran health;
    EXPECT_TRUE(wait_for([&] {
        health = agent.cli({"health"});
        return (health.out + health.err).find("this machine shows no USB bus") != std::string::npos;
    })) << health.out
        << health.err;
    EXPECT_NE((health.out + health.err).find("modprobe xhci_pci"), std::string::npos);
    const Ran list = agent.cli({"print", "list"});
    EXPECT_EQ(list.code, 0) << list.err;
    EXPECT_EQ(list.out.find("no printers\nthis machine shows no USB bus: /dev/bus/usb does not exist"), 0U)
        << list.out;
    const json listed = json::parse(agent.cli({"print", "list", "--json"}).out);
    EXPECT_TRUE(listed.at("printers").empty());
    EXPECT_NE(listed.value("usb", "").find("Network printers work"), std::string::npos);
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

// Which printers are there, and what is known about them before anybody owns them.
#include "usb_rig.hpp"

#include "plugins/printer/usb/workers.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <random>

namespace agenthost::printer::usb {

namespace {

using testing::HasSubstr;

using UsbFinding = UsbRig;

TEST_F(UsbFinding, FindsNothingOnABusWithoutPrinters)
{
    start_bus();
    EXPECT_TRUE(bus_->printers().empty());
    EXPECT_EQ(bus_->trouble(), "");
}

TEST_F(UsbFinding, KnowsAPrinterByItsDescriptorsStringsAndPort)
{
    plug();
    start_bus();
    const Facts facts = only_printer();
    EXPECT_EQ(vendor_product(facts), "0fe6:811e");
    EXPECT_EQ(facts.manufacturer, "SimCorp");
    EXPECT_EQ(facts.model, "POS-80 Simulated");
    EXPECT_EQ(facts.serial, "SIM0001");
    EXPECT_EQ(facts.device_id, "MFG:SimCorp;CMD:ESC/POS;MDL:POS-80;CLS:PRINTER;SN:SIM0001;");
    EXPECT_EQ(facts.port, "1-1");
    EXPECT_EQ(facts.kernel_driver, "usblp");
    EXPECT_EQ(facts.interface.out, 0x02);
    EXPECT_EQ(facts.interface.in, 0x81);
    EXPECT_EQ(facts.interface.protocol, 2);
    EXPECT_FALSE(facts.trouble);
    // Looking takes nothing away from others.
    const auto state = sim_.state("a");
    EXPECT_EQ(state["driver"], "usblp");
    EXPECT_EQ(state["counters"].value("detach", 0), 0);
}

TEST_F(UsbFinding, SeesArrivalsAndDepartures)
{
    start_bus();
    plug();
    const auto first = only_printer();
    sim_.command("unplug a");
    ASSERT_TRUE(printers(0));
    sim_.command("plug a");
    const auto second = only_printer();
    EXPECT_GT(second.number, first.number);
    EXPECT_NE(second.node, first.node);
    EXPECT_EQ(second.port, first.port);
}

TEST_F(UsbFinding, TellsTwoOfOneModelApart)
{
    plug("a", "serial= device_id=MFG:X; port=1-1");
    plug("b", "serial= device_id=MFG:X; port=1-2.4");
    start_bus();
    ASSERT_TRUE(printers(2));
    const auto found = bus_->printers();
    std::vector ports{found[0].port, found[1].port};
    EXPECT_THAT(ports, testing::UnorderedElementsAre("1-1", "1-2.4"));
    EXPECT_EQ(found[0].serial, "");
}

TEST_F(UsbFinding, FindsThePrinterOfACompositeDevice)
{
    plug("a", "shape=composite");
    start_bus();
    EXPECT_EQ(only_printer().interface.number, 1);
    const auto link = this->link();
    ASSERT_TRUE(link);
    EXPECT_EQ(write(*link, "hello").taken, 5U);
}

TEST_F(UsbFinding, PrefersTheSettingThatAnswersAndLeavesIppOut)
{
    plug("a", "shape=alternates");
    start_bus();
    const Facts facts = only_printer();
    EXPECT_EQ(facts.interface.alternate, 1);
    EXPECT_EQ(facts.interface.protocol, 2);
    const auto link = this->link();
    ASSERT_TRUE(link);
    EXPECT_EQ(sim_.state("a")["alternate"], 1);
}

TEST_F(UsbFinding, IgnoresIppOverUsb)
{
    plug("a", "shape=ipp");
    start_bus();
    EXPECT_TRUE(printers(0));
}

TEST_F(UsbFinding, TakesAVendorClassPrinterByQuirkOnly)
{
    plug("a", "class=255 vid=0dd4 pid=0001");
    plug("b", "class=255 vid=04b8 pid=0202 port=1-2"); // in our table
    start_bus();
    ASSERT_TRUE(printers(1));
    EXPECT_EQ(bus_->printers()[0].vendor, 0x04b8);
    EXPECT_FALSE(bus_->printers()[0].interface.printer_class);
    stop_bus();
    start_bus({.quirks = {{.vendor = 0x0dd4, .vendor_class = true}}});
    EXPECT_TRUE(printers(2));
}

TEST_F(UsbFinding, AVendorClassPrinterTakesBytesAndHasNoPortStatus)
{
    plug("a", "class=255 vid=04b8 pid=0202");
    start_bus();
    const auto link = this->link();
    ASSERT_TRUE(link);
    EXPECT_EQ(write(*link, "hello").taken, 5U);
    EXPECT_FALSE(
        test::result_of<std::optional<std::uint8_t>>(io_, [&](auto done) { link->port_status(done); }));
    EXPECT_EQ(sim_.counter("a", "unknown_request"), 0);
}

TEST_F(UsbFinding, MakesHostileStringsHarmless)
{
    plug("a", "serial=%1b[2J%ff%e2%80%ae model=" + std::string(300, 'x') +
                  " device_id=MFG:%1b]0;evil%07;MDL:%0d%0aX;");
    start_bus();
    const Facts facts = only_printer();
    EXPECT_EQ(facts.serial, "\\x1b[2J\\xff\\xe2\\x80\\xae");
    EXPECT_EQ(facts.model.size(), 126U);
    EXPECT_EQ(facts.device_id, "MFG:\\x1b]0;evil\\x07;MDL:\\x0d\\x0aX;");
}

TEST_F(UsbFinding, APrinterWithoutEndpointsIsListedAndCannotBeOpened)
{
    plug("a", "shape=mute");
    start_bus();
    const auto opened = open();
    ASSERT_TRUE(opened.error);
    EXPECT_EQ(opened.error->kind, OpenError::Kind::unsupported);
    EXPECT_THAT(opened.error->message, HasSubstr("0fe6:811e"));
}

TEST_F(UsbFinding, APrinterThatDoesNotTellItsIdIsFoundAllTheSame)
{
    sim_.add("a");
    sim_.command("hang a control");
    sim_.command("plug a");
    bus_ = std::make_unique<Bus>(io_, Options{});
    bus_->start([this] { ++changes_; });
    ASSERT_TRUE(counter_reaches("hanging", 1));
    EXPECT_FALSE(bus_->settled());
    sim_.command("unplug a"); // it leaves while it is being examined
    sim_.command("resume a");
    ASSERT_TRUE(printers(0));
    sim_.command("plug a");
    EXPECT_EQ(only_printer().serial, "SIM0001");
}

// Each examination is a call of a worker, and a device that was pulled out leaves its call behind.
TEST_F(UsbFinding, DevicesThatFlapWhileEveryWorkerHangsCannotFillTheirQueue)
{
    constexpr std::size_t most = 40, hanging = Workers::max_threads, flapping = 3, steps = 300;
    plug("last", "serial=LAST port=1-1");
    start_bus({.max_devices = most});
    for (std::size_t i = 0; i < hanging; ++i) {
        const std::string name = "h" + std::to_string(i);
        sim_.add(name, "serial=" + name + " port=1-" + std::to_string(2 + i));
        sim_.command("hang " + name + " control");
        sim_.command("plug " + name);
        ASSERT_TRUE(counter_reaches("hanging", 1, name));
    }
    std::array<bool, flapping> in{};
    for (std::size_t i = 0; i < flapping; ++i)
        sim_.add("f" + std::to_string(i),
                 "serial=F" + std::to_string(i) + " port=1-" + std::to_string(20 + i));
    std::mt19937 random{4};
    std::size_t plugged = 0;
    for (std::size_t step = 0; step < steps; ++step) {
        const std::size_t which = random() % flapping;
        in.at(which) = !in.at(which);
        if (in.at(which)) ++plugged;
        sim_.command((in.at(which) ? "plug f" : "unplug f") + std::to_string(which));
        const std::size_t waiting = std::min(plugged, most - hanging);
        ASSERT_TRUE(until([&] { return bus_->waiting_calls() == waiting; })) << bus_->waiting_calls();
    }
    ASSERT_GT(plugged, most);
    // The events are handled in their order, so those before this one are.
    sim_.command("unplug last");
    ASSERT_TRUE(until([&] { return bus_->printers().empty(); }));
    EXPECT_EQ(bus_->waiting_calls(), most - hanging);
    for (std::size_t i = 0; i < hanging; ++i) sim_.command("resume h" + std::to_string(i));
    ASSERT_TRUE(until([&] { return bus_->settled() && bus_->waiting_calls() == 0; }));
    for (std::size_t i = 0; i < flapping; ++i) {
        if (in.at(i)) sim_.command("unplug f" + std::to_string(i));
        sim_.command("plug f" + std::to_string(i));
    }
    EXPECT_TRUE(printers(hanging + flapping));
}

TEST_F(UsbFinding, AMachineWithoutUsbSaysWhy)
{
    ::setenv("UMOCKDEV_DIR", "/nonexistent", 1);
    start_bus();
    EXPECT_TRUE(bus_->printers().empty());
    EXPECT_THAT(bus_->trouble(), HasSubstr("/dev/bus/usb does not exist"));
    const auto opened = open(1);
    ASSERT_TRUE(opened.error);
    EXPECT_EQ(opened.error->kind, OpenError::Kind::not_found);
}

} // namespace

} // namespace agenthost::printer::usb

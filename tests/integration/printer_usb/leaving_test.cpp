// Printers that leave: whatever libusb calls it, the link says gone, with what was taken (faults 11 and 17
// of the field).
#include "usb_rig.hpp"

#include <gmock/gmock.h>

namespace agenthost::printer::usb {

namespace {

class UsbLeaving : public UsbRig {
protected:
    void SetUp() override
    {
        plug();
        start_bus();
    }
};

class UsbUnplugged : public UsbLeaving, public testing::WithParamInterface<const char*> {};

// libusb reports NO_DEVICE, an I/O error or a stall, depending on what the host controller saw first.
TEST_P(UsbUnplugged, InMidJobIsGoneWithTheBytesTaken)
{
    const auto job = job_bytes(100'000);
    const auto link = this->link();
    ASSERT_TRUE(link);
    int told = 0;
    link->on_gone([&](const std::string&) { ++told; });
    sim_.command(std::string{"unplug_at a 60000 "} + GetParam());
    Written written = write(*link, job);
    EXPECT_EQ(written.taken, 60'000U);
    if (written.fault == Fault::stalled) {
        EXPECT_FALSE(recover(*link));
        written = write(*link, "more");
        EXPECT_EQ(written.taken, 0U);
    }
    EXPECT_EQ(written.fault, Fault::gone);
    EXPECT_FALSE(written.detail.empty());
    ASSERT_TRUE(printers(0));
    const Written after = write(*link, "more");
    EXPECT_EQ(after.fault, Fault::gone);
    EXPECT_EQ(after.taken, 0U);
    EXPECT_FALSE(recover(*link));
    finish(*link);
    EXPECT_FALSE(
        test::result_of<std::optional<std::uint8_t>>(io_, [&](auto done) { link->port_status(done); }));
    EXPECT_LE(told, 1);
    EXPECT_EQ(sim_.taken("a"), job.substr(0, 60'000));
}

INSTANTIATE_TEST_SUITE_P(As, UsbUnplugged, testing::Values("shutdown", "proto", "pipe"),
                         [](const auto& info) { return std::string{info.param}; });

TEST_F(UsbLeaving, AnIdleLinkTellsItOnce)
{
    const auto link = this->link();
    ASSERT_TRUE(link);
    int told = 0;
    link->on_gone([&](const std::string& detail) {
        ++told;
        EXPECT_FALSE(detail.empty());
    });
    sim_.command("unplug a");
    ASSERT_TRUE(until([&] { return told > 0 && bus_->printers().empty(); }));
    EXPECT_EQ(write(*link, "x").fault, Fault::gone);
    EXPECT_EQ(told, 1);
    // Who asks too late learns it too, unless it was told.
    link->on_gone([&](const std::string&) { ++told; });
    EXPECT_EQ(write(*link, "x").fault, Fault::gone);
    EXPECT_EQ(told, 1);
}

TEST_F(UsbLeaving, ALinkThatReadsTellsItOnce)
{
    const auto link = this->link();
    ASSERT_TRUE(link);
    int told = 0;
    link->read([](Bytes) {});
    link->on_gone([&](const std::string&) { ++told; });
    sim_.command("unplug a");
    ASSERT_TRUE(until([&] { return told > 0 && bus_->printers().empty(); }));
    EXPECT_EQ(told, 1);
}

TEST_F(UsbLeaving, AWriteThatWaitsForThePrinterEnds)
{
    const auto link = this->link();
    ASSERT_TRUE(link);
    sim_.command("nak_at a 10");
    std::optional<Written> result;
    int told = 0;
    link->on_gone([&](const std::string&) { ++told; });
    const auto job = job_bytes(1'000);
    link->write(bytes_of(job), [&](Written written) { result = std::move(written); });
    ASSERT_TRUE(state_is("bytes", 10));
    sim_.command("unplug a");
    ASSERT_TRUE(until([&] { return result && bus_->printers().empty(); }));
    EXPECT_EQ(result->fault, Fault::gone);
    EXPECT_EQ(result->taken, 10U);
    EXPECT_EQ(told, 0); // the write has told it
}

TEST_F(UsbLeaving, AWriteInThePauseOfPacingEnds)
{
    const auto link = this->link({.pacing = 640});
    ASSERT_TRUE(link);
    std::optional<Written> result;
    const auto job = job_bytes(64'000);
    link->write(bytes_of(job), [&](Written written) { result = std::move(written); });
    ASSERT_TRUE(until([&] { return sim_.state("a")["bytes"] >= 64; }));
    sim_.command("unplug a");
    ASSERT_TRUE(until([&] { return result.has_value(); }));
    EXPECT_EQ(result->fault, Fault::gone);
    EXPECT_EQ(result->taken, sim_.state("a")["bytes"]);
}

TEST_F(UsbLeaving, ABadCableIsGoneToo)
{
    const auto link = this->link();
    ASSERT_TRUE(link);
    sim_.command("proto_at a 100");
    const Written written = write(*link, job_bytes(1'000));
    EXPECT_EQ(written.fault, Fault::gone);
    EXPECT_EQ(written.taken, 100U);
    EXPECT_THAT(written.detail, testing::HasSubstr("cable"));
}

TEST_F(UsbLeaving, APrinterThatComesBackIsANewDeviceAndPrints)
{
    auto link = this->link();
    ASSERT_TRUE(link);
    sim_.command("unplug_at a 100");
    EXPECT_EQ(write(*link, job_bytes(1'000)).fault, Fault::gone);
    ASSERT_TRUE(printers(0));
    sim_.command("clear a");
    sim_.command("plug a");
    ASSERT_TRUE(printers(1));
    auto next = this->link(); // while the old link is still there
    ASSERT_TRUE(next);
    EXPECT_EQ(write(*link, "old").fault, Fault::gone);
    EXPECT_EQ(write(*next, "new").fault, Fault::none);
    EXPECT_EQ(sim_.taken("a"), "new");
    link.reset();
    EXPECT_TRUE(state_is("open", 1));
}

} // namespace

} // namespace agenthost::printer::usb

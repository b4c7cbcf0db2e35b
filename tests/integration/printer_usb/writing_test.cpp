// What the printer takes, and what a job learns of it: faults 4, 7, 9 and 10 of the field.
#include "usb_rig.hpp"

#include <gmock/gmock.h>

namespace agenthost::printer::usb {

namespace {

using testing::HasSubstr;

class UsbWriting : public UsbRig {
protected:
    void SetUp() override
    {
        plug();
        start_bus();
    }
};

constexpr Model impatient{.no_progress = 200ms};

TEST_F(UsbWriting, EveryByteArrivesOnceInOrder)
{
    const auto job = job_bytes(100'000);
    const auto link = this->link();
    ASSERT_TRUE(link);
    const Written written = write(*link, job);
    EXPECT_EQ(written.taken, job.size());
    EXPECT_EQ(written.fault, Fault::none);
    finish(*link);
    EXPECT_EQ(sim_.taken("a"), job);
    EXPECT_EQ(sim_.counter("a", "zero_length"), 0);
}

TEST_F(UsbWriting, AStallIsClearedOnceAndTheJobGoesOnFromThatByte)
{
    const auto job = job_bytes(100'000);
    const auto link = this->link();
    ASSERT_TRUE(link);
    sim_.command("stall_at a 40000");
    const Written first = write(*link, job);
    EXPECT_EQ(first.fault, Fault::stalled);
    EXPECT_EQ(first.taken, 40'000U);
    ASSERT_TRUE(recover(*link));
    ASSERT_TRUE(recover(*link)); // nothing is halted: nothing is cleared
    EXPECT_EQ(sim_.counter("a", "clear_halt"), 1);
    const Written rest = write(*link, std::string_view{job}.substr(first.taken));
    EXPECT_EQ(rest.fault, Fault::none);
    EXPECT_EQ(sim_.taken("a"), job);
}

TEST_F(UsbWriting, AWriteBeforeRecoverySendsNothing)
{
    const auto link = this->link();
    ASSERT_TRUE(link);
    sim_.command("stall_at a 10");
    EXPECT_EQ(write(*link, job_bytes(100)).taken, 10U);
    const Written again = write(*link, "more");
    EXPECT_EQ(again.fault, Fault::stalled);
    EXPECT_EQ(again.taken, 0U);
    EXPECT_EQ(sim_.state("a")["bytes"], 10);
}

TEST_F(UsbWriting, AHaltThatCannotBeClearedEndsTheLink)
{
    const auto link = this->link();
    ASSERT_TRUE(link);
    sim_.command("stall_at a 10");
    write(*link, job_bytes(100));
    sim_.command("fail_clear_halt a 1");
    EXPECT_FALSE(recover(*link));
}

TEST_F(UsbWriting, PaperOutIsNoProgressAndTheJobContinuesAtTheSameByte)
{
    const auto job = job_bytes(100'000);
    const auto link = this->link(impatient);
    ASSERT_TRUE(link);
    sim_.command("paper_out a 1");
    sim_.command("buffer a 50000");
    std::size_t taken = 0;
    for (int held = 0; held < 3; ++held) {
        const Written written = write(*link, std::string_view{job}.substr(taken));
        EXPECT_EQ(written.fault, Fault::no_progress);
        EXPECT_THAT(written.detail, HasSubstr("200 ms"));
        taken += written.taken;
        EXPECT_EQ(taken, 50'000U);
    }
    const auto status =
        test::result_of<std::optional<std::uint8_t>>(io_, [&](auto done) { link->port_status(done); });
    EXPECT_EQ(status, 0x38);
    sim_.command("paper_out a 0");
    const Written rest = write(*link, std::string_view{job}.substr(taken));
    EXPECT_EQ(rest.fault, Fault::none);
    EXPECT_EQ(sim_.taken("a"), job);
}

TEST_F(UsbWriting, ASlowPrinterIsNotAFault)
{
    const auto job = job_bytes(20'000);
    // 16 KiB take 0.8 s, four times as long as no progress may last.
    const auto link = this->link(impatient);
    ASSERT_TRUE(link);
    sim_.command("rate a 20000");
    const Written written = write(*link, job);
    EXPECT_EQ(written.fault, Fault::none) << written.detail;
    EXPECT_EQ(sim_.taken("a"), job);
    EXPECT_GT(sim_.counter("a", "discard"), 0);
}

TEST_F(UsbWriting, ACancelledWriteTellsWhatWasTaken)
{
    const auto job = job_bytes(100'000);
    const auto link = this->link();
    ASSERT_TRUE(link);
    link->cancel_write(); // nothing runs
    sim_.command("nak_at a 50000");
    std::optional<Written> result;
    link->write(bytes_of(job), [&](Written written) { result = std::move(written); });
    ASSERT_TRUE(state_is("bytes", 50'000));
    link->cancel_write();
    link->cancel_write();
    ASSERT_TRUE(until([&] { return result.has_value(); }));
    EXPECT_EQ(result->fault, Fault::cancelled);
    EXPECT_EQ(result->taken, 50'000U);
    sim_.command("nak_at a -1");
    EXPECT_EQ(write(*link, std::string_view{job}.substr(50'000)).fault, Fault::none);
    EXPECT_EQ(sim_.taken("a"), job);
}

TEST_F(UsbWriting, ASecondWriteIsRefusedAndTheFirstGoesOn)
{
    const auto link = this->link();
    ASSERT_TRUE(link);
    sim_.command("nak_at a 10");
    std::optional<Written> first;
    const auto job = job_bytes(100);
    link->write(bytes_of(job), [&](Written written) { first = std::move(written); });
    const Written second = write(*link, "second");
    EXPECT_EQ(second.fault, Fault::cancelled);
    EXPECT_EQ(second.taken, 0U);
    sim_.command("nak_at a -1");
    ASSERT_TRUE(until([&] { return first.has_value(); }));
    EXPECT_EQ(sim_.taken("a"), job);
}

TEST_F(UsbWriting, AZeroLengthPacketOnlyWhereTheModelWantsOne)
{
    for (const bool wanted : {false, true}) {
        sim_.command("clear a");
        const auto link = this->link({.zero_length_packet = wanted});
        ASSERT_TRUE(link);
        write(*link, job_bytes(64 * 3));
        finish(*link);
        EXPECT_EQ(sim_.counter("a", "zero_length"), wanted ? 1 : 0);
        write(*link, job_bytes(65)); // a short packet ends it
        finish(*link);
        finish(*link); // a job without a byte
        EXPECT_EQ(sim_.counter("a", "zero_length"), wanted ? 1 : 0);
    }
}

TEST_F(UsbWriting, ATrailingNulInsteadWhereTheModelWantsOne)
{
    const auto link = this->link({.trailing_nul = true});
    ASSERT_TRUE(link);
    const auto job = job_bytes(64 * 3);
    write(*link, job);
    finish(*link);
    EXPECT_EQ(sim_.taken("a"), job + std::string(1, '\0'));
    finish(*link);
    EXPECT_EQ(sim_.counter("a", "zero_length"), 0);
}

TEST_F(UsbWriting, APacedPrinterGetsNoMoreThanItCanTake)
{
    constexpr std::size_t pacing = 20'000;
    const auto link = this->link({.pacing = pacing});
    ASSERT_TRUE(link);
    const auto job = job_bytes(10'000);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(write(*link, job).fault, Fault::none);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    // The last piece, 100 ms at most, needs no pause behind it.
    EXPECT_GE(took.count(), 10'000.0 / pacing - 0.1);
    EXPECT_EQ(sim_.taken("a"), job);
    EXPECT_GE(sim_.counter("a", "submit"), 5);
}

TEST_F(UsbWriting, AWriteIsCancelledInThePauseOfPacing)
{
    const auto link = this->link({.pacing = 640}); // a packet takes 100 ms
    ASSERT_TRUE(link);
    std::optional<Written> result;
    const auto job = job_bytes(64'000);
    link->write(bytes_of(job), [&](Written written) { result = std::move(written); });
    ASSERT_TRUE(until([&] { return sim_.state("a")["bytes"] >= 64; }));
    link->cancel_write();
    ASSERT_TRUE(until([&] { return result.has_value(); }));
    EXPECT_EQ(result->fault, Fault::cancelled);
    EXPECT_EQ(sim_.state("a")["bytes"], result->taken);
    EXPECT_LT(result->taken, job.size());
}

TEST_F(UsbWriting, ALinkThatIsDestroyedInMidWriteCallsNobodyAndGivesThePrinterBack)
{
    auto link = this->link();
    ASSERT_TRUE(link);
    sim_.command("nak_at a 10");
    bool called = false;
    {
        const auto job = job_bytes(100'000);
        link->write(bytes_of(job), [&](const Written&) { called = true; });
        ASSERT_TRUE(state_is("bytes", 10));
        link.reset();
    }
    EXPECT_TRUE(state_is("open", 0));
    EXPECT_EQ(sim_.state("a")["driver"], "usblp");
    EXPECT_FALSE(called);
    EXPECT_TRUE(this->link()); // at once, and again
}

TEST_F(UsbWriting, ALinkMayBeDestroyedInsideOfItsCallback)
{
    auto link = this->link();
    ASSERT_TRUE(link);
    const auto job = job_bytes(1'000);
    link->write(bytes_of(job), [&](const Written&) { link.reset(); });
    ASSERT_TRUE(until([&] { return !link; }));
    EXPECT_TRUE(state_is("open", 0));
}

TEST_F(UsbWriting, TwoPrintersOfOneModelGetTheirOwnBytes)
{
    plug("b", "serial= port=1-2");
    ASSERT_TRUE(printers(2));
    const auto found = bus_->printers();
    std::vector<std::unique_ptr<Link>> links;
    for (const auto& facts : found) {
        auto opened = open(facts.number);
        ASSERT_TRUE(opened.link);
        links.push_back(std::move(opened.link));
    }
    const auto first = job_bytes(30'000, 1), second = job_bytes(40'000, 2);
    sim_.command("rate a 200000");
    int done = 0;
    const auto count = [&](const Written& written) { done += written.fault == Fault::none ? 1 : 100; };
    links[0]->write(bytes_of(found[0].port == "1-1" ? first : second), count);
    links[1]->write(bytes_of(found[1].port == "1-1" ? first : second), count);
    ASSERT_TRUE(until([&] { return done == 2; }));
    EXPECT_EQ(sim_.taken("a"), first);
    EXPECT_EQ(sim_.taken("b"), second);
}

} // namespace

} // namespace agenthost::printer::usb

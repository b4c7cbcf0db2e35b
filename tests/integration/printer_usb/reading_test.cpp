// What the printer sends: answers to questions, and status that nobody asked for.
#include "usb_rig.hpp"

#include <gmock/gmock.h>

namespace agenthost::printer::usb {

namespace {

const std::string paper_question{"\x10\x04\x04", 3};
const std::string process_id{"\x1d\x28\x48\x06\x00\x30\x30"
                             "A1B2",
                             11};

class UsbReading : public UsbRig {
protected:
    void begin(const std::string& fields = {})
    {
        plug("a", fields);
        start_bus();
        link_ = link();
        ASSERT_TRUE(link_);
    }
    void listen()
    {
        link_->read([this](Bytes bytes) { got_.append(bytes.begin(), bytes.end()); });
    }
    std::unique_ptr<Link> link_;
    std::string got_;
};

TEST_F(UsbReading, NothingIsReadWhileNobodyListens)
{
    begin();
    write(*link_, paper_question);
    EXPECT_EQ(sim_.state("a")["reading"], 0);
    EXPECT_EQ(sim_.state("a")["replies"], 1); // the printer keeps it
    listen();
    ASSERT_TRUE(until([&] { return got_ == "\x12"; }));
    EXPECT_TRUE(state_is("reading", 1));
    link_->stop_reading();
    EXPECT_TRUE(state_is("reading", 0));
}

TEST_F(UsbReading, AnswersArriveInOrderBesideTheJob)
{
    begin();
    listen();
    sim_.command("paper_out a 1");
    write(*link_, paper_question);
    ASSERT_TRUE(until([&] { return got_ == "\x72"; }));
    write(*link_, process_id);
    sim_.command("paper_out a 0"); // printed only now
    write(*link_, paper_question);
    ASSERT_TRUE(until([&] { return got_.size() == 9; }));
    EXPECT_EQ(got_, std::string("\x72\x37\x22"
                                "A1B2\x00\x12",
                                9));
}

TEST_F(UsbReading, ManyPacketsArriveCompletely)
{
    begin();
    std::string wanted;
    for (int i = 0; i < 200; ++i) {
        sim_.command("push a 14000f0" + std::to_string(i % 10));
        wanted += std::string("\x14\x00\x0f", 3) + static_cast<char>(i % 10);
    }
    listen();
    ASSERT_TRUE(until([&] { return got_.size() == wanted.size(); }));
    EXPECT_EQ(got_, wanted);
}

TEST_F(UsbReading, AnAnswerThatWasStoredIsReadByTheNextOwner)
{
    begin();
    write(*link_, process_id);
    link_.reset();
    ASSERT_TRUE(state_is("open", 0));
    link_ = link();
    ASSERT_TRUE(link_);
    listen();
    ASSERT_TRUE(until([&] { return got_.size() == 7; }));
}

TEST_F(UsbReading, ListeningAgainAtOnceLosesNothing)
{
    begin();
    for (int i = 0; i < 50; ++i) {
        listen();
        link_->stop_reading();
        listen();
        write(*link_, paper_question);
        const auto wanted = static_cast<std::size_t>(i + 1);
        ASSERT_TRUE(until([&] { return got_.size() == wanted; })) << i;
        link_->stop_reading();
    }
}

TEST_F(UsbReading, APrinterWithoutAnInEndpointPrints)
{
    begin("in=0");
    EXPECT_FALSE(link_->can_read());
    listen();
    EXPECT_EQ(write(*link_, paper_question).fault, Fault::none);
    EXPECT_EQ(sim_.state("a")["reading"], 0);
}

TEST_F(UsbReading, APrinterThatAnswersWithNothingDoesNotKeepUsBusy)
{
    begin();
    sim_.command("empty_input a 1");
    listen();
    ASSERT_TRUE(counter_reaches("input", 6));
    const int before = sim_.counter("a", "input");
    const auto end = std::chrono::steady_clock::now() + 1s;
    until([&] { return std::chrono::steady_clock::now() > end; });
    EXPECT_LE(sim_.counter("a", "input") - before, 8); // 250 ms apart by now
    write(*link_, paper_question);
    ASSERT_TRUE(until([&] { return got_ == "\x12"; }));
}

TEST_F(UsbReading, AnIdlePrinterWakesNobody)
{
    begin();
    listen();
    write(*link_, paper_question);
    ASSERT_TRUE(until([&] { return got_ == "\x12"; }));
    ASSERT_TRUE(state_is("reading", 1));
    io_.poll();
    io_.restart();
    EXPECT_EQ(io_.run_for(1s), 0U); // handlers that ran
}

TEST_F(UsbReading, AHaltedInEndpointIsClearedAFewTimes)
{
    begin();
    sim_.command("stall_input a 1");
    listen();
    ASSERT_TRUE(counter_reaches("clear_halt", 1));
    write(*link_, paper_question);
    ASSERT_TRUE(until([&] { return got_ == "\x12"; }));
    sim_.command("fail_clear_halt a 1");
    sim_.command("stall_input a 1");
    EXPECT_EQ(write(*link_, "prints all the same").fault, Fault::none);
    EXPECT_TRUE(state_is("reading", 0));
}

TEST_F(UsbReading, PortStatusTellsPaperAndSelection)
{
    begin();
    const auto ask = [&] {
        return test::result_of<std::optional<std::uint8_t>>(io_,
                                                            [&](auto done) { link_->port_status(done); });
    };
    EXPECT_EQ(ask(), 0x18);
    sim_.command("paper_out a 1");
    EXPECT_EQ(ask(), 0x38);
    sim_.command("paper_out a 0");
    sim_.command("offline a 1");
    EXPECT_EQ(ask(), 0x08);
}

TEST_F(UsbReading, APrinterThatDoesNotTellItsPortStatusHasADeadline)
{
    begin();
    sim_.command("hang a status");
    int answers = 0;
    for (int i = 0; i < 3; ++i)
        link_->port_status([&](std::optional<std::uint8_t> status) {
            EXPECT_FALSE(status);
            ++answers;
        });
    ASSERT_TRUE(until([&] { return answers == 3; }));
    EXPECT_EQ(write(*link_, "prints all the same").fault, Fault::none);
}

} // namespace

} // namespace agenthost::printer::usb

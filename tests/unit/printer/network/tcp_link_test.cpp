#include "../../../support/asio_loop.hpp"
#include "../../../support/network_printer.hpp"
#include "plugins/printer/network/connector.hpp"
#include "plugins/printer/network/tcp_link.hpp"

#include <gtest/gtest.h>

namespace agenthost::printer::network {
namespace {

using test::NetworkPrinter;
using namespace std::chrono_literals;

class TcpLink : public testing::Test {
protected:
    std::unique_ptr<Link> open(std::uint16_t port)
    {
        Opened opened = test::result_of<Opened>(io, [&](OpenDone done) {
            connector.open({"127.0.0.1", port}, model, std::move(done));
        });
        EXPECT_FALSE(opened.error) << opened.error->message;
        return std::move(opened.link);
    }
    Written write(Link& link, const std::string& text)
    {
        return test::result_of<Written>(io, [&](std::function<void(Written)> done) {
            link.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, std::move(done));
        });
    }
    bool finish(Link& link)
    {
        return test::result_of<bool>(io,
                                     [&](std::function<void(bool)> done) { link.finish(std::move(done)); });
    }

    boost::asio::io_context io;
    Model model{.no_progress = 100ms};
    Connector connector{io, {.connect = 2s, .echo = 300ms, .finish = 300ms}};
};

TEST_F(TcpLink, SendsAllAndWaitsForThePrintersEnd)
{
    NetworkPrinter printer{{}};
    auto link = open(printer.port());
    const std::string text(300'000, 'x');
    const Written written = write(*link, text);
    EXPECT_EQ(written.fault, Fault::none);
    EXPECT_EQ(written.taken, text.size());
    EXPECT_TRUE(finish(*link));
    EXPECT_EQ(printer.received(), text);
}

TEST_F(TcpLink, ReadsAnswers)
{
    NetworkPrinter printer{{}};
    auto link = open(printer.port());
    std::string got;
    link->read([&](Bytes bytes) { got.append(bytes.begin(), bytes.end()); });
    write(*link, std::string{"\x10\x04\x01", 3});
    EXPECT_TRUE(test::run_until(io, [&] { return got == "\x12"; }));
}

TEST_F(TcpLink, SaysHowFarItGotWhenThePrinterStopsReading)
{
    NetworkPrinter::Habits habits;
    habits.reads_until = 1000;
    NetworkPrinter printer{habits};
    auto link = open(printer.port());
    std::string text; // each piece can be told from the others
    for (int i = 0; i < 4'000'000; ++i) text += std::to_string(i) + "\n";
    Written result = write(*link, text);
    EXPECT_EQ(result.fault, Fault::no_progress);
    EXPECT_LT(result.taken, text.size());
    printer.go_on();
    // Going on at the byte that was not taken sends no byte twice.
    std::size_t taken = result.taken;
    while (result.fault == Fault::no_progress) {
        result = write(*link, text.substr(taken));
        taken += result.taken;
    }
    EXPECT_EQ(result.fault, Fault::none);
    EXPECT_EQ(taken, text.size());
    EXPECT_TRUE(finish(*link));
    EXPECT_TRUE(printer.received() == text);
}

TEST_F(TcpLink, CancelsAWrite)
{
    NetworkPrinter::Habits habits;
    habits.reads_until = 0;
    NetworkPrinter printer{habits};
    model.no_progress = 60s;
    auto link = open(printer.port());
    const std::string text(32'000'000, 'y');
    const Written result = test::result_of<Written>(io, [&](std::function<void(Written)> done) {
        link->write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, std::move(done));
        link->cancel_write();
    });
    EXPECT_EQ(result.fault, Fault::cancelled);
}

TEST_F(TcpLink, NoticesAtOnceThatThePrinterClosed)
{
    NetworkPrinter printer{{}};
    auto link = open(printer.port());
    std::string why;
    link->on_gone([&](const std::string& detail) { why = detail; });
    link->read([](Bytes) {});
    ASSERT_TRUE(test::wait_for([&] { return printer.open_connections() == 1; }));
    printer.close_connection();
    EXPECT_TRUE(test::run_until(io, [&] { return !why.empty(); }));
    EXPECT_EQ(write(*link, "x").fault, Fault::gone);
}

TEST_F(TcpLink, ReportsAResetAndNoCleanEnd)
{
    NetworkPrinter::Habits habits;
    habits.resets_after = 5;
    habits.resets = 1;
    NetworkPrinter printer{habits};
    auto link = open(printer.port());
    write(*link, "0123456789");
    EXPECT_FALSE(finish(*link));
}

TEST_F(TcpLink, EndsInBoundedTimeWithAPrinterThatNeverCloses)
{
    NetworkPrinter::Habits habits;
    habits.closes_after_fin = false;
    NetworkPrinter printer{habits};
    auto link = open(printer.port());
    write(*link, "abc");
    // It acknowledged everything: that is its buffer.
    EXPECT_TRUE(finish(*link));
    EXPECT_EQ(printer.received(), "abc");
}

TEST_F(TcpLink, DoesNotCallBackAfterItsEnd)
{
    NetworkPrinter printer{{}};
    auto link = open(printer.port());
    bool called = false;
    const std::string text = "abc";
    link->write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                [&](Written) { called = true; });
    link.reset();
    io.restart();
    io.run_for(50ms);
    EXPECT_FALSE(called);
}

TEST_F(TcpLink, TellsARefusalFromAName)
{
    const auto port = static_cast<std::uint16_t>(test::free_port());
    const auto error_of = [&](const PrinterAddress& address) {
        return test::result_of<Opened>(
                   io, [&](OpenDone done) { connector.open(address, model, std::move(done)); })
            .error.value();
    };
    EXPECT_EQ(error_of({"127.0.0.1", port}).kind, OpenError::Kind::refused);
    EXPECT_EQ(error_of({"printer.invalid", 9100}).kind, OpenError::Kind::unreachable);
}

} // namespace
} // namespace agenthost::printer::network

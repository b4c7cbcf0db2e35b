// Receipts through the plugin on network printers: outcomes, holds, repeats, restarts.
#include "../../support/network_printer.hpp"
#include "box.hpp"

#include <gtest/gtest.h>

namespace agenthost::test {
namespace {

using Habits = NetworkPrinter::Habits;

class Printing : public ::testing::Test {
protected:
    Json device(const NetworkPrinter& printer, const std::string& alias, Json overrides = Json::object())
    {
        return {{"alias", alias}, {"address", printer.address()}, {"overrides", std::move(overrides)}};
    }
    static Json job(const std::string& bytes, const std::string& printer = "Kitchen")
    {
        return {{"printer", printer}, {"data", base64_of(bytes)}, {"encoding", "base64"}};
    }
    static bool degraded(PrinterBox& box, const std::string& text)
    {
        return wait_for([&] { return box.host().health().text.find(text) != std::string::npos; });
    }

    TempDir state;
};

const Json confirming{{"confirmation", "process_id"}};

TEST_F(Printing, SaysPrintedWhenThePrinterConfirmsAndSentWhenItCannot)
{
    NetworkPrinter confirms{{}}, answers{{}};
    PrinterBox box{state.path(),
                   {{"devices", {device(confirms, "Kitchen", confirming), device(answers, "Bar")}}}};
    const FakeReply printed = box.call("print", job("receipt one\n"), "t1");
    ASSERT_TRUE(printed.ok()) << printed.json;
    EXPECT_EQ(data_of(printed)["outcome"], "printed");
    EXPECT_EQ(data_of(printed)["message"], "Printed");
    EXPECT_EQ(data_of(printed)["bytesSent"], 12);
    const FakeReply sent = box.call("print", job("receipt two\n", "Bar"), "t2");
    ASSERT_TRUE(sent.ok()) << sent.json;
    EXPECT_EQ(data_of(sent)["outcome"], "sent");
    EXPECT_TRUE(confirms.received().starts_with("receipt one\n"));
    EXPECT_EQ(answers.received(), "receipt two\n");
}

TEST_F(Printing, PrintsOneTaskOnceHoweverOftenItIsSent)
{
    NetworkPrinter printer{{}};
    const Json config{{"devices", {device(printer, "Kitchen")}}};
    {
        PrinterBox box{state.path(), config};
        EXPECT_TRUE(box.call("print", job("once\n"), "t1").ok());
        EXPECT_TRUE(box.call("print", job("once\n"), "t1").ok());
        EXPECT_EQ(box.call("print", job("other\n"), "t1").code(), "ID_REUSED");
    }
    PrinterBox again{state.path(), config};
    EXPECT_TRUE(again.call("print", job("once\n"), "t1").ok());
    EXPECT_EQ(printer.received(), "once\n");
}

TEST_F(Printing, HoldsAJobWhilePaperIsOutAndSaysSo)
{
    Habits habits;
    habits.paper_out = true;
    NetworkPrinter printer{habits};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const agh_req request = box.begin("print", job("patient\n"), "t1");
    EXPECT_TRUE(degraded(box, "out of paper"));
    EXPECT_EQ(printer.received(), "");
    EXPECT_EQ(data_of(box.call("status", {{"printer", "Kitchen"}}))["status"], "paper_out");
    habits.paper_out = false;
    printer.set(habits);
    EXPECT_TRUE(box.host().wait_reply(request, max_wait).ok());
    EXPECT_EQ(printer.received(), "patient\n");
    EXPECT_TRUE(wait_for([&] { return box.host().health().ok(); }));
}

TEST_F(Printing, SaysUnknownWhenTheConnectionBreaksInTheMiddleAndNeverRepeats)
{
    Habits habits;
    habits.resets_after = 40; // after the status query and the start of the job
    habits.resets = 1;
    NetworkPrinter printer{habits};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const FakeReply reply = box.call("print", job(std::string(400'000, 'x')), "t1");
    EXPECT_EQ(reply.code(), "OUTCOME_UNKNOWN") << reply.json;
    EXPECT_EQ(reply.flags & AGH_REPLY_UNKNOWN, std::uint32_t{AGH_REPLY_UNKNOWN});
    EXPECT_TRUE(box.call("print", job("next\n"), "t2").ok());
    EXPECT_EQ(box.call("print", job(std::string(400'000, 'x')), "t1").code(), "OUTCOME_UNKNOWN");
    const std::string paper = printer.received();
    EXPECT_LT(std::ranges::count(paper, 'x'), 400'000);
    EXPECT_NE(paper.find("\x1b@next\n"), std::string::npos)
        << "the printer was not told to forget the first job";
}

TEST_F(Printing, WaitsForAPrinterThatIsOffAndPrintsWhenItIsBack)
{
    const int port = free_port();
    const Json config{
        {"devices", {{{"alias", "Kitchen"}, {"address", "127.0.0.1:" + std::to_string(port)}}}}};
    PrinterBox box{state.path(), config};
    (void)box.begin("print", job("later\n"), "t1");
    EXPECT_TRUE(degraded(box, "refuses connections"));
    EXPECT_EQ(data_of(box.call("queue", Json::object()))["jobs"].size(), 1u);
    EXPECT_TRUE(box.call("cancel", {{"task", "t1"}}).ok());
    EXPECT_TRUE(wait_for([&] { return data_of(box.call("queue", Json::object()))["jobs"].empty(); }));
}

TEST_F(Printing, ACancelWaitsForTheRowOfAJobThatEnds)
{
    Habits habits;
    habits.paper_out = true;
    NetworkPrinter printer{habits};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const agh_req print = box.begin("print", job("no\n"), "t1");
    EXPECT_TRUE(degraded(box, "out of paper"));
    // The second finds the job while its end is being stored.
    const std::vector<agh_req> cancels{box.begin("cancel", {{"task", "t1"}}, "c1"),
                                       box.begin("cancel", {{"task", "t1"}}, "c2")};
    for (const agh_req cancel : cancels) {
        const FakeReply reply = box.host().wait_reply(cancel, max_wait);
        ASSERT_TRUE(reply.ok()) << reply.json;
        EXPECT_EQ(data_of(reply)["message"], "Cancelled");
        EXPECT_EQ(data_of(reply)["outcome"], "not_started");
    }
    EXPECT_EQ(box.host().wait_reply(print, max_wait).code(), "CANCELLED");
    // What an answer says is stored.
    EXPECT_TRUE(data_of(box.call("queue", Json::object()))["jobs"].empty());
    EXPECT_EQ(box.call("cancel", {{"task", "t1"}}, "c3").code(), "CONFLICT");
    EXPECT_EQ(printer.received(), "");
}

TEST_F(Printing, ACancelOfAJobThatThePrinterHasInPartSaysSo)
{
    Habits habits;
    habits.reads_until = 4'000;
    habits.receive_buffer = 4'096;
    NetworkPrinter printer{habits};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const agh_req print = box.begin("print", job(std::string(4'000'000, 'x')), "t1");
    EXPECT_TRUE(wait_for([&] { return !printer.received().empty(); }));
    const FakeReply reply = box.call("cancel", {{"task", "t1"}}, "c1");
    ASSERT_TRUE(reply.ok()) << reply.json;
    EXPECT_EQ(data_of(reply)["outcome"], "unknown") << reply.json;
    EXPECT_NE(data_of(reply).value("message", "").find("cancelled after"), std::string::npos) << reply.json;
    EXPECT_EQ(box.host().wait_reply(print, max_wait).code(), "OUTCOME_UNKNOWN");
}

TEST_F(Printing, RefusesPrintersThatAreNotAllowed)
{
    NetworkPrinter printer{{}};
    Json config{{"allow_addresses", {"127.0.0.0/8:" + std::to_string(printer.port())}}};
    PrinterBox box{state.path(), config};
    const auto to = [](const std::string& ip, int port) {
        return Json{{"printer", {{"ip", ip}, {"port", port}}}, {"data", "aGkK"}};
    };
    EXPECT_TRUE(box.call("print", to("127.0.0.1", printer.port()), "a").ok());
    EXPECT_EQ(box.call("print", to("127.0.0.1", 22), "b").code(), "ADDRESS_DENIED");
    EXPECT_EQ(box.call("print", to("10.0.0.1", printer.port()), "c").code(), "ADDRESS_DENIED");
    EXPECT_EQ(box.call("print", job("x", "Nobody"), "d").code(), "PRINTER_NOT_FOUND");
}

TEST_F(Printing, KeepsSettingsAndReportsDevices)
{
    NetworkPrinter one{{}}, two{{}};
    const Json config{{"devices", {device(one, "Kitchen"), device(two, "Bar")}}};
    {
        PrinterBox box{state.path(), config};
        EXPECT_EQ(box.call("print", {{"data", "aGkK"}}, "t0").code(), "PRINTER_AMBIGUOUS");
        EXPECT_TRUE(box.call("config", {{"updates", {{"defaultPrinter", {{"alias", "Bar"}}}}}}, "c1").ok());
        EXPECT_TRUE(box.call("config", {{"updates", {{"telemetry", {{"intervalSeconds", 30}}}}}}, "c2").ok());
    }
    PrinterBox box{state.path(), config};
    EXPECT_TRUE(box.call("print", {{"data", "aGkK"}, {"reason", "remote-test"}}, "t1").ok());
    EXPECT_EQ(two.received(), "hi\n");
    EXPECT_TRUE(wait_for([&] {
        const Json devices = Json::parse(box.host().facts()["devices"], nullptr, false);
        return devices.is_array() && devices.size() == 2 && devices[1].value("isDefault", false) &&
               devices[1].contains("lastTest") && devices[1]["lastTest"]["status"] == "success";
    }));
}

// A heartbeat, a server that compares heartbeats and the host's facts see a change only when there is one.
TEST_F(Printing, AnnouncesAsManyPrintersAsAFactMayHaveAndSaysHowManyItLeavesOut)
{
    constexpr std::size_t max_fact = 64 << 10, all = 256, some = 100;
    for (const std::size_t count : {some, all}) {
        Json devices = Json::array();
        for (std::size_t i = 0; i < count; ++i)
            devices.push_back({{"alias", std::string(120, 'p') + std::to_string(i)},
                               {"role", std::string(count == all ? 120 : 20, 'r')},
                               {"default", i == count - 1},
                               {"address", "192.0.2.1:" + std::to_string(1'000 + i)}});
        TempDir own;
        PrinterBox box{own.path(), {{"devices", devices}}};
        const std::string fact = box.host().facts()["devices"];
        EXPECT_LE(fact.size(), max_fact);
        const Json told = Json::parse(fact);
        const std::string left_out = box.host().facts()["devices_left_out"];
        if (count == some) {
            EXPECT_EQ(told.size(), some);
            EXPECT_EQ(left_out, "");
            continue;
        }
        EXPECT_GT(told.size(), 100U);
        EXPECT_EQ(left_out, std::to_string(all - told.size()));
        EXPECT_EQ(told.back()["isDefault"], true) << "the default printer is told of";
    }
}

TEST_F(Printing, ALookThatFindsNothingNewChangesNoFact)
{
    NetworkPrinter printer{{}};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const Json status = data_of(box.call("status", {{"printer", "Kitchen"}}));
    EXPECT_TRUE(status.contains("checkedAt")) << status;
    EXPECT_EQ(status.value("status", ""), "ready");
    // The next fact is younger than what the look saw.
    const Json role{{"printers", {{{"printer", {{"alias", "Kitchen"}}}, {"role", "food"}}}}};
    EXPECT_TRUE(box.call("config", {{"updates", role}}, "c1").ok());
    std::string devices;
    EXPECT_TRUE(wait_for([&] {
        devices = box.host().facts()["devices"];
        return devices.find("food") != std::string::npos;
    })) << devices;
    EXPECT_EQ(devices.find("checkedAt"), std::string::npos) << devices;
}

TEST_F(Printing, ReprintsAsACopyAndRendersWhatCameOut)
{
    NetworkPrinter printer{{}};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    ASSERT_TRUE(box.call("print", job("Total 12\n"), "t1").ok());
    ASSERT_TRUE(box.call("reprint", {{"task", "t1"}}, "t2").ok());
    const std::string paper = printer.received();
    EXPECT_NE(paper.find("COPY"), std::string::npos);
    EXPECT_EQ(paper.find("Total 12"), 0u);
    EXPECT_NE(paper.rfind("Total 12"), 0u);
    const Json drawn = data_of(box.call("render", {{"task", "t1"}}));
    EXPECT_NE(drawn.value("text", std::string{}).find("Total 12"), std::string::npos) << drawn.dump();
    EXPECT_TRUE(drawn.value("png", std::string{}).starts_with("iVBOR"));
}

TEST_F(Printing, KeepsAJobBeyondItsDeadline)
{
    Habits habits;
    habits.paper_out = true;
    NetworkPrinter printer{habits};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const agh_req late = box.begin("print", job("kept\n"), "t1", std::chrono::milliseconds{1});
    EXPECT_TRUE(degraded(box, "out of paper"));
    box.host().cancel(late);
    EXPECT_TRUE(wait_for([&] { return data_of(box.call("queue", Json::object()))["jobs"].size() == 1; }));
    const agh_req again = box.begin("print", job("kept\n"), "t1");
    habits.paper_out = false;
    printer.set(habits);
    EXPECT_TRUE(box.host().wait_reply(again, max_wait).ok());
    EXPECT_EQ(printer.received(), "kept\n");
}

TEST_F(Printing, CompletesAnImageThatABreakCutOff)
{
    Habits habits;
    habits.resets_after = 2'000;
    habits.resets = 1;
    NetworkPrinter printer{habits};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    // GS v 0: 72 bytes wide, 5,000 rows.
    std::string image{"\x1dv0\0\x48\0\x88\x13", 8};
    image += std::string(72 * 5'000, '\x55');
    EXPECT_EQ(box.call("print", job(image), "t1").code(), "OUTCOME_UNKNOWN");
    ASSERT_TRUE(box.call("print", job("after\n"), "t2").ok());
    const std::string paper = printer.received();
    const auto last = paper.rfind('\x55'), next = paper.find("\x1b@after\n", last);
    ASSERT_NE(next, std::string::npos);
    // The zeros end the image, wherever it was cut.
    EXPECT_GE(std::ranges::count(paper, '\x55') + static_cast<std::ptrdiff_t>(next - last - 1), 72 * 5'000);
}

} // namespace
} // namespace agenthost::test

// Servers that send nonsense, and repeats at bad moments: no outcome lies, nothing breaks the next start.
#include "../../support/full_disk.hpp"
#include "../../support/network_printer.hpp"
#include "box.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace agenthost::test {
namespace {

using Habits = NetworkPrinter::Habits;

class Abuse : public ::testing::Test {
protected:
    static Json device(const NetworkPrinter& printer, const std::string& alias)
    {
        return {{"alias", alias}, {"address", printer.address()}};
    }
    static Json job(const std::string& bytes, const Json& printer = "Kitchen")
    {
        return {{"printer", printer}, {"data", base64_of(bytes)}, {"encoding", "base64"}};
    }
    static Habits without_paper()
    {
        Habits habits;
        habits.paper_out = true;
        return habits;
    }
    static std::size_t waiting(PrinterBox& box)
    {
        return data_of(box.call("queue", Json::object()))["jobs"].size();
    }

    TempDir state;
};

TEST_F(Abuse, AFullQueueDoesNotHideTheJobsThatAreInIt)
{
    NetworkPrinter printer{without_paper()};
    const Json config{{"devices", {device(printer, "Kitchen")}}, {"queue_jobs", 8}};
    {
        PrinterBox box{state.path(), config};
        for (std::size_t i = 0; i < 8; ++i) {
            (void)box.begin("print", job("job " + std::to_string(i) + "\n"), "t" + std::to_string(i));
            EXPECT_TRUE(wait_for([&] { return waiting(box) == i + 1; }));
        }
        EXPECT_EQ(box.call("print", job("one more\n"), "t9").code(), "QUEUE_FULL");
    }
    PrinterBox box{state.path(), config};
    std::vector<agh_req> repeats;
    for (int i = 0; i < 8; ++i)
        repeats.push_back(
            box.begin("print", job("job " + std::to_string(i) + "\n"), "t" + std::to_string(i)));
    printer.set({});
    for (const agh_req repeat : repeats) {
        const FakeReply reply = box.host().wait_reply(repeat, max_wait);
        EXPECT_TRUE(reply.ok()) << reply.json;
    }
    for (int i = 0; i < 8; ++i) {
        const std::string text = "job " + std::to_string(i) + "\n", paper = printer.received();
        EXPECT_EQ(paper.find(text), paper.rfind(text));
        EXPECT_NE(paper.find(text), std::string::npos);
    }
}

// The disk is slower than the loop that accepts jobs.
TEST_F(Abuse, JobsOnTheirWayToTheDiskCountInTheQueue)
{
    NetworkPrinter printer{without_paper()};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}, {"queue_jobs", 8}}};
    std::vector<agh_req> burst;
    for (int i = 0; i < 100; ++i)
        burst.push_back(box.begin("print", job("job " + std::to_string(i) + "\n"), "t" + std::to_string(i)));
    // In order: when the last one is answered, each has been accepted or not.
    EXPECT_EQ(box.host().wait_reply(burst.back(), max_wait).code(), "QUEUE_FULL");
    EXPECT_LE(waiting(box), 8U) << "one at the printer, seven in the queue";
}

TEST_F(Abuse, ARepeatGetsItsJobAlthoughItsPrinterHasAnotherNameNow)
{
    NetworkPrinter printer{{}};
    {
        PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
        EXPECT_TRUE(box.call("print", job("soup\n"), "t1").ok());
    }
    PrinterBox box{state.path(), {{"devices", {device(printer, "Grill")}}, {"max_job_bytes", 2}}};
    EXPECT_TRUE(box.call("print", job("soup\n"), "t1").ok());
    EXPECT_EQ(box.call("print", job("pie\n"), "t1").code(), "ID_REUSED");
    EXPECT_EQ(box.call("print", job("pie\n"), "t2").code(), "PRINTER_NOT_FOUND");
    EXPECT_EQ(printer.received(), "soup\n");
}

TEST_F(Abuse, SettingsThatMakeNoSenseAreRefusedAndDoNotBreakTheNextStart)
{
    NetworkPrinter printer{{}};
    const Json config{{"devices", {device(printer, "Kitchen")}}};
    const std::vector<std::string> nonsense{
        R"({"printers": 5})",
        R"({"printers": [5]})",
        R"({"printers": [{"printer": "Kitchen", "alias": 5}]})",
        R"({"printers": [{"printer": "Kitchen", "role": ["x"]}]})",
        R"({"printers": [{"printer": {"alias": 5}, "alias": "x"}]})",
        R"({"printers": [{"printer": {"ip": 5}, "alias": "x"}]})",
        R"({"printers": [{"printer": {"ip": "127.0.0.1", "port": []}, "alias": "x"}]})",
        R"({"printers": [{"alias": "x"}]})",
        R"({"defaultPrinter": {"serial": []}})",
        R"({"defaultPrinter": {"alias": {}}})",
        R"({"defaultPrinter": 7})",
    };
    for (const std::string& updates : nonsense) {
        PrinterBox box{state.path(), config};
        const FakeReply reply = box.call("config", {{"updates", Json::parse(updates)}}, updates);
        EXPECT_EQ(reply.code(), "INVALID_REQUEST") << updates << reply.json;
        EXPECT_EQ(reply.flags & AGH_REPLY_NOT_STARTED, std::uint32_t{AGH_REPLY_NOT_STARTED}) << updates;
    }
    PrinterBox box{state.path(), config};
    EXPECT_TRUE(box.call("print", job("fine\n"), "t1").ok());
}

TEST_F(Abuse, SettingsAreBounded)
{
    NetworkPrinter printer{{}};
    const Json config{{"devices", {device(printer, "Kitchen")}}};
    {
        PrinterBox box{state.path(), config};
        EXPECT_TRUE(box.call("config", {{"updates", {{"defaultPrinter", "Kitchen"}}}}, "c1").ok());
        const FakeReply reply = box.call("config", {{"updates", {{"more", std::string(70'000, 'x')}}}}, "c2");
        EXPECT_EQ(reply.code(), "TOO_LARGE") << reply.json;
    }
    PrinterBox box{state.path(), config};
    const Json devices = Json::parse(box.host().facts()["devices"], nullptr, false);
    ASSERT_EQ(devices.size(), 1u);
    EXPECT_EQ(devices[0]["isDefault"], true);
}

TEST_F(Abuse, APrinterOfTheWrongTypeIsInvalid)
{
    NetworkPrinter printer{{}};
    PrinterBox box{state.path(),
                   {{"devices", {device(printer, "Kitchen")}},
                    {"allow_addresses", {"127.0.0.1:" + std::to_string(printer.port())}}}};
    const std::vector<std::string> wrong{
        R"({"ip": 5})",
        R"({"ip": "127.0.0.1", "port": []})",
        R"({"ip": "127.0.0.1", "port": 9100.5})",
        R"({"alias": 5})",
        R"({"name": {}})",
        R"({"serial": 5})",
        R"({"vendorId": [1]})",
        R"({"ip": "127.0.0.1", "port": "x"})",
        R"({"alias": "Kitchen", "serial": null, "name": []})",
        R"({"ip": "127.0.0.1", "port": 99999999})",
        R"({"ip": "127.0.0.1", "port": -1})",
    };
    for (const std::string& one : wrong) {
        const FakeReply reply = box.call("print", job("x", Json::parse(one)), one);
        EXPECT_EQ(reply.code(), "INVALID_REQUEST") << one << reply.json;
        EXPECT_EQ(reply.flags & AGH_REPLY_NOT_STARTED, std::uint32_t{AGH_REPLY_NOT_STARTED}) << one;
    }
    // Servers in the field write the port as text.
    const Json text{{"ip", "127.0.0.1"}, {"port", std::to_string(printer.port())}};
    const FakeReply printed = box.call("print", job("port\n", text), "t1");
    EXPECT_TRUE(printed.ok()) << printed.json;
    EXPECT_EQ(printer.received(), "port\n");
}

TEST_F(Abuse, AFullDiskIsNotHidden)
{
    NetworkPrinter printer{without_paper()};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const agh_req first = box.begin("print", job("soup\n"), "t1");
    EXPECT_TRUE(wait_for([&] { return waiting(box) == 1; }));
    {
        const FullDisk full;
        EXPECT_FALSE(box.call("config", {{"updates", {{"defaultPrinter", "Kitchen"}}}}, "c1").ok());
        EXPECT_FALSE(box.call("print", job("pie\n"), "t2").ok());
        // Reading goes on, and an outcome that could not be stored is the answer of a repeat.
        EXPECT_EQ(waiting(box), 1u);
        EXPECT_TRUE(box.call("cancel", {{"task", "t1"}}, "x").ok());
        EXPECT_EQ(box.host().wait_reply(first, max_wait).code(), "CANCELLED");
        EXPECT_EQ(box.call("print", job("soup\n"), "t1").code(), "CANCELLED");
    }
    EXPECT_TRUE(wait_for([&] { return waiting(box) == 0; }));
    EXPECT_EQ(printer.received(), "");
}

TEST_F(Abuse, ARepeatedReprintNeedsItsOriginalNoMore)
{
    NetworkPrinter printer{{}};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    EXPECT_TRUE(box.call("print", job("soup\n"), "t1").ok());
    EXPECT_TRUE(box.call("reprint", {{"task", "t1"}}, "r1").ok());
    const std::string paper = printer.received();
    EXPECT_TRUE(box.call("reprint", {{"task", "t1"}}, "r1").ok());
    EXPECT_EQ(box.call("reprint", {{"task", "t9"}}, "r1").code(), "ID_REUSED");
    EXPECT_EQ(printer.received(), paper);
}

TEST_F(Abuse, APreviewHasThePrintersCodePagesAndCharset)
{
    Json greek{{"alias", "Greek"}, {"address", "127.0.0.1:1"}, {"profile", "rongta-rp326"}};
    greek["overrides"] = {{"cjk_charset", "none"}, {"default_code_page", 17}};
    const Json chinese{{"alias", "Chinese"}, {"address", "127.0.0.1:2"}, {"profile", "generic-cjk-80"}};
    PrinterBox box{state.path(), {{"devices", {greek, chinese}}}};
    const auto drawn = [&](const std::string& bytes, const char* printer) {
        const FakeReply reply = box.call("render", job(bytes, printer));
        return data_of(reply).value("text", reply.json);
    };
    // Page 17 is Cyrillic on Epson's printers.
    EXPECT_NE(drawn("\x1bt\x11\xc1\xe2\n", "Greek").find("Αβ"), std::string::npos);
    EXPECT_NE(drawn("\xc1\xe2\n", "Greek").find("Αβ"), std::string::npos);
    EXPECT_NE(drawn("\xb0\xa1\n", "Chinese").find("啊"), std::string::npos);
}

TEST_F(Abuse, ATextIsUnicodeWhateverCharsetStandsBesideIt)
{
    NetworkPrinter printer{{}};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const Json plain{{"text", "Grüße"}, {"cut", "none"}};
    for (const char* charset : {"gb18030", "cp850", "utf-8", "no such charset"}) {
        Json order = plain;
        order["charset"] = charset;
        ASSERT_TRUE(box.call("print", order, charset).ok()) << charset;
    }
    Json bytes{{"data", base64_of("Gr\x81\xe1\x65")}, {"charset", "cp850"}, {"cut", "none"}};
    ASSERT_TRUE(box.call("print", bytes, "bytes").ok());
    const std::string paper = printer.received();
    const std::string once = paper.substr(0, paper.size() / 5);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(paper.substr(i * once.size(), once.size()), once) << i;
}

// Those with jobs stay, and leave space for printers that are plugged in; of the others the one that was named
// longest ago is forgotten for the next.
TEST_F(Abuse, AddressesOfServersAreBounded)
{
    PrinterBox box{state.path(), {{"allow_addresses", {"127.0.0.0/8:9"}}}};
    const auto address = [](int i) { return Json{{"ip", "127.0.1." + std::to_string(i)}, {"port", 9}}; };
    const auto named = [&](int i) { return box.call("queue", {{"printer", address(i)}}).code(); };
    const auto known = [&] {
        std::set<std::string> out;
        const Json list = data_of(box.call("list", Json::object()));
        for (const Json& one : list["printers"]) out.insert(one["ip"].get<std::string>());
        return out;
    };
    for (int i = 0; i < 192; ++i) EXPECT_EQ(named(i), "");
    EXPECT_EQ(named(0), "");
    EXPECT_EQ(named(192), "");
    std::set<std::string> there = known();
    EXPECT_EQ(there.size(), 192U);
    EXPECT_TRUE(there.contains("127.0.1.0") && there.contains("127.0.1.192"));
    EXPECT_FALSE(there.contains("127.0.1.1"));
    for (const std::string& one : there) {
        Json print = job("waits\n");
        print["printer"] = {{"ip", one}, {"port", 9}};
        (void)box.begin("print", print, "t" + one);
    }
    ASSERT_TRUE(wait_for([&] { return waiting(box) == 192; }));
    EXPECT_EQ(named(1), "QUEUE_FULL");
    EXPECT_EQ(named(5), "");
}

TEST_F(Abuse, AServersReceiptLeavesNothingInAnothers)
{
    Habits silent;
    silent.answers_status = false;
    NetworkPrinter printer{silent};
    Json kitchen = device(printer, "Kitchen");
    kitchen["overrides"] = {{"confirmation", "none"}, {"realtime_status", false}};
    PrinterBox box{state.path(), {{"devices", {kitchen}}}};
    const auto print = [&](const std::string& server, const std::string& bytes) {
        const Json caller{{"server", server}, {"protocol", "print"}};
        const auto id = box.host().invoke("printer.print", job(bytes).dump(), {.caller = caller.dump()});
        ASSERT_TRUE(box.host().wait_reply(id, max_wait).ok());
    };
    print("a", "\x1b\x45\x31"
               "Bold");
    print("a", " and still bold\n");
    print("b", "plain\n");
    print("b", "plain\n");
    print("a", "a again\n");
    EXPECT_EQ(printer.received(), "\x1b\x45\x31"
                                  "Bold and still bold\n\x1b@plain\nplain\n\x1b@"
                                  "a again\n");
}

TEST_F(Abuse, OneServersJobsDoNotHideAnothers)
{
    NetworkPrinter printer{without_paper()};
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const auto of = [&](const std::string& server, const std::string& action, const Json& params,
                        const std::string& task) {
        const Json caller{{"server", server}, {"protocol", "print"}, {"task", task}};
        return box.host().invoke("printer." + action, params.dump(), {.caller = caller.dump()});
    };
    (void)of("mine", "print", job("mine\n"), "m1");
    for (int i = 0; i < 201; ++i) (void)of("other", "print", job("x"), "o" + std::to_string(i));
    EXPECT_TRUE(wait_for([&] {
        const Json reply = data_of(box.host().wait_reply(of("other", "queue", Json::object(), ""), max_wait));
        return reply["jobs"].size() == 200;
    }));
    const Json reply = data_of(box.host().wait_reply(of("mine", "queue", Json::object(), ""), max_wait));
    ASSERT_EQ(reply["jobs"].size(), 1u) << reply.dump();
    EXPECT_EQ(reply["jobs"][0]["task"], "m1");
}

} // namespace
} // namespace agenthost::test

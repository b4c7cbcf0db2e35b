// The printer plugin on usbcore, usblp, usbfs and udev, with printers that the same kernel plays.
#include "gadget.hpp"

#include "tests/integration/printer/box.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <grp.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

namespace agenthost::test {
namespace {

using ::testing::HasSubstr;

// Of all bytes but those that begin a command: a question would be answered, an image completed.
std::string receipt_of(std::size_t size, unsigned seed)
{
    std::string out = random_bytes(size, seed);
    for (const char begins : {'\x10', '\x1b', '\x1c', '\x1d'}) std::ranges::replace(out, begins, 'a');
    return out;
}

std::size_t count_of(const std::string& in, const std::string& what)
{
    std::size_t count = 0;
    for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + what.size())) ++count;
    return count;
}

class UsbGuest : public ::testing::Test {
protected:
    static Json device(const GadgetPrinter& printer, const std::string& alias,
                       Json overrides = Json::object())
    {
        return {{"alias", alias}, {"port", printer.port()}, {"overrides", std::move(overrides)}};
    }
    static Json config_of(const Json& devices) { return {{"usb", true}, {"devices", devices}}; }
    Json config(Json overrides = Json::object()) const
    {
        return config_of(Json::array({device(kitchen_, "Kitchen", std::move(overrides))}));
    }
    static Json job(const std::string& bytes, const std::string& printer = "Kitchen")
    {
        return {{"printer", printer}, {"data", base64_of(bytes)}, {"encoding", "base64"}};
    }
    static std::string outcome_of(const FakeReply& reply)
    {
        const Json data = data_of(reply);
        return (reply.ok() ? data : data.value("data", Json::object())).value("outcome", reply.json);
    }
    // printer_driver with tasks 1 to `count`, of 10,000 lines and more.
    Process driver(int count) const
    {
        return Process{{.argv = {(binary_dir() / "tests/printer_driver").string(), state_ / "driver",
                                 config().dump(), state_ / "sayings", std::to_string(count), "10000"}}};
    }
    static bool holds(const GadgetPrinter& printer)
    {
        return wait_for([&] { return printer.driver() == "usbfs"; });
    }
    static bool received(const GadgetPrinter& printer, std::size_t bytes)
    {
        return wait_for([&] { return printer.received().size() >= bytes; });
    }

    // "sent" is what the host side knows; the printer may read it a moment later.
    static bool arrives(const GadgetPrinter& printer, const std::string& what)
    {
        return wait_for([&] { return printer.received().find(what) != std::string::npos; });
    }

    TempDir state_;
    GadgetPrinter kitchen_{0};
};

TEST_F(UsbGuest, AReceiptArrivesByteForByteAndIsConfirmed)
{
    kitchen_.plug();
    PrinterBox box{state_.path(), config({{"confirmation", "process_id"}})};
    const std::string receipt = receipt_of(100'000, 1);
    const FakeReply reply = box.call("print", job(receipt), "t1");
    EXPECT_EQ(outcome_of(reply), "printed") << reply.json;
    std::string paper = kitchen_.received();
    const auto at = paper.find(receipt);
    ASSERT_NE(at, std::string::npos);
    paper.erase(at, receipt.size());
    // What is left are questions: DLE EOT n, GS ( H.
    EXPECT_LT(paper.size(), 64U);
    EXPECT_TRUE(paper.starts_with("\x10\x04"));
}

TEST_F(UsbGuest, UsblpIsDetachedAndGivenBack)
{
    kitchen_.plug();
    ASSERT_EQ(kitchen_.driver(), "usblp");
    {
        PrinterBox box{state_.path(), config()};
        kitchen_.read_up_to(1'000);
        const agh_req request = box.begin("print", job(receipt_of(100'000, 2)), "t1");
        ASSERT_TRUE(holds(kitchen_)) << kitchen_.driver();
        kitchen_.read_up_to(GadgetPrinter::everything);
        EXPECT_EQ(outcome_of(box.host().wait_reply(request, max_wait)), "sent");
    }
    EXPECT_EQ(kitchen_.driver(), "usblp");
    EXPECT_TRUE(std::filesystem::exists("/sys/class/usbmisc/lp0"));
}

TEST_F(UsbGuest, ThePackagesUdevRuleGivesThePrinterToLpAndKeepsItAwake)
{
    kitchen_.plug();
    struct stat node {};
    const auto ruled = [&] {
        const ::group* lp = ::getgrnam("lp");
        return lp != nullptr && ::stat(kitchen_.node().c_str(), &node) == 0 && node.st_gid == lp->gr_gid;
    };
    ASSERT_TRUE(wait_for(ruled));
    EXPECT_EQ(node.st_mode & 0777U, 0660U);
    EXPECT_TRUE(wait_for([&] { return read_file(kitchen_.sysfs() / "power/control") == "on\n"; }));
}

TEST_F(UsbGuest, AJobOfWholePacketsEndsWithAnEmptyOne)
{
    kitchen_.plug();
    // No question follows such a job, which would end it too.
    Json overrides{{"realtime_status", false}, {"confirmation", "none"}};
    const std::string receipt = receipt_of(3 * GadgetPrinter::packet, 3);
    {
        PrinterBox box{state_.path(), config(overrides)};
        EXPECT_EQ(outcome_of(box.call("print", job(receipt), "t1")), "sent");
        EXPECT_EQ(kitchen_.received(), "") << "this printer needs no end of a transfer: it proves nothing";
        EXPECT_EQ(outcome_of(box.call("print", job("next\n"), "t2")), "sent");
        EXPECT_TRUE(wait_for([&] { return kitchen_.received() == receipt + "next\n"; }));
    }
    overrides["zero_length_packet"] = true;
    PrinterBox box{state_.path(), config(overrides)};
    EXPECT_EQ(outcome_of(box.call("print", job(receipt), "t3")), "sent");
    EXPECT_TRUE(wait_for([&] { return kitchen_.received() == receipt + "next\n" + receipt; }));
}

TEST_F(UsbGuest, UnpluggedInMidJobIsUnknownAndNoFragmentIsPrintedAfterwards)
{
    kitchen_.plug();
    PrinterBox box{state_.path(), config()};
    for (int round = 1; round <= 5; ++round) {
        const std::string number = std::to_string(round);
        const std::size_t before = kitchen_.received().size();
        kitchen_.read_up_to(before + 7'000 * static_cast<std::size_t>(round));
        const agh_req request = box.begin("print", job(std::string(200'000, '#')), "torn" + number);
        ASSERT_TRUE(received(kitchen_, before + 7'000 * static_cast<std::size_t>(round)));
        kitchen_.unplug();
        const FakeReply reply = box.host().wait_reply(request, max_wait);
        EXPECT_EQ(reply.code(), "OUTCOME_UNKNOWN") << reply.json;
        EXPECT_EQ(outcome_of(reply), "unknown");
        const std::size_t torn = kitchen_.received().size();
        kitchen_.read_up_to(GadgetPrinter::everything);
        kitchen_.plug();
        EXPECT_EQ(outcome_of(box.call("print", job("next " + number + "\n"), "next" + number)), "sent");
        EXPECT_TRUE(arrives(kitchen_, "next " + number + "\n"));
        const std::string after = kitchen_.received().substr(torn);
        EXPECT_EQ(count_of(after, "#"), 0U);
        EXPECT_EQ(count_of(after, "next " + number + "\n"), 1U);
    }
}

// All threads but the test's own: how often they have waited.
std::uint64_t wake_ups()
{
    std::uint64_t sum = 0;
    for (const auto& thread : std::filesystem::directory_iterator{"/proc/self/task"}) {
        if (thread.path().filename() == std::to_string(::getpid())) continue;
        std::ifstream status{thread.path() / "status"};
        const std::string key = "voluntary_ctxt_switches:";
        for (std::string line; std::getline(status, line);)
            if (line.starts_with(key)) sum += std::stoull(line.substr(key.size()));
    }
    return sum;
}

std::vector<pid_t> udevd()
{
    std::vector<pid_t> out;
    std::istringstream pids{run({"busybox", "pidof", "systemd-udevd"}).out};
    for (pid_t pid = 0; pids >> pid;) out.push_back(pid);
    return out;
}

TEST_F(UsbGuest, APrinterIsFoundByTheUdevMonitorAndNothingPolls)
{
    kitchen_.plug();
    PrinterBox box{state_.path(), config()};
    kitchen_.unplug();
    const auto status_is = [&](const char* status) {
        const Json devices = box.devices();
        return devices.is_array() && devices.size() == 1 && devices[0].value("status", "") == status;
    };
    ASSERT_TRUE(wait_for([&] { return status_is("absent"); })) << box.devices();
    constexpr std::chrono::seconds a_poll{3};
    std::uint64_t before = wake_ups();
    EXPECT_TRUE(wait_for([&] { return std::exchange(before, wake_ups()) == before; }));
    EXPECT_FALSE(wait_for([&] { return wake_ups() != before; }, a_poll)) << "an idle agent woke up";
    const std::vector<pid_t> held = udevd();
    ASSERT_FALSE(held.empty());
    for (const pid_t pid : held) ::kill(pid, SIGSTOP);
    kitchen_.plug();
    EXPECT_FALSE(wait_for([&] { return !status_is("absent"); }, a_poll)) << "found without udev";
    for (const pid_t pid : held) ::kill(pid, SIGCONT);
    EXPECT_TRUE(wait_for([&] { return status_is("ready"); })) << box.devices();
    kitchen_.unplug();
    EXPECT_TRUE(wait_for([&] { return status_is("absent"); })) << box.devices();
}

TEST_F(UsbGuest, BusyNamesTheProcessThatHasClaimedTheInterface)
{
    kitchen_.plug();
    std::filesystem::create_directory(state_ / "driver");
    kitchen_.read_up_to(1'000);
    Process holder = driver(1);
    ASSERT_TRUE(received(kitchen_, 1'000)) << holder.err();
    ASSERT_EQ(kitchen_.driver(), "usbfs");
    std::filesystem::create_directory(state_ / "box");
    PrinterBox box{state_ / "box", config()};
    const agh_req request = box.begin("print", job("mine\n"), "t1");
    EXPECT_TRUE(wait_for([&] {
        return box.host().health().text.find("held by printer_driver (pid " + std::to_string(holder.pid()) +
                                             ")") != std::string::npos;
    })) << box.host().health().text;
    EXPECT_THAT(box.call("status", {{"printer", "Kitchen"}}).json, HasSubstr("busy"));
    kitchen_.read_up_to(GadgetPrinter::everything);
    EXPECT_EQ(holder.wait(), 0) << holder.err();
    EXPECT_EQ(outcome_of(box.host().wait_reply(request, max_wait)), "sent");
    EXPECT_TRUE(arrives(kitchen_, "mine\n"));
    EXPECT_EQ(count_of(kitchen_.received(), "receipt 1\n"), 1U);
    EXPECT_EQ(count_of(kitchen_.received(), "mine\n"), 1U);
}

TEST_F(UsbGuest, KilledInMidJobAndStartedAgainPrintsNoSecondReceipt)
{
    kitchen_.plug();
    std::filesystem::create_directory(state_ / "driver");
    kitchen_.read_up_to(20'000);
    Process killed = driver(3);
    ASSERT_TRUE(received(kitchen_, 20'000)) << killed.err();
    killed.signal(SIGKILL);
    EXPECT_EQ(killed.wait(), 128 + SIGKILL);
    kitchen_.read_up_to(GadgetPrinter::everything);
    Process again = driver(3);
    ASSERT_EQ(again.wait(), 0) << again.err();
    EXPECT_EQ(read_file(state_ / "sayings"), "1 unknown\n2 sent\n3 sent\n");
    EXPECT_TRUE(arrives(kitchen_, "line 29999\n"));
    const std::string paper = kitchen_.received();
    for (int task = 1; task <= 3; ++task)
        EXPECT_EQ(count_of(paper, "receipt " + std::to_string(task) + "\n"), 1U) << task;
    EXPECT_EQ(count_of(paper, "line 9999\n"), 2U) << "the rest of receipt 1 was printed";
}

TEST_F(UsbGuest, TwoPrintersOfOneModelAreToldApartByTheirPorts)
{
    GadgetPrinter bar{1};
    ASSERT_NE(kitchen_.port(), bar.port());
    PrinterBox box{state_.path(), config_of(Json::array({device(kitchen_, "Kitchen"), device(bar, "Bar")}))};
    for (const bool kitchen_first : {true, false}) {
        const std::string order = kitchen_first ? " in order\n" : " in reverse\n";
        (kitchen_first ? kitchen_ : bar).plug();
        (kitchen_first ? bar : kitchen_).plug();
        ASSERT_TRUE(box.wait_devices(2)) << box.devices();
        EXPECT_EQ(outcome_of(box.call("print", job("soup" + order, "Kitchen"), "soup" + order)), "sent");
        EXPECT_EQ(outcome_of(box.call("print", job("beer" + order, "Bar"), "beer" + order)), "sent");
        EXPECT_TRUE(arrives(kitchen_, "soup" + order));
        EXPECT_TRUE(arrives(bar, "beer" + order));
        EXPECT_EQ(count_of(kitchen_.received(), "beer") + count_of(bar.received(), "soup"), 0U);
        const Json list = data_of(box.call("list", Json::object()))["printers"];
        ASSERT_EQ(list.size(), 2U) << list;
        // The one that came first, alone, keeps the name by its serial number.
        EXPECT_EQ(list[0].value("serial", ""), list[1].value("serial", "."));
        EXPECT_NE(list[0].value("name", ""), list[1].value("name", ""));
        bar.unplug();
        kitchen_.unplug();
    }
}

} // namespace
} // namespace agenthost::test

// A USB printer and a network printer side by side, from the hub's REST API and command line to paper, over the print protocol.
#include "shop.hpp"

#include <gtest/gtest.h>

using namespace agenthost::test;
using nlohmann::json;

namespace {

class SideBySide : public ::testing::Test {
protected:
    SideBySide() { shop_.start_agent(); }
    ~SideBySide() override
    {
        if (HasFatalFailure() || !shop_.agent().running()) return;
        EXPECT_EQ(shop_.agent().stop(), 0) << shop_.agent().log();
    }
    std::string outcome(const std::string& id) { return shop_.ended(id).value("outcome", ""); }

    Shop shop_;
};

TEST_F(SideBySide, RestPrintsOnEach)
{
    EXPECT_EQ(outcome(shop_.print({{"text", "Soup\n"}, {"printer", "Kitchen"}})), "printed");
    EXPECT_EQ(outcome(shop_.print({{"text", "Beer\n"}, {"printer", "Bar"}})), "sent");
    EXPECT_EQ(outcome(shop_.print({{"text", "Bread\n"}})), "printed") << "the default printer is Kitchen";
    EXPECT_EQ(outcome(shop_.print({{"text", "Pie\n"}, {"printer", "0fe6:811e"}})), "printed");
    EXPECT_EQ(outcome(shop_.print({{"text", "Ale\n"}, {"printer", shop_.bar.address()}})), "sent");
    const std::string kitchen = shop_.kitchen_paper(), bar = shop_.bar.received();
    for (const char* food : {"Soup", "Bread", "Pie"}) EXPECT_EQ(count_of(kitchen, food), 1U) << food;
    for (const char* drink : {"Beer", "Ale"}) EXPECT_EQ(count_of(bar, drink), 1U) << drink;
    EXPECT_EQ(count_of(bar, "Soup") + count_of(kitchen, "Beer"), 0U);
}

TEST_F(SideBySide, BigJobsInBinaryFramesArriveUnchanged)
{
    std::string job = random_bytes(100'000, 7);
    std::replace(job.begin(), job.end(), '\x10', 'a');
    std::replace(job.begin(), job.end(), '\x1d', 'b');
    TempDir dir;
    write_file(dir / "job", job);
    for (const char* name : {"Kitchen", "Bar"}) {
        const Ran ran =
            shop_.hub_print({"file", "shop-1", (dir / "job").string(), "--raw", "--printer", name});
        EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    }
    EXPECT_NE(shop_.kitchen_paper().find(job), std::string::npos);
    EXPECT_NE(shop_.bar.received().find(job), std::string::npos);
}

TEST_F(SideBySide, TheCommandLineOfTheHubPrintsOnEach)
{
    const Ran soup = shop_.hub_print({"text", "shop-1", "Soup", "--printer", "Kitchen"});
    EXPECT_EQ(soup.code, 0) << soup.err;
    EXPECT_NE(soup.out.find(": printed"), std::string::npos) << soup.out;
    const Ran beer = shop_.hub_print({"text", "shop-1", "Beer", "--printer", "Bar"});
    EXPECT_EQ(beer.code, 0) << beer.err;
    EXPECT_NE(beer.out.find(": sent"), std::string::npos) << beer.out;
    EXPECT_EQ(count_of(shop_.kitchen_paper(), "Soup"), 1U);
    EXPECT_EQ(count_of(shop_.bar.received(), "Beer"), 1U);
    const Ran list = shop_.hub_print({"list", "shop-1"});
    EXPECT_NE(list.out.find("0fe6:811e"), std::string::npos) << list.out;
    EXPECT_NE(list.out.find(shop_.bar.address()), std::string::npos) << list.out;
    const Ran nobody = shop_.hub_print({"text", "shop-1", "Soup", "--printer", "Cellar"});
    EXPECT_NE(nobody.code, 0);
    EXPECT_NE(nobody.err.find("it has Bar, Kitchen"), std::string::npos) << nobody.err;
}

TEST_F(SideBySide, ATaskIsPrintedOnceHoweverOftenItIsSent)
{
    for (const char* printer : {"Kitchen", "Bar"}) {
        const std::string text = std::string{"once at "} + printer, key = std::string{"order-"} + printer;
        const auto send = [&](const std::string& what) {
            return shop_.hub_print({"text", "shop-1", what, "--printer", printer, "--key", key, "--json"});
        };
        const json first = json::parse(send(text).out);
        const json second = json::parse(send(text).out);
        EXPECT_EQ(first.at("id"), second.at("id"));
        EXPECT_NE(send("other").code, 0);
        // The hub sends it again to an agent that was killed after it had printed.
        const json again = json::parse(shop_.agent().call("printer.queue", R"({"all":true})").out);
        EXPECT_FALSE(again.at("jobs").empty());
    }
    shop_.kill_agent();
    shop_.start_agent();
    EXPECT_EQ(count_of(shop_.kitchen_paper(), "once at Kitchen"), 1U);
    EXPECT_EQ(count_of(shop_.bar.received(), "once at Bar"), 1U);
}

TEST_F(SideBySide, EveryActionWorksThroughTheHub)
{
    for (const char* printer : {"Kitchen", "Bar"}) {
        const json named{{"printer", {{"alias", printer}}}};
        for (const char* action : {"printer.test", "task_drawer", "printer.cut"}) {
            const json done = shop_.command(action, named);
            EXPECT_EQ(done.value("status", ""), "success") << action << ": " << done;
        }
        const json status = shop_.command("printer.status", named);
        EXPECT_EQ(status["data"].value("status", ""), "ready") << status;
        EXPECT_EQ(status["data"].value("alias", ""), printer) << status;
        const json jobs =
            shop_.command("printer.queue", {{"printer", printer}, {"all", true}})["data"]["jobs"];
        EXPECT_EQ(jobs.size(), 3U) << jobs;
        EXPECT_TRUE(wait_for([&] { return shop_.printer(printer).contains("lastTest"); }));
        EXPECT_EQ(shop_.printer(printer)["lastTest"].value("status", ""), "success");
    }
    const json list = shop_.command("task_list")["data"]["printers"];
    EXPECT_EQ(list.size(), 2U) << list;
    const std::string drawer{"\x1bp"}, cut{"\x1dV"};
    for (const std::string& paper : {shop_.kitchen_paper(), shop_.bar.received()}) {
        EXPECT_NE(paper.find(drawer), std::string::npos);
        EXPECT_NE(paper.find(cut), std::string::npos);
    }
}

TEST_F(SideBySide, AnIdlePrinterIsAskedHowItIs)
{
    EXPECT_EQ(shop_.command("printer.status", {{"printer", "Kitchen"}})["data"].value("status", ""), "ready");
    shop_.usb.command("paper_out kitchen 1");
    json status;
    EXPECT_TRUE(wait_for([&] {
        status = shop_.command("printer.status", {{"printer", "Kitchen"}})["data"];
        return status.value("status", "") == "paper_out";
    })) << status;
    EXPECT_TRUE(status.contains("checkedAt")) << status;
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "paper_out")) << "the hub knows it, too";
    shop_.usb.command("paper_out kitchen 0");
    EXPECT_EQ(outcome(shop_.print({{"text", "Soup\n"}, {"printer", "Kitchen"}})), "printed");
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "ready"));
    EXPECT_EQ(count_of(shop_.kitchen_paper(), "Soup"), 1U);
}

TEST_F(SideBySide, AReprintIsANewTaskMarkedCopy)
{
    for (const char* printer : {"Kitchen", "Bar"}) {
        const std::string id = shop_.print({{"text", "Total 12\n"}, {"printer", printer}});
        (void)shop_.ended(id);
        const auto again = shop_.hub.request("POST", "/api/agent-tasks/" + id + "/reprint");
        ASSERT_EQ(again.status, 202) << again.body;
        EXPECT_EQ(again.json.value("copyOf", ""), id);
        EXPECT_EQ(shop_.ended(again.json.at("id")).value("status", ""), "success");
        const Ran third = shop_.hub_print({"reprint", id});
        EXPECT_EQ(third.code, 0) << third.out << third.err;
        EXPECT_EQ(shop_.hub.request("GET", "/api/agent-tasks/" + id + "/receipt.png").status, 200);
    }
    for (const std::string& paper : {shop_.kitchen_paper(), shop_.bar.received()}) {
        EXPECT_EQ(count_of(paper, "Total 12"), 3U);
        EXPECT_EQ(count_of(paper, "COPY"), 2U);
    }
}

TEST_F(SideBySide, SettingsAreKeptAndConfirmed)
{
    const json updates{{"defaultPrinter", {{"alias", "Bar"}}},
                       {"printers",
                        {{{"printer", {{"vendorId", 0x0fe6}, {"productId", 0x811e}}},
                          {"alias", "Grill"},
                          {"role", "meat"}}}}};
    const auto answer = shop_.hub.request(
        "POST", "/api/agent-tasks",
        json{{"shopId", "shop-1"}, {"command", "config"}, {"payload", {{"updates", updates}}}}.dump());
    ASSERT_EQ(answer.status, 202) << answer.body;
    const std::string id = answer.json.at("id");
    EXPECT_EQ(shop_.ended(id).value("status", ""), "success");
    EXPECT_TRUE(wait_for([&] { return shop_.task(id).contains("confirmedAt"); })) << shop_.task(id);
    EXPECT_TRUE(shop_.printer_says("Grill", "role", "meat"));
    EXPECT_TRUE(shop_.printer_says("Bar", "isDefault", true));
    EXPECT_EQ(shop_.printer("Grill").value("isDefault", true), false);
    EXPECT_EQ(outcome(shop_.print({{"text", "Ale\n"}})), "sent");
    EXPECT_EQ(outcome(shop_.print({{"text", "Steak\n"}, {"printer", "meat"}})), "printed");
    EXPECT_EQ(count_of(shop_.kitchen_paper(), "Steak"), 1U);
}

TEST_F(SideBySide, AJobWithoutPaperWaitsWithItsReasonAndGoesOnAtTheSameByte)
{
    std::string job = random_bytes(40'000, 3);
    std::replace(job.begin(), job.end(), '\x10', 'a');
    std::replace(job.begin(), job.end(), '\x1d', 'b');
    shop_.usb.command("buffer kitchen 512");
    shop_.usb.command("nak_at kitchen 15000");
    TempDir dir;
    write_file(dir / "job", job);
    const Ran ran = shop_.hub_print({"file", "shop-1", (dir / "job").string(), "--raw", "--printer",
                                     "Kitchen", "--timeout", "0", "--json"});
    const std::string id = json::parse(ran.out).at("id");
    ASSERT_TRUE(wait_for([&] { return shop_.usb.taken("kitchen").size() == 15'000; })) << shop_.agent().log();
    shop_.usb.command("paper_out kitchen 1");
    shop_.usb.command("nak_at kitchen -1");
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "paper_out"));
    EXPECT_NE(shop_.printer("Kitchen").value("reason", "").find("Insert a roll"), std::string::npos);
    EXPECT_EQ(shop_.printer("Kitchen").value("queued", 0), 1);
    EXPECT_FALSE(shop_.task(id).contains("outcome"));
    EXPECT_EQ(outcome(shop_.print({{"text", "Beer\n"}, {"printer", "Bar"}})), "sent")
        << "one printer keeps the other from printing";
    shop_.usb.command("paper_out kitchen 0");
    EXPECT_EQ(outcome(id), "printed");
    EXPECT_EQ(count_of(shop_.kitchen_paper(), job), 1U);
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "ready"));
}

TEST_F(SideBySide, AQueuedJobWaitsForItsPrinterToBePluggedInAgain)
{
    EXPECT_EQ(outcome(shop_.print({{"text", "before\n"}, {"printer", "Kitchen"}})), "printed");
    shop_.usb.command("unplug kitchen");
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "absent"));
    const std::string first = shop_.print({{"text", "first\n"}, {"printer", "Kitchen"}});
    const std::string second = shop_.print({{"text", "second\n"}, {"printer", "Kitchen"}});
    EXPECT_TRUE(shop_.printer_says("Kitchen", "queued", 2));
    EXPECT_NE(shop_.printer("Kitchen").value("reason", "").find("not plugged in"), std::string::npos);
    EXPECT_EQ(outcome(shop_.print({{"text", "Beer\n"}, {"printer", "Bar"}})), "sent");
    shop_.usb.command("plug kitchen");
    EXPECT_EQ(outcome(first), "printed");
    EXPECT_EQ(outcome(second), "printed");
    const std::string paper = shop_.kitchen_paper();
    EXPECT_EQ(count_of(paper, "first"), 1U);
    EXPECT_LT(paper.find("first"), paper.find("second"));
}

TEST_F(SideBySide, APrinterThatWasUnpluggedInTheMiddleOfAJobLeavesItsOutcomeUnknown)
{
    shop_.usb.command("rate kitchen 20000");
    shop_.usb.command("unplug_at kitchen 10000");
    const std::string id =
        shop_.print({{"text", "long\n" + std::string(40'000, 'x')}, {"printer", "Kitchen"}});
    EXPECT_TRUE(wait_for([&] { return !shop_.usb.state("kitchen").value("plugged", true); }));
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "absent"));
    shop_.usb.command("unplug_at kitchen -1");
    shop_.usb.command("rate kitchen 0");
    shop_.usb.command("plug kitchen");
    EXPECT_EQ(outcome(id), "unknown") << shop_.task(id);
    EXPECT_EQ(outcome(shop_.print({{"text", "next\n"}, {"printer", "Kitchen"}})), "printed");
    const std::string paper = shop_.kitchen_paper();
    EXPECT_EQ(count_of(paper, "long"), 1U);
    EXPECT_EQ(count_of(paper, "next"), 1U);
}

TEST_F(SideBySide, ACancelledTaskIsNotPrinted)
{
    shop_.usb.command("paper_out kitchen 1");
    const std::string id = shop_.print({{"text", "Soup\n"}, {"printer", "Kitchen"}});
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "paper_out"));
    const json done = shop_.command("printer.cancel", {{"task", id}});
    EXPECT_EQ(done.value("status", ""), "success") << done;
    EXPECT_EQ(outcome(id), "failed");
    EXPECT_EQ(shop_.task(id)["error"].value("code", ""), "CANCELLED") << shop_.task(id);
    shop_.usb.command("paper_out kitchen 0");
    EXPECT_EQ(outcome(shop_.print({{"text", "Bread\n"}, {"printer", "Kitchen"}})), "printed");
    EXPECT_EQ(count_of(shop_.kitchen_paper(), "Soup"), 0U);
}

TEST_F(SideBySide, TheLastErrorIsShownByTheHub)
{
    shop_.usb.command("nak_at kitchen 10000");
    const std::string id = shop_.print({{"text", std::string(40'000, 'x')}, {"printer", "Kitchen"}});
    ASSERT_TRUE(wait_for([&] { return shop_.usb.taken("kitchen").size() == 10'000; })) << shop_.agent().log();
    EXPECT_EQ(shop_.command("printer.cancel", {{"task", id}}).value("status", ""), "success");
    EXPECT_EQ(outcome(id), "unknown");
    EXPECT_TRUE(wait_for([&] { return shop_.printer("Kitchen").contains("lastError"); }));
    EXPECT_EQ(shop_.printer("Kitchen")["lastError"].value("code", ""), "OUTCOME_UNKNOWN");
    const Ran list = shop_.hub_print({"list", "shop-1"});
    EXPECT_NE(list.out.find("OUTCOME_UNKNOWN"), std::string::npos) << list.out;
    const Ran shown = shop_.hub_print({"task", id});
    EXPECT_EQ(shown.code, 3) << shown.out << shown.err;
}

TEST_F(SideBySide, OutcomesSumUpAfterAKillInTheMiddleOfTheQueues)
{
    shop_.usb.command("rate kitchen 20000");
    std::vector<std::string> tasks;
    for (int i = 0; i < 8; ++i) {
        const std::string line = "receipt " + std::to_string(i) + ".\n";
        tasks.push_back(shop_.print(
            {{"text", line + std::string(4'000, 'x') + "\n"}, {"printer", i % 2 == 0 ? "Kitchen" : "Bar"}}));
    }
    ASSERT_TRUE(wait_for([&] { return shop_.usb.taken("kitchen").size() > 5'000; })) << shop_.agent().log();
    shop_.kill_agent();
    shop_.start_agent();
    std::map<std::string, int> sums;
    for (int i = 0; i < 8; ++i) {
        const std::string said = outcome(tasks[static_cast<std::size_t>(i)]);
        ++sums[said];
        const std::string paper = i % 2 == 0 ? shop_.kitchen_paper() : shop_.bar.received();
        const auto found = count_of(paper, "receipt " + std::to_string(i) + ".");
        EXPECT_LE(found, 1U) << i;
        if (said == "printed" || said == "sent") {
            EXPECT_EQ(found, 1U) << i;
        }
        if (said == "failed") {
            EXPECT_EQ(found, 0U) << i;
        }
    }
    EXPECT_EQ(sums["printed"] + sums["sent"] + sums["failed"] + sums["unknown"], 8);
    EXPECT_LE(sums["unknown"], 2) << "one at each printer was begun";
    EXPECT_EQ(sums["failed"], 0);
    const json left = json::parse(shop_.agent().call("printer.queue", "{}").out);
    EXPECT_TRUE(left.at("jobs").empty()) << left;
}

TEST_F(SideBySide, AStopOfTheAgentLeavesQueuedJobsToItsNextStart)
{
    shop_.usb.command("paper_out kitchen 1");
    const std::string held = shop_.print({{"text", "held\n"}, {"printer", "Kitchen"}});
    const std::string queued = shop_.print({{"text", "queued\n"}, {"printer", "Kitchen"}});
    EXPECT_TRUE(shop_.printer_says("Kitchen", "queued", 2));
    EXPECT_EQ(shop_.agent().stop(), 0) << shop_.agent().log();
    EXPECT_FALSE(shop_.task(held).contains("outcome")) << shop_.task(held);
    shop_.usb.command("paper_out kitchen 0");
    shop_.start_agent();
    EXPECT_EQ(outcome(held), "printed") << shop_.task(held) << shop_.agent().log();
    EXPECT_EQ(outcome(queued), "printed") << shop_.task(queued) << shop_.agent().log();
    const std::string paper = shop_.kitchen_paper();
    EXPECT_EQ(count_of(paper, "held") + count_of(paper, "queued"), 2U);
}

TEST_F(SideBySide, ATaskIsPendingAfterADisconnectAndIsPrintedWhenTheAgentIsBack)
{
    shop_.usb.command("paper_out kitchen 1");
    const std::string held = shop_.print({{"text", "held\n"}, {"printer", "Kitchen"}});
    EXPECT_TRUE(shop_.printer_says("Kitchen", "status", "paper_out"));
    shop_.kill_agent();
    EXPECT_TRUE(wait_for([&] { return shop_.task(held).value("status", "") == "pending"; }))
        << shop_.task(held);
    const std::string late = shop_.print({{"text", "late\n"}, {"printer", "Bar"}});
    EXPECT_EQ(shop_.task(late).value("status", ""), "pending");
    shop_.usb.command("paper_out kitchen 0");
    shop_.start_agent();
    EXPECT_EQ(outcome(held), "printed") << shop_.task(held) << shop_.agent().log();
    EXPECT_EQ(outcome(late), "sent");
    EXPECT_EQ(count_of(shop_.kitchen_paper(), "held"), 1U);
    EXPECT_EQ(count_of(shop_.bar.received(), "late"), 1U);
}

} // namespace

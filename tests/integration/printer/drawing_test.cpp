// What takes long to draw delays neither another request nor another server, and changes no order.
#include "../../support/network_printer.hpp"
#include "box.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace agenthost::test {
namespace {

class Drawings : public ::testing::Test {
protected:
    static Json device(const NetworkPrinter& printer, const std::string& alias)
    {
        return {{"alias", alias}, {"address", printer.address()}};
    }
    // Takes a tenth of a second and more.
    static std::string long_text()
    {
        std::string out;
        for (int line = 0; line < 8'000; ++line) out += "Article " + std::to_string(line) + "      12.34\n";
        return out;
    }
    agh_req ask(PrinterBox& box, const std::string& server, const std::string& action, const Json& params,
                const std::string& task = {})
    {
        Json caller{{"server", server}, {"protocol", "print"}};
        if (!task.empty()) caller["task"] = task;
        return box.host().invoke("printer." + action, params.dump(), {.caller = caller.dump()});
    }

    TempDir state;
    NetworkPrinter printer{{}};
};

TEST_F(Drawings, DelayNoOtherRequest)
{
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const Json preview{{"data", base64_of(long_text())}};
    std::vector<agh_req> previews;
    for (int i = 0; i < 16; ++i) previews.push_back(ask(box, "shop", "render", preview));
    const Json print{{"printer", "Kitchen"}, {"data", base64_of("now\n")}};
    EXPECT_TRUE(box.host().wait_reply(ask(box, "shop", "print", print, "t1"), max_wait).ok());
    EXPECT_TRUE(box.host().wait_reply(ask(box, "shop", "status", {{"printer", "Kitchen"}}), max_wait).ok());
    EXPECT_FALSE(box.host().reply(previews.back())) << "what came after it was answered first";
    for (const agh_req one : previews) EXPECT_TRUE(box.host().wait_reply(one, max_wait).ok());
}

TEST_F(Drawings, KeepTheOrderOfAServersJobs)
{
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const std::string text = "drawn first " + std::string(200'000, '.');
    const std::vector<agh_req> jobs{
        ask(box, "shop", "print", {{"printer", "Kitchen"}, {"text", text}}, "t1"),
        ask(box, "shop", "print", {{"printer", "Kitchen"}, {"data", base64_of("second\n")}}, "t2"),
        ask(box, "shop", "print", {{"printer", "Kitchen"}, {"text", "third"}}, "t3"),
        ask(box, "shop", "print", {{"printer", "Kitchen"}, {"data", base64_of("fourth\n")}}, "t4")};
    for (const agh_req one : jobs) ASSERT_TRUE(box.host().wait_reply(one, max_wait).ok());
    const std::string paper = printer.received();
    std::vector<std::size_t> places;
    for (const char* word : {"drawn first", "second", "third", "fourth"}) places.push_back(paper.find(word));
    EXPECT_TRUE(std::ranges::is_sorted(places)) << Json(places);
    EXPECT_NE(places.back(), std::string::npos);
}

TEST_F(Drawings, ACancellationFindsTheJobThatIsBeingDrawn)
{
    NetworkPrinter::Habits habits;
    habits.paper_out = true;
    printer.set(habits);
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const agh_req job = ask(box, "shop", "print", {{"printer", "Kitchen"}, {"text", long_text()}}, "t1");
    const auto cancelled = box.host().wait_reply(ask(box, "shop", "cancel", {{"task", "t1"}}), max_wait);
    EXPECT_TRUE(cancelled.ok()) << cancelled.json;
    EXPECT_FALSE(box.host().wait_reply(job, max_wait).ok());
}

TEST_F(Drawings, PreviewsAreBoundedAndShared)
{
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    const Json preview{{"data", base64_of(long_text())}};
    std::vector<agh_req> all;
    for (int i = 0; i < 60; ++i) all.push_back(ask(box, "greedy", "render", preview));
    const agh_req modest = ask(box, "modest", "render", {{"data", base64_of("short\n")}});
    EXPECT_TRUE(box.host().wait_reply(modest, max_wait).ok());
    const Json text{{"printer", "Kitchen"}, {"text", "is printed all the same"}};
    EXPECT_TRUE(box.host().wait_reply(ask(box, "greedy", "print", text, "t1"), max_wait).ok());
    std::size_t busy = 0;
    for (const agh_req one : all) busy += box.host().wait_reply(one, max_wait).code() == "BUSY" ? 1 : 0;
    EXPECT_GT(busy, 0U);
    EXPECT_LT(busy, all.size());
}

TEST_F(Drawings, ABurstOfTextsIsBoundedByTheQueueOnly)
{
    NetworkPrinter::Habits habits;
    habits.paper_out = true;
    printer.set(habits);
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}, {"queue_jobs", 80}}};
    std::vector<agh_req> jobs;
    for (int i = 0; i < 100; ++i)
        jobs.push_back(
            ask(box, "shop", "print", {{"printer", "Kitchen"}, {"text", "a text"}}, "t" + std::to_string(i)));
    EXPECT_EQ(box.host().wait_reply(jobs.back(), max_wait).code(), "QUEUE_FULL");
    const auto waiting = [&] {
        return data_of(box.host().wait_reply(ask(box, "shop", "queue", Json::object()), max_wait))["jobs"]
            .size();
    };
    // Seven eighths of the queue, and one at the printer if it had the first before the queue was full.
    EXPECT_TRUE(wait_for([&] { return waiting() >= 70; }));
    EXPECT_LE(waiting(), 71U);
}

TEST_F(Drawings, AreAnsweredWhenThePluginStops)
{
    PrinterBox box{state.path(), {{"devices", {device(printer, "Kitchen")}}}};
    std::vector<agh_req> all;
    for (int i = 0; i < 8; ++i) {
        const Json text{{"printer", "Kitchen"}, {"text", long_text()}};
        all.push_back(ask(box, "shop", "render", {{"data", base64_of(long_text())}}));
        all.push_back(ask(box, "shop", "print", text, "t" + std::to_string(i)));
    }
    EXPECT_TRUE(box.host().drain());
    box.host().destroy();
    for (const agh_req one : all) {
        const auto reply = box.host().wait_reply(one, max_wait);
        EXPECT_TRUE(reply.ok() || reply.code() == "BUSY" || reply.code() == "INTERRUPTED") << reply.code();
    }
}

} // namespace
} // namespace agenthost::test

// Who waits, what they are told, who is next.
#include "rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::test;
using namespace std::chrono_literals;

namespace {

struct Busy : Rig { // one command runs until release()
    explicit Busy(Json config = Json::object())
        : Rig{[&] {
              config["concurrency"] = 1;
              return config;
          }()}
    {
        first = start({{"commandId", "first"}, {"argv", {"cat"}}, {"input", true}});
        wait_for([&] { return running("first"); });
    }
    void release()
    {
        call("input", {{"commandId", "first"}, {"eof", true}});
        finish(first);
    }
    Json last_queue(const std::string& server = "test")
    {
        Json last;
        for (const auto& event : host().events())
            if (event.topic == "terminal.command_queue" && event.audience == server)
                last = Json::parse(event.json).at("queue");
        return last;
    }
    bool said(agh_req id, const Json& part)
    {
        return wait_for([&] {
            for (const auto& text : host().progress(id)) {
                const Json progress = Json::parse(text);
                bool all = true;
                for (const auto& [key, value] : part.items())
                    all = all && progress.contains(key) && progress[key] == value;
                if (all) return true;
            }
            return false;
        });
    }
    agh_req first;
};

TEST(TerminalQueue, StartsWithTheSizeSetWhileItWaited)
{
    Busy busy;
    const auto id = busy.start(
        {{"commandId", "second"}, {"command", "stty size"}, {"pty", {{"cols", 80}, {"rows", 24}}}});
    ASSERT_TRUE(busy.said(id, {{"status", "queued"}}));
    EXPECT_TRUE(busy.call("resize", {{"commandId", "second"}, {"cols", 132}, {"rows", 43}}).ok());
    busy.release();
    EXPECT_EQ(busy.finish(id).out, "43 132\r\n");
}

TEST(TerminalQueue, ReportsPositionsAndThenRunning)
{
    Busy rig;
    const auto second = rig.start({{"commandId", "second"}, {"argv", {"true"}}});
    EXPECT_TRUE(rig.said(second, {{"status", "queued"}, {"position", 1}, {"commandId", "second"}}));
    const auto urgent = rig.start({{"commandId", "urgent"}, {"argv", {"true"}}, {"priority", "urgent"}});
    EXPECT_TRUE(rig.said(urgent, {{"status", "queued"}, {"position", 1}}));
    EXPECT_TRUE(rig.said(second, {{"status", "queued"}, {"position", 2}})); // it was overtaken, and hears so
    rig.release();
    EXPECT_EQ(rig.finish(urgent).exit_code(), 0);
    EXPECT_EQ(rig.finish(second).exit_code(), 0);
    EXPECT_TRUE(rig.said(second, {{"status", "running"}, {"commandId", "second"}}));
}

TEST(TerminalQueue, ReportsQueuedAndRunningForACommandThatStartsAtOnce)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "only"}, {"argv", {"true"}}});
    EXPECT_EQ(rig.finish(id).exit_code(), 0);
    const auto said = rig.host().progress(id);
    ASSERT_EQ(said.size(), 2u);
    EXPECT_EQ(Json::parse(said[0]), (Json{{"status", "queued"}, {"commandId", "only"}}));
    EXPECT_EQ(Json::parse(said[1]), (Json{{"status", "running"}, {"commandId", "only"}}));
}

TEST(TerminalQueue, ServesByPriority)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0777));
    Busy rig;
    std::vector<agh_req> ids;
    for (const char* word : {"low", "normal", "high", "urgent"})
        ids.push_back(rig.start({{"command", std::string{"echo "} + word + " >> " + (dir / "order").string()},
                                 {"priority", word}}));
    rig.release();
    for (const auto id : ids) EXPECT_EQ(rig.finish(id).exit_code(), 0);
    EXPECT_EQ(read_file(dir / "order"), "urgent\nhigh\nnormal\nlow\n");
}

TEST(TerminalQueue, EmitsChangesToTheServersConcerned)
{
    Busy rig;
    const auto second = rig.start({{"commandId", "s"}, {"argv", {"true"}}, {"priority", "high"}});
    // Its first command runs although the only slot is taken; its second one waits.
    const auto holds = rig.start({{"commandId", "h"}, {"argv", {"cat"}}, {"input", true}}, "elsewhere");
    EXPECT_TRUE(wait_for([&] { return rig.running("h", "elsewhere"); }));
    const auto other = rig.start({{"commandId", "o"}, {"argv", {"true"}}}, "elsewhere");
    EXPECT_TRUE(wait_for([&] {
        return rig.last_queue() == Json{{{"commandId", "s"}, {"position", 1}, {"priority", "high"}}};
    }));
    EXPECT_TRUE(wait_for([&] {
        return rig.last_queue("elsewhere") ==
               Json{{{"commandId", "o"}, {"position", 2}, {"priority", "normal"}}};
    }));
    rig.release();
    rig.call("input", {{"commandId", "h"}, {"eof", true}}, "elsewhere");
    rig.finish(holds);
    rig.finish(second);
    rig.finish(other);
    EXPECT_TRUE(wait_for(
        [&] { return rig.last_queue() == Json::array() && rig.last_queue("elsewhere") == Json::array(); }));
}

TEST(TerminalQueue, RefusesCommandsWhenItIsFull)
{
    Busy rig{{{"queue", 2}}};
    const auto a = rig.start({{"argv", {"true"}}}), b = rig.start({{"argv", {"true"}}});
    const auto full = rig.run({{"argv", {"true"}}, {"priority", "urgent"}});
    EXPECT_EQ(full.reason(), "QUEUE_FULL");
    EXPECT_EQ(full.reply.flags, AGH_REPLY_NOT_STARTED);
    rig.release();
    EXPECT_EQ(rig.finish(a).exit_code(), 0);
    EXPECT_EQ(rig.finish(b).exit_code(), 0);
}

TEST(TerminalQueue, ServesAServerWhileAnotherFillsSlotsAndQueue)
{
    Busy rig{{{"queue", 8}}};
    std::vector<agh_req> greedy;
    for (int i = 0; i < 8; ++i) greedy.push_back(rig.start({{"argv", {"true"}}, {"priority", "urgent"}}));
    EXPECT_EQ(rig.run({{"argv", {"true"}}}).reason(), "QUEUE_FULL");
    EXPECT_EQ(rig.finish(rig.start({{"argv", {"true"}}, {"priority", "low"}}, "modest")).exit_code(), 0);
    rig.release();
    for (const auto id : greedy) EXPECT_EQ(rig.finish(id).exit_code(), 0);
}

TEST(TerminalQueue, RefusesAtOnceWithoutAQueue)
{
    Busy rig{{{"queue", 0}}};
    EXPECT_EQ(rig.run({{"argv", {"true"}}}).reason(), "QUEUE_FULL");
    rig.release();
    EXPECT_EQ(rig.run({{"argv", {"true"}}}).exit_code(), 0);
}

TEST(TerminalQueue, DropsAQueuedCommandThatIsInterrupted)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0777));
    Busy rig;
    const auto gone = rig.start({{"commandId", "gone"}, {"command", "touch " + (dir / "ran").string()}});
    const auto next = rig.start({{"commandId", "next"}, {"argv", {"true"}}});
    EXPECT_TRUE(rig.said(next, {{"position", 2}}));
    EXPECT_EQ(Json::parse(rig.call("interrupt", {{"commandId", "gone"}}).json).at("status"), "removed");
    const auto ran = rig.finish(gone);
    EXPECT_EQ(ran.reason(), "interrupted");
    EXPECT_EQ(ran.data.at("wall_ms"), 0);
    EXPECT_TRUE(rig.said(next, {{"position", 1}}));
    rig.release();
    rig.finish(next);
    EXPECT_FALSE(std::filesystem::exists(dir / "ran"));
}

TEST(TerminalQueue, DropsACancelledRequest)
{
    Busy rig;
    const auto gone = rig.start({{"argv", {"true"}}});
    EXPECT_TRUE(rig.said(gone, {{"status", "queued"}}));
    rig.host().cancel(gone);
    EXPECT_EQ(rig.finish(gone).reason(), "interrupted");
    rig.release();
}

} // namespace

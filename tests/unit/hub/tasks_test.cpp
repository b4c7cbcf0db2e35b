#include "plugins/hub/tasks.hpp"

#include <gtest/gtest.h>

using namespace agenthost::hub;

namespace {

TaskRecord task(const std::string& id, const std::string& agent = "a")
{
    return {.id = id, .agent = agent, .action = "storage.info", .params = "{}"};
}

TaskRecord success() { return {.state = TaskState::success, .data = "{}"}; }

class TasksTest : public testing::Test {
protected:
    std::string next(std::string_view agent = "a")
    {
        const TaskRecord* t = tasks.next(agent, 1, dead);
        return t == nullptr ? "" : t->id;
    }
    Tasks tasks{{.open = 4, .per_agent = 3, .in_flight = 2}};
    std::vector<TaskRecord> dead;
};

TEST_F(TasksTest, SendsInOrderAndEndsWithTheAnswer)
{
    ASSERT_TRUE(tasks.add(task("1")));
    ASSERT_TRUE(tasks.add(task("2")));
    EXPECT_EQ(next(), "1");
    EXPECT_EQ(tasks.find("1")->state, TaskState::dispatched);
    EXPECT_EQ(tasks.find("2")->state, TaskState::pending);
    tasks.progress("a", "1", 2);
    EXPECT_EQ(tasks.find("1")->state, TaskState::running);
    const auto done = tasks.finish("a", "1", success(), 3);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->state, TaskState::success);
    EXPECT_EQ(done->sent, 1);
    EXPECT_EQ(tasks.find("1"), nullptr);
    EXPECT_EQ(next(), "2");
}

TEST_F(TasksTest, AnswersCountOnce)
{
    tasks.add(task("1"));
    next();
    EXPECT_TRUE(tasks.finish("a", "1", success(), 1));
    EXPECT_FALSE(tasks.finish("a", "1", success(), 1));
}

TEST_F(TasksTest, AnotherAgentCannotAnswer)
{
    tasks.add(task("1"));
    next();
    EXPECT_FALSE(tasks.finish("b", "1", success(), 1));
    tasks.progress("b", "1", 1);
    EXPECT_EQ(tasks.find("1")->state, TaskState::dispatched);
}

TEST_F(TasksTest, NobodyAnswersWhatWasNeverSent)
{
    tasks.add(task("1"));
    EXPECT_FALSE(tasks.finish("a", "1", success(), 1));
}

TEST_F(TasksTest, RefusesBeyondItsBounds)
{
    EXPECT_TRUE(tasks.add(task("1")));
    EXPECT_TRUE(tasks.add(task("2")));
    EXPECT_TRUE(tasks.add(task("3")));
    EXPECT_FALSE(tasks.add(task("4"))) << "three of one agent are the bound";
    EXPECT_TRUE(tasks.add(task("4", "b")));
    EXPECT_FALSE(tasks.add(task("5", "c"))) << "four in all are the bound";
    EXPECT_FALSE(tasks.add(task("1", "c"))) << "an id is there once";
}

TEST_F(TasksTest, KeepsFewInFlight)
{
    for (const char* id : {"1", "2", "3"}) tasks.add(task(id));
    EXPECT_EQ(next(), "1");
    EXPECT_EQ(next(), "2");
    EXPECT_EQ(next(), "");
    tasks.finish("a", "1", success(), 1);
    EXPECT_EQ(next(), "3");
}

TEST_F(TasksTest, SendsAgainInTheOldOrderAfterALoss)
{
    for (const char* id : {"1", "2", "3"}) tasks.add(task(id));
    next();
    next();
    tasks.progress("a", "2", 1);
    tasks.lost("a", 2);
    EXPECT_EQ(tasks.find("1")->state, TaskState::pending);
    EXPECT_EQ(tasks.find("2")->state, TaskState::pending);
    EXPECT_EQ(next(), "1");
    EXPECT_EQ(next(), "2");
    EXPECT_EQ(tasks.find("1")->sent, 2);
}

TEST_F(TasksTest, TheAnswerOfAnEarlierSendingStillCounts)
{
    tasks.add(task("1"));
    next();
    tasks.lost("a", 1); // its answer was under way on another path
    EXPECT_TRUE(tasks.finish("a", "1", success(), 2));
    EXPECT_EQ(next(), "") << "and it is not sent again";
}

TEST_F(TasksTest, GivesUpAfterThreeRepeats)
{
    tasks.add(task("1"));
    tasks.add(task("2"));
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(next(), "1") << i;
        tasks.lost("a", 1);
    }
    EXPECT_EQ(next(), "2");
    ASSERT_EQ(dead.size(), 1U);
    EXPECT_EQ(dead[0].id, "1");
    EXPECT_EQ(dead[0].state, TaskState::failed);
    EXPECT_EQ(dead[0].code, "AGENT_OFFLINE");
    EXPECT_EQ(tasks.size(), 1U);
}

TEST_F(TasksTest, WhatCouldNotBeSentIsNextAndDoesNotCount)
{
    for (const char* id : {"1", "2"}) tasks.add(task(id));
    EXPECT_EQ(next(), "1");
    tasks.not_sent("1");
    EXPECT_EQ(tasks.find("1")->sent, 0);
    EXPECT_EQ(next(), "1");
    tasks.not_sent("unknown"); // is ignored
}

TEST_F(TasksTest, FailedOnesLeaveNoTrace)
{
    tasks.add(task("1"));
    tasks.add(task("2"));
    next();
    EXPECT_TRUE(tasks.fail("1", "TIMEOUT", "late", 1)); // in flight
    EXPECT_TRUE(tasks.fail("2", "TIMEOUT", "late", 1)); // waiting
    EXPECT_FALSE(tasks.fail("2", "TIMEOUT", "late", 1));
    EXPECT_EQ(tasks.size(), 0U);
    EXPECT_EQ(tasks.open("a"), 0U);
    EXPECT_EQ(next(), "");
    EXPECT_TRUE(tasks.add(task("1")));
    EXPECT_EQ(next(), "1") << "the slot in flight is free again";
}

TEST_F(TasksTest, AgentsDoNotDisturbEachOther)
{
    tasks.add(task("1"));
    tasks.add(task("2", "b"));
    next();
    EXPECT_EQ(next("b"), "2");
    tasks.lost("a", 1);
    EXPECT_EQ(tasks.find("2")->state, TaskState::dispatched);
    EXPECT_EQ(tasks.of("b"), std::vector<std::string>{"2"});
}

} // namespace

#include "plugins/hub/tasks/tasks.hpp"

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

TEST_F(TasksTest, AnAnswerToAnUnsentTaskIsIgnored)
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

TEST(TasksBytes, OneAgentOrOneTokenCannotTakeAllBytes)
{
    constexpr std::size_t body = 100'000;
    Tasks tasks{{.open = 1'000, .per_agent = 1'000, .in_flight = 2, .bytes = 10 * body}};
    const auto add = [&](int n, const std::string& agent, const std::string& caller,
                         std::string* why = nullptr) {
        TaskRecord t = task(std::to_string(n), agent);
        t.params = std::string(body, 'x');
        t.caller = caller;
        return tasks.add(std::move(t), why);
    };
    int n = 0;
    std::string why;
    while (add(++n, "a", "t1", &why)) {}
    EXPECT_EQ(tasks.size(), 7U);
    EXPECT_NE(why.find("open_bytes"), std::string::npos) << why;
    EXPECT_FALSE(add(++n, "b", "t1", &why)) << "the same token, another agent";
    EXPECT_NE(why.find("token"), std::string::npos) << why;
    EXPECT_TRUE(add(++n, "b", "t2")) << "another token and another agent still get a share";
    EXPECT_LE(tasks.bytes(), 10 * body);
    for (int i = 1; i <= 7; ++i) EXPECT_TRUE(tasks.fail(std::to_string(i), "X", "x", 1));
    EXPECT_TRUE(add(++n, "a", "t1"));
}

TEST(TasksBytes, OneTokenCannotTakeAllTasks)
{
    Tasks tasks{{.open = 100, .per_agent = 1'000, .in_flight = 2}};
    int n = 0;
    const auto add = [&](const std::string& caller) {
        const std::string id = std::to_string(++n);
        TaskRecord t = task(id, "agent-" + id);
        t.caller = caller;
        return tasks.add(std::move(t));
    };
    while (add("greedy")) {}
    EXPECT_EQ(tasks.size(), 80U);
    EXPECT_TRUE(add("other"));
    EXPECT_FALSE(add("greedy"));
}

TEST_F(TasksTest, AnAdriftTaskIsNotInFlightButItsAnswerCounts)
{
    for (const char* id : {"1", "2", "3"}) tasks.add(task(id));
    next();
    next();
    EXPECT_EQ(next(), "") << "two in flight";
    EXPECT_TRUE(tasks.strand("1"));
    EXPECT_FALSE(tasks.strand("1"));
    EXPECT_EQ(next(), "3") << "its slot is free";
    std::vector<std::string> ids;
    for (const TaskRecord* t : tasks.unanswered("a")) ids.push_back(t->id);
    EXPECT_EQ(ids, (std::vector<std::string>{"2", "3", "1"})) << "those in flight come first";
    tasks.lost("a", 2);
    EXPECT_EQ(next(), "2");
    EXPECT_EQ(next(), "3");
    EXPECT_EQ(next(), "") << "what is adrift is not sent again";
    EXPECT_TRUE(tasks.finish("a", "1", success(), 3));
    EXPECT_EQ(tasks.open("a"), 2U);
}

TEST_F(TasksTest, TasksSentTooOftenGoAdriftAndOthersContinue)
{
    for (const char* id : {"1", "2"}) tasks.add(task(id));
    next();
    EXPECT_EQ(tasks.strand("a", 1), std::vector<std::string>{}) << "may be sent once more";
    EXPECT_EQ(tasks.strand("a", 0), std::vector<std::string>{"1"});
    EXPECT_EQ(tasks.strand("a", 0), std::vector<std::string>{});
    EXPECT_EQ(next(), "2");
    EXPECT_TRUE(tasks.fail("1", "X", "x", 1));
    EXPECT_TRUE(tasks.fail("2", "X", "x", 1));
    EXPECT_EQ(tasks.size(), 0U);
    EXPECT_EQ(tasks.open("a"), 0U);
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

TEST_F(TasksTest, ResendsInTheOldOrderAfterALoss)
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

TEST_F(TasksTest, AnUnsentTaskStaysNextAndDoesNotCount)
{
    for (const char* id : {"1", "2"}) tasks.add(task(id));
    EXPECT_EQ(next(), "1");
    tasks.not_sent("1");
    EXPECT_EQ(tasks.find("1")->sent, 0);
    EXPECT_EQ(next(), "1");
    tasks.not_sent("unknown"); // is ignored
}

TEST_F(TasksTest, FailedTasksLeaveNoTrace)
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

TEST_F(TasksTest, AgentsDoNotAffectEachOther)
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

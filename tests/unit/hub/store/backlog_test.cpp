#include "plugins/hub/store/backlog.hpp"

#include <gtest/gtest.h>

using namespace agenthost::hub;

namespace {

TaskRecord saved_task(const std::string& id, TaskState state = TaskState::pending,
                      const std::string& data = {})
{
    TaskRecord t;
    t.id = id;
    t.state = state;
    t.data = data;
    return t;
}

TEST(TaskBacklog, KeepsTheNewestStateInTheOrderOfTheFirstSave)
{
    TaskBacklog backlog{10};
    int done = 0;
    const auto count = [&](bool) { ++done; };
    EXPECT_TRUE(backlog.save(saved_task("a"), count));
    EXPECT_TRUE(backlog.save(saved_task("b"), {}));
    EXPECT_TRUE(backlog.save(saved_task("a", TaskState::running), count));
    EXPECT_EQ(backlog.size(), 2U);
    const auto batch = backlog.begin_commit(10);
    ASSERT_EQ(batch.size(), 2U);
    EXPECT_EQ(batch[0].task.id, "a");
    EXPECT_EQ(batch[0].task.state, TaskState::running);
    EXPECT_EQ(batch[0].done.size(), 2U) << "both callers are told";
    EXPECT_TRUE(backlog.empty());
}

TEST(TaskBacklog, RefusesNewTasksWhenItIsFullButNeverAResult)
{
    TaskBacklog backlog{1};
    EXPECT_TRUE(backlog.save(saved_task("a"), {}));
    EXPECT_FALSE(backlog.save(saved_task("b"), {}));
    EXPECT_TRUE(backlog.save(saved_task("a", TaskState::running), {})) << "it waits already";
    EXPECT_TRUE(backlog.save(saved_task("c", TaskState::success), {}));
}

TEST(TaskBacklog, DropsAResultWithoutSpaceAndKeepsTheTask)
{
    TaskBacklog backlog{10, 100};
    EXPECT_TRUE(backlog.save(saved_task("a", TaskState::success, std::string(80, 'x')), {}));
    EXPECT_TRUE(backlog.save(saved_task("b", TaskState::success, std::string(80, 'x')), {}));
    EXPECT_EQ(backlog.find("a")->data.size(), 80U);
    EXPECT_TRUE(backlog.find("b")->data.empty());
    EXPECT_GE(backlog.find("b")->dropped, 80U);
    backlog.begin_commit(1);
    EXPECT_TRUE(backlog.save(saved_task("c", TaskState::success, std::string(80, 'x')), {}));
    EXPECT_EQ(backlog.find("c")->data.size(), 80U) << "the first one's bytes are free";
}

TEST(TaskBacklog, FindsATaskUntilItsCommitHasEnded)
{
    TaskBacklog backlog{10};
    backlog.save(saved_task("a"), {});
    backlog.begin_commit(10);
    ASSERT_NE(backlog.find("a"), nullptr);
    backlog.save(saved_task("a", TaskState::success), {});
    EXPECT_EQ(backlog.find("a")->state, TaskState::success) << "the newer state";
    backlog.end_commit();
    EXPECT_EQ(backlog.find("a")->state, TaskState::success);
    backlog.begin_commit(10);
    backlog.end_commit();
    EXPECT_EQ(backlog.find("a"), nullptr);
}

TEST(TaskBacklog, AFailedCommitNeverReplacesANewerState)
{
    TaskBacklog backlog{10};
    backlog.save(saved_task("a"), {});
    backlog.save(saved_task("b"), [](bool) {});
    auto batch = backlog.begin_commit(10);
    backlog.save(saved_task("b", TaskState::success), {});
    backlog.end_commit();
    backlog.put_back(std::move(batch));
    EXPECT_EQ(backlog.find("a")->state, TaskState::pending);
    EXPECT_EQ(backlog.find("b")->state, TaskState::success);
    EXPECT_EQ(backlog.size(), 2U);
    EXPECT_EQ(backlog.begin_commit(1).front().done.size(), 1U) << "of b, which was saved first";
}

} // namespace

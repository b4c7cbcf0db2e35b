// What is said about the paper of a task.
#include "plugins/hub/shops/task_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace agenthost::hub;

namespace {

TaskRecord task(TaskState state, int sent = 1, const std::string& data = {}, const std::string& code = {})
{
    TaskRecord t;
    t.id = "req_1";
    t.agent = "kitchen";
    t.action = "task_print";
    t.state = state;
    t.sent = sent;
    t.data = data;
    t.code = code;
    return t;
}

TEST(PaperOutcome, IsWhatTheAgentKnows)
{
    EXPECT_EQ(paper_outcome(task(TaskState::success, 1, R"({"outcome":"printed","bytesSent":3})")),
              "printed");
    EXPECT_EQ(paper_outcome(task(TaskState::success, 1, R"({"outcome":"sent"})")), "sent");
    EXPECT_EQ(paper_outcome(task(TaskState::success, 1, R"({"bytesSent":3})")), "sent")
        << "an agent that does not know printers claims no more";
    EXPECT_EQ(paper_outcome(task(TaskState::error, 1, {}, "PAPER_OUT")), "failed");
    EXPECT_EQ(paper_outcome(task(TaskState::error, 1, R"({"outcome":"unknown"})", "INTERNAL")), "unknown");
}

TEST(PaperOutcome, IsUnknownWhereNoAnswerTells)
{
    EXPECT_EQ(paper_outcome(task(TaskState::failed, 1, {}, "TIMEOUT")), "unknown");
    EXPECT_EQ(paper_outcome(task(TaskState::failed, 4, {}, "INTERRUPTED")), "unknown");
    EXPECT_EQ(paper_outcome(task(TaskState::error, 1, {}, "INTERRUPTED")), "unknown");
    EXPECT_EQ(paper_outcome(task(TaskState::failed, 0, {}, "TIMEOUT")), "failed") << "it was never sent";
    TaskRecord dropped = task(TaskState::error, 1, {}, "INTERNAL");
    dropped.dropped = 20;
    EXPECT_EQ(paper_outcome(dropped), "unknown") << "the answer that knew is no longer kept";
}

TEST(PaperOutcome, BelongsToEndedTasksThatPrint)
{
    EXPECT_EQ(paper_outcome(task(TaskState::dispatched)), "");
    TaskRecord ping = task(TaskState::success);
    ping.action = "host.ping";
    EXPECT_EQ(paper_outcome(ping), "");
    EXPECT_FALSE(nlohmann::json::parse(shop_task_json(ping)).contains("outcome"));
    TaskRecord copy = task(TaskState::success);
    copy.action = "printer.reprint";
    copy.origin = "req_0";
    const auto shown = nlohmann::json::parse(shop_task_json(copy));
    EXPECT_EQ(shown["outcome"], "sent");
    EXPECT_EQ(shown["command"], "reprint");
    EXPECT_EQ(shown["copyOf"], "req_0");
}

} // namespace

#include "plugins/hub/runs/messages.hpp"

#include <gtest/gtest.h>

using namespace agenthost::hub;
namespace wire = agenthost::wire;

namespace {

TEST(RunMessages, ReadsProgress)
{
    const auto queued = read_progress(R"({"status":"queued","position":2})");
    ASSERT_TRUE(queued);
    EXPECT_FALSE(queued->running);
    EXPECT_EQ(queued->position, 2U);
    EXPECT_TRUE(read_progress(R"({"status":"running"})")->running);
    EXPECT_FALSE(read_progress(R"({"position":"two"})")->position);
    EXPECT_FALSE(read_progress("[1]"));
}

TEST(RunMessages, ReadsTheQueueOfEitherTopic)
{
    for (const char* topic : {"command_queue", "terminal.command_queue"})
        EXPECT_EQ(read_queue({.topic = topic, .json = R"({"queue":[ 1 ]})"}), "[ 1 ]");
    EXPECT_FALSE(read_queue({.topic = "command_queue", .json = R"({"queue":5})"}));
    EXPECT_FALSE(read_queue({.topic = "output", .json = R"({"queue":[]})"}));
    const std::string large = R"({"queue":[")" + std::string(70'000, 'x') + "\"]}";
    EXPECT_FALSE(read_queue({.topic = "command_queue", .json = large}));
}

TEST(RunMessages, ReadsOutputUnderTheNamesThatAgentsUse)
{
    const auto text = read_output({.topic = "output", .json = R"({"id":"r1","text":"a","stream":"stderr"})"});
    ASSERT_TRUE(text);
    EXPECT_EQ(text->run, "r1");
    EXPECT_EQ(text->channel, 2U);
    EXPECT_FALSE(text->offset);
    EXPECT_EQ(text->bytes, "a");
    const auto data = read_output(
        {.topic = "output", .json = R"({"commandId":"r2","data":"YQ==","encoding":"base64","offset":7})"});
    ASSERT_TRUE(data);
    EXPECT_EQ(data->run, "r2");
    EXPECT_EQ(data->channel, 1U);
    EXPECT_EQ(data->offset, 7U);
    EXPECT_EQ(data->bytes, "a");
}

TEST(RunMessages, RejectsInvalidOutput)
{
    for (const char* bad : {R"({"data":"a"})", R"({"id":"r1"})", R"({"id":"r1","data":5})",
                            R"({"id":"r1","data":"?","encoding":"base64"})", "[]"})
        EXPECT_FALSE(read_output({.topic = "output", .json = bad})) << bad;
    EXPECT_FALSE(read_output({.topic = "other", .json = R"({"id":"r1","data":"a"})"}));
}

} // namespace

// An agent waits for a slower reader of a command's output for reader_grace, and then not again for a while.
#include "tests/unit/hub/parts.hpp"

#include <algorithm>

using namespace agenthost::hub_test;
using namespace std::chrono_literals;

namespace {

class ViewersTest : public PartsTest {
protected:
    ViewersTest()
    {
        join("d1", "dashboard");
        TaskRecord task = runs.make("d1", R"({"command":"x"})");
        EXPECT_EQ(runs.check(task), "");
        id = task.id;
        enter([&] { EXPECT_TRUE(runs.start(task)); });
        reply->ok = [](std::string) {};
        reply->fail = [](std::string_view, std::string) {};
        reply->progress = [](const std::string&) {};
        reply->stream = [this](std::uint32_t, std::uint64_t, std::string_view bytes) {
            if (!reads) return AGH_E_BUSY;
            got += bytes.size();
            return AGH_OK;
        };
        enter([&] { viewers.add(reply, id, 0, true); });
    }
    void print(std::size_t bytes) // in the pieces that agents send
    {
        for (const std::uint64_t end = printed + bytes; printed < end;) {
            const std::string piece(std::min<std::size_t>(end - printed, 10 << 10), 'x');
            enter([&] {
                runs.events().stream("d1", {.id = id, .channel = 1, .offset = printed, .bytes = piece});
            });
            printed += piece.size();
        }
    }
    [[nodiscard]] bool waits() const { return fanout.paused.contains("d1"); }

    std::string id;
    std::uint64_t printed = 0, got = 0;
    bool reads = false;
    ReplyPtr reply = std::make_shared<Reply>();
    RunViewers viewers{core, fanout, runs};
};

TEST_F(ViewersTest, PausesTheAgentForTheGracePeriodAndThenNotForAWhile)
{
    print(100 << 10);
    EXPECT_FALSE(waits()); // so much is kept anyway
    print(500 << 10);
    EXPECT_TRUE(waits());
    pass(core.config.reader_grace - 1ms);
    EXPECT_TRUE(waits());
    pass(1ms);
    EXPECT_FALSE(waits());
    print(100 << 10);
    pass(4s);
    print(100 << 10);
    EXPECT_FALSE(waits());
    pass(1s);
    print(1);
    EXPECT_TRUE(waits());
}

TEST_F(ViewersTest, AReaderThatCatchesUpResumesTheAgent)
{
    print(600 << 10);
    ASSERT_TRUE(waits());
    reads = true;
    enter([&] { viewers.writable(reply.get()); });
    EXPECT_FALSE(waits());
    EXPECT_EQ(got, printed);
    reads = false;
    print(600 << 10);
    EXPECT_TRUE(waits()); // it was in time: no rest
}

TEST_F(ViewersTest, AReaderThatLeavesResumesTheAgent)
{
    print(600 << 10);
    ASSERT_TRUE(waits());
    enter([&] { EXPECT_EQ(viewers.left(reply.get(), "CANCELLED", "left"), id); });
    EXPECT_FALSE(waits());
}

} // namespace

#include "fixture.hpp"

#include <thread>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

TEST(Progress, IsTheLatestAndAtMostEvery100Milliseconds)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    EXPECT_EQ(w.dispatcher->progress("files", id, R"({"done":1})"), AGH_OK);
    w.poll();
    EXPECT_THAT(w.server->progress, ElementsAre(R"({"done":1})"));
    for (int i = 2; i < 50; ++i) {
        w.dispatcher->progress("files", id, R"({"done":)" + std::to_string(i) + "}");
        w.poll();
    }
    EXPECT_THAT(w.server->progress, SizeIs(1));
    w.pass(100ms);
    EXPECT_THAT(w.server->progress, ElementsAre(R"({"done":1})", R"({"done":49})"));
    w.pass(10s);
    EXPECT_THAT(w.server->progress, SizeIs(2)) << "nothing new, nothing said";
    w.dispatcher->progress("files", id, R"({"done":50})");
    w.poll();
    EXPECT_THAT(w.server->progress, SizeIs(3)) << "after a pause at once";
}

TEST(Progress, SaysEveryChangeOfStatusInItsTurn)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    const auto say = [&](std::string_view text) {
        EXPECT_EQ(w.dispatcher->progress("files", id, text), AGH_OK);
    };
    say(R"({"status":"queued","position":2})");
    say(R"({"status":"queued","position":1})"); // the latest of a status is enough
    say(R"({"status":"running"})");
    w.poll();
    EXPECT_THAT(w.server->progress,
                ElementsAre(R"({"status":"queued","position":2})", R"({"status":"running"})"));
    say(R"({"status":"running","done":1})");
    w.poll();
    EXPECT_THAT(w.server->progress, SizeIs(2)) << "no step: after the pause";
    say(R"({"status":"ending"})");
    w.complete(id); // at once, and still in its turn
    ASSERT_TRUE(w.results(1));
    EXPECT_THAT(w.server->progress, ElementsAre(R"({"status":"queued","position":2})",
                                                R"({"status":"running"})", R"({"status":"ending"})"));
}

TEST(Progress, DoesNotFloodWithSteps)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    for (int i = 0; i < 100; ++i) {
        w.dispatcher->progress("files", id, R"({"status":")" + std::to_string(i) + R"("})");
        w.poll();
    }
    EXPECT_LE(w.server->progress.size(), 8u);
    w.pass(10s);
    EXPECT_LE(w.server->progress.size(), 16u);
    EXPECT_EQ(w.server->progress.back(), R"({"status":"99"})") << "the latest is said in the end";
}

TEST(Progress, NeverFollowsTheResult)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    w.dispatcher->progress("files", id, R"({"done":1})");
    w.poll();
    w.dispatcher->progress("files", id, R"({"done":2})");
    w.complete(id);
    ASSERT_TRUE(w.results(1));
    w.pass(1s);
    EXPECT_THAT(w.server->progress, SizeIs(1));
    EXPECT_EQ(w.dispatcher->progress("files", id, "{}"), AGH_E_STALE);
}

TEST(Progress, ComesBeforeTheOutputThatFollowsIt)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    w.dispatcher->progress("files", id, R"({"status":"queued"})");
    w.poll();
    w.dispatcher->progress("files", id, R"({"status":"running"})");
    w.dispatcher->stream("files", id, 1, 0, "out");
    w.poll();
    EXPECT_EQ(w.server->progress_before_output, 2u)
        << "a pause between two of them is no reason to turn them round";
}

TEST(Progress, RefusesWhatIsNoObjectAndWhatIsNotThePluginsOwn)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    EXPECT_EQ(w.dispatcher->progress("files", id, "1"), AGH_E_INVALID);
    EXPECT_EQ(w.dispatcher->progress("files", id, "{"), AGH_E_INVALID);
    EXPECT_EQ(w.dispatcher->progress("files", id, R"({"x":")" + std::string(20'000, 'x') + R"("})"),
              AGH_E_INVALID);
    EXPECT_EQ(w.dispatcher->progress("docker", id, "{}"), AGH_E_STALE);
    EXPECT_EQ(w.dispatcher->stream("docker", id, 1, 0, "x"), AGH_E_STALE);
    EXPECT_EQ(w.dispatcher->progress("files", 77, "{}"), AGH_E_STALE);
    w.pass(1s);
    EXPECT_THAT(w.server->progress, IsEmpty());
}

TEST(Stream, KeepsTheOrderOfEachChannelAndComesBeforeTheResult)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    std::thread{[&] {
        std::uint64_t out = 0;
        for (int i = 0; i < 100; ++i) {
            const std::string piece = std::to_string(i) + ",";
            EXPECT_EQ(w.dispatcher->stream("files", id, 1, out, piece), AGH_OK);
            out += piece.size();
            EXPECT_EQ(w.dispatcher->stream("files", id, 2, i, "e"), AGH_OK);
        }
        w.complete(id);
    }}.join();
    ASSERT_TRUE(w.results(1));
    std::string expected;
    for (int i = 0; i < 100; ++i) expected += std::to_string(i) + ",";
    EXPECT_EQ(w.server->streamed[1], expected);
    EXPECT_EQ(w.server->streamed[2], std::string(100, 'e'));
}

TEST(Stream, InsideInvokeComesBeforeTheResultToo)
{
    DispatchFixture w;
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        w.dispatcher->stream("files", r.id, 1, 0, "hello");
        w.complete(r.id);
        return AGH_PENDING;
    };
    w.submit("1", "read");
    ASSERT_EQ(w.server->results.size(), 1u);
    EXPECT_EQ(w.server->streamed[1], "hello");
}

TEST(Stream, RefusesBeyond256KiBAndSaysWhenThereIsSpace)
{
    DispatchFixture w;
    w.server->takes_streams = false;
    const auto id = w.running("1", "read");
    const std::string piece(64 << 10, 'x');
    for (std::uint64_t i = 0; i < 4; ++i)
        EXPECT_EQ(w.dispatcher->stream("files", id, 1, i * piece.size(), piece), AGH_OK);
    EXPECT_EQ(w.dispatcher->stream("files", id, 1, 4 * piece.size(), "y"), AGH_E_BUSY);
    EXPECT_EQ(w.dispatcher->stream("files", id, 1, 0, std::string((256 << 10) + 1, 'x')), AGH_E_INVALID)
        << "would never fit";
    w.poll();
    EXPECT_THAT(w.files.writables, IsEmpty());
    EXPECT_EQ(w.dispatcher->stream("files", id, 1, 4 * piece.size(), "y"), AGH_E_BUSY)
        << "what the peer did not take still counts";
    w.server->takes_streams = true;
    w.dispatcher->writable(*w.server);
    EXPECT_THAT(w.files.writables, ElementsAre(id));
    EXPECT_EQ(w.dispatcher->stream("files", id, 1, 4 * piece.size(), "y"), AGH_OK);
    w.poll();
    EXPECT_EQ(w.server->streamed[1].size(), 4 * piece.size() + 1);
    EXPECT_THAT(w.files.writables, SizeIs(1)) << "said once for one refusal";
}

TEST(Stream, HoldsTheResultBackUntilThePeerTookItAll)
{
    for (const char* action : {"read", "write"}) {
        SCOPED_TRACE(action);
        DispatchFixture w;
        w.server->takes_streams = false;
        const auto id = w.running("1", action);
        w.dispatcher->stream("files", id, 1, 0, "out");
        w.complete(id, reply("1"));
        w.pass(500ms);
        w.until([&] { return w.journal->stats().waiting == 0; });
        EXPECT_THAT(w.server->results, IsEmpty());
        w.server->takes_streams = true;
        w.pass(1s); // without a word from the session within a second
        ASSERT_TRUE(w.until([&] {
            w.dispatcher->writable(*w.server);
            return w.server->results.size() == 1;
        }));
        EXPECT_EQ(w.server->streamed[1], "out");
        EXPECT_EQ(w.server->last().data, "1");
        EXPECT_EQ(w.in_flight(), 0u);
    }
}

TEST(Stream, InlineHoldsTheResultBackAsWell)
{
    DispatchFixture w;
    w.server->takes_streams = false;
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        w.dispatcher->stream("files", r.id, 1, 0, "out");
        w.complete(r.id, reply("1"));
        return AGH_PENDING;
    };
    {
        const std::string id = "an id whose memory ends with submit()";
        w.submit(id, "read");
    }
    EXPECT_THAT(w.server->results, IsEmpty());
    w.server->takes_streams = true;
    w.dispatcher->writable(*w.server);
    ASSERT_EQ(w.server->results.size(), 1u);
    EXPECT_EQ(w.server->last().id, "an id whose memory ends with submit()");
}

TEST(Stream, OfAPeerThatIsAwayDoesNotStallThePlugin)
{
    DispatchFixture w;
    w.server->takes_streams = false;
    const auto id = w.running("1", "read");
    const std::string piece(256 << 10, 'x');
    w.dispatcher->stream("files", id, 1, 0, piece);
    w.poll();
    EXPECT_EQ(w.dispatcher->stream("files", id, 1, piece.size(), "y"), AGH_E_BUSY);
    w.server->here = false;
    w.pass(1s);
    EXPECT_THAT(w.files.writables, ElementsAre(id)) << "the plugin goes on; the offsets show the gap";
    EXPECT_EQ(w.dispatcher->stream("files", id, 1, piece.size(), "y"), AGH_OK);
    w.complete(id);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_TRUE(w.server->streamed.empty());
}

TEST(Stream, OfAFormerRequestDoesNotReachTheNextOneInItsSlot)
{
    DispatchFixture w;
    w.server->checks_offsets = false;
    std::atomic<bool> stop{false};
    std::atomic<agh_req> current{0};
    std::thread late{[&] { // a plugin's thread that never looks whether its request still lives
        while (!stop)
            if (const agh_req id = current) w.dispatcher->stream("files", id, 1, 0, "late");
    }};
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        if (view(r.params) == "[]") current = r.id;
        w.complete(r.id);
        return AGH_PENDING;
    };
    for (int i = 0; i < 3000; ++i) {
        w.server->streamed.clear();
        w.submit("a", "read", "[]"); // may hear "late"
        w.server->streamed.clear();
        w.submit("b", "read", "{}"); // must not
        ASSERT_TRUE(w.server->streamed.empty());
    }
    stop = true;
    late.join();
    w.poll();
    EXPECT_EQ(w.server->results.size(), 6000u);
}

} // namespace

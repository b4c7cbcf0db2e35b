#include "fixture.hpp"

#include <fcntl.h>
#include <thread>
#include <unistd.h>

using namespace agenthost::host;
using namespace agenthost::host::testing;
using agenthost::wire::Outcome;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace {

TEST(Completion, ComesFromAnyThread)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    std::thread{[&] { EXPECT_EQ(w.complete(id, reply(R"({"n":1})")), AGH_OK); }}.join();
    EXPECT_THAT(w.server->results, IsEmpty()) << "the peer is answered on the main thread";
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().data, R"({"n":1})");
    EXPECT_EQ(w.server->last().id, "1");
    EXPECT_EQ(w.in_flight(), 0u);
}

TEST(Completion, IsTakenExactlyOnce)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    EXPECT_EQ(w.complete(id, reply("1")), AGH_OK);
    EXPECT_EQ(w.complete(id, reply("2")), AGH_E_STALE) << "before the first was sent";
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.complete(id, reply("3")), AGH_E_STALE) << "after";
    const auto next = w.running("2", "read");
    EXPECT_EQ(next & 0xffff, id & 0xffff) << "the same slot";
    EXPECT_EQ(w.complete(id, reply("4")), AGH_E_STALE) << "the id of the slot's former request";
    EXPECT_EQ(w.complete(next, reply("5")), AGH_OK);
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->results[0].data, "1");
    EXPECT_EQ(w.server->results[1].data, "5");
}

TEST(Completion, RefusesIdsThatNeverWereOrAreAnothers)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    for (const agh_req bad : {agh_req{0}, agh_req{1}, id + 1, id + 0x10000, ~agh_req{0}})
        EXPECT_EQ(w.complete(bad), AGH_E_STALE) << bad;
    EXPECT_EQ(w.complete(id, reply(), "docker"), AGH_E_STALE) << "another plugin's";
    EXPECT_EQ(w.dispatcher->complete("files", id, nullptr), AGH_E_INVALID);
    EXPECT_EQ(w.complete(id), AGH_OK);
}

TEST(Completion, CarriesTheErrorsWords)
{
    DispatchFixture w;
    auto id = w.running("1", "read");
    w.complete(
        id,
        reply(R"({"code":"DISK_FULL","message":"Disk \"A\" full","detail":"Free 3 MiB","data":{"free":[1]}})",
              AGH_E_INTERNAL));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().code, "DISK_FULL");
    EXPECT_EQ(w.server->last().message, "Disk \"A\" full");
    EXPECT_EQ(w.server->last().detail, "Free 3 MiB");
    EXPECT_EQ(w.server->last().error_data, R"({"free":[1]})");
    EXPECT_EQ(w.server->last().outcome, Outcome::error);
    w.complete(w.running("2", "read"), reply("", AGH_E_DENIED));
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().code, "DENIED");
    EXPECT_THAT(w.server->last().message, HasSubstr("gave no reason"));
    EXPECT_EQ(w.dispatcher->stats().failed, 2u);
}

TEST(Completion, KnowsWhatWasNotStartedAndWhatIsUnknown)
{
    DispatchFixture w;
    const auto outcome = [&](agh_reply with) {
        const auto n = w.server->results.size();
        w.complete(w.running("x", "read"), with);
        EXPECT_TRUE(w.results(n + 1));
        return w.server->last().outcome;
    };
    EXPECT_EQ(outcome(reply("", AGH_E_INTERNAL, AGH_REPLY_NOT_STARTED)), Outcome::not_started);
    EXPECT_EQ(outcome(reply(R"({"code":"INTERRUPTED","message":"m"})", AGH_E_INTERNAL, AGH_REPLY_UNKNOWN)),
              Outcome::interrupted);
    EXPECT_EQ(outcome(reply("", AGH_E_INTERNAL, AGH_REPLY_UNKNOWN)), Outcome::unknown);
    EXPECT_EQ(outcome(reply("", AGH_E_BUSY)), Outcome::not_started);
    EXPECT_EQ(outcome(reply(R"({"code":"QUEUE_FULL","message":"m"})", AGH_E_INTERNAL)), Outcome::not_started);
    EXPECT_EQ(outcome(reply(R"({"code":"X","message":"m"})", AGH_E_INTERNAL)), Outcome::error);
}

TEST(Completion, DoesNotLetBrokenJsonReachAPeer)
{
    DispatchFixture w;
    for (const char* bad : {"{", "{}}", "\"\x01\"", "{\"a\":1},{\"b\":2}", "\xff"}) {
        const auto n = w.server->results.size();
        w.complete(w.running("x", "read"), reply(bad));
        ASSERT_TRUE(w.results(n + 1));
        EXPECT_EQ(w.server->last().code, "INTERNAL") << bad;
        EXPECT_THAT(w.server->last().message, HasSubstr("not JSON"));
    }
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        w.complete(r.id, reply("{"));
        return AGH_PENDING;
    };
    w.submit("inline", "read");
    EXPECT_EQ(w.server->last().code, "INTERNAL");
    w.files.on_invoke = {};
    w.complete(w.running("x", "read"), reply(""));
    ASSERT_TRUE(w.results(7));
    EXPECT_EQ(w.server->last().outcome, Outcome::success) << "an empty result is one";
}

TEST(Completion, RefusesAReplyThatIsTooLarge)
{
    DispatchFixture w;
    const std::string large = '"' + std::string((16 << 20) + 1, 'x') + '"';
    w.complete(w.running("1", "read"), reply(large));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().code, "INTERNAL");
    EXPECT_THAT(w.server->last().message, HasSubstr("16777216"));
}

TEST(Completion, ClosesDescriptorsNobodyTakes)
{
    DispatchFixture w;
    const auto with_fd = [&](int fd) {
        static agh_blob blob;
        blob = {};
        blob.size = sizeof blob;
        blob.fd = fd;
        agh_reply r = reply("1");
        r.blobs = &blob;
        r.blob_count = 1;
        return r;
    };
    const auto closed = [](int fd) { return ::fcntl(fd, F_GETFD) == -1; };
    int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    w.complete(w.running("1", "read"), with_fd(fd));
    ASSERT_TRUE(w.results(1));
    EXPECT_TRUE(closed(fd));
    fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(w.complete(999, with_fd(fd)), AGH_E_STALE);
    EXPECT_TRUE(closed(fd)) << "also when the call fails";
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        w.complete(r.id, with_fd(fd));
        return AGH_PENDING;
    };
    w.submit("2", "read");
    EXPECT_TRUE(closed(fd)) << "inside invoke";
}

TEST(Completion, AnswersTheNewestSessionOfTheName)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    auto newer = std::make_shared<FakeCaller>("server");
    w.dispatcher->attach(newer);
    w.complete(id);
    ASSERT_TRUE(w.until([&] { return !newer->results.empty(); }));
    EXPECT_THAT(w.server->results, IsEmpty());
    w.submit("2", "read");
    EXPECT_EQ(w.server->last().code, "INTERNAL") << "the replaced one is not attached any more";
}

TEST(Completion, CountsResultsNobodyIsThereFor)
{
    DispatchFixture w;
    const auto id = w.running("1", "read");
    w.dispatcher->detach(*w.server);
    w.complete(id);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_EQ(w.dispatcher->stats().dropped_results, 1u);
    EXPECT_THAT(w.server->results, IsEmpty());
    w.dispatcher->attach(w.server);
    w.server->takes_results = false;
    w.complete(w.running("2", "read"));
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_EQ(w.dispatcher->stats().dropped_results, 2u);
}

TEST(Completion, WakesTheLoopOnceForABurst)
{
    DispatchFixture w;
    std::vector<agh_req> ids;
    for (int i = 0; i < 100; ++i) ids.push_back(w.running(std::to_string(i), "read"));
    w.poll();
    for (const auto id : ids) w.complete(id);
    w.io.restart();
    EXPECT_EQ(w.io.poll_one(), 1u);
    EXPECT_EQ(w.server->results.size(), 100u);
}

// Inline and from four threads at once, while the main thread keeps submitting.
TEST(Completion, Of10000FromManyThreadsLosesNoneAndDoublesNone)
{
    DispatchFixture w;
    w.server->policy_.in_flight = 20'000;
    w.server->policy_.memory = 1 << 30;
    std::mutex mutex;
    std::vector<agh_req> waiting;
    std::atomic<bool> stop{false};
    std::atomic<int> taken{0}, stale{0};
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        if (view(r.params) == "[]") {
            w.complete(r.id, reply("1"));
            return AGH_PENDING;
        }
        const std::lock_guard lock{mutex};
        waiting.push_back(r.id);
        return AGH_PENDING;
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            while (!stop) {
                agh_req id = 0;
                {
                    const std::lock_guard lock{mutex};
                    if (!waiting.empty()) {
                        id = waiting.back();
                        waiting.pop_back();
                    }
                }
                if (!id) {
                    std::this_thread::yield();
                    continue;
                }
                w.dispatcher->progress("files", id, R"({"done":1})");
                w.dispatcher->cancelled(id);
                w.dispatcher->caller_of(id);
                if (w.complete(id, reply("2")) == AGH_OK) ++taken;
                if (w.complete(id, reply("3")) == AGH_E_STALE) ++stale;
            }
        });
    constexpr int n = 10'000;
    for (int i = 0; i < n; ++i) {
        w.submit(std::to_string(i), "read", i % 4 ? "{}" : "[]");
        if (i % 16 == 0) w.poll();
    }
    EXPECT_TRUE(w.results(n));
    stop = true;
    for (auto& t : threads) t.join();
    w.poll();
    EXPECT_EQ(w.server->results.size(), std::size_t{n});
    std::set<std::string> ids;
    for (const Got& got : w.server->results) {
        ids.insert(got.id);
        EXPECT_EQ(got.data, std::stoi(got.id) % 4 ? "2" : "1");
    }
    EXPECT_EQ(ids.size(), std::size_t{n});
    EXPECT_EQ(taken, n - n / 4);
    EXPECT_EQ(stale, n - n / 4);
    EXPECT_EQ(w.in_flight(), 0u);
}

} // namespace

// Work with effects: never lost, never done twice, delivered in order. Dispatcher and journal together.
#include "fixture.hpp"

using namespace agenthost::host;
using namespace agenthost::host::testing;
using agenthost::wire::Outcome;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

TEST(Effects, ArePutDownBeforeThePluginSeesThem)
{
    DispatchFixture w;
    w.submit("1", "write", R"({"x":1})");
    EXPECT_THAT(w.files.invoked, IsEmpty()) << "not before the commit";
    ASSERT_TRUE(w.until([&] { return w.files.invoked.size() == 1; }));
    EXPECT_EQ(w.journal->stats().rows, 1u);
    EXPECT_EQ(w.files.invoked[0].params, R"({"x":1})");
    EXPECT_EQ(w.files.invoked[0].flags, 0u);
    w.complete(w.files.invoked[0].id, reply(R"({"done":1})"));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.journal->stats().commits, 2u) << "the result is on disk before it is sent";
    EXPECT_EQ(w.server->last().data, R"({"done":1})");
    EXPECT_NE(w.server->last().outbox, 0u);
    EXPECT_EQ(w.in_flight(), 0u);
    EXPECT_EQ(w.journal->stats().undelivered, 1u);
    w.dispatcher->delivered(*w.server, w.server->last().outbox);
    EXPECT_TRUE(wait_for([&] { return w.journal->stats().undelivered == 0; }));
}

TEST(Effects, CompletedInsideInvokeAreJournalledToo)
{
    DispatchFixture w;
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        EXPECT_EQ(w.complete(r.id, reply("1")), AGH_OK);
        EXPECT_EQ(w.complete(r.id, reply("2")), AGH_E_STALE);
        EXPECT_THAT(w.server->results, IsEmpty());
        return AGH_PENDING;
    };
    w.submit("1", "write");
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().data, "1");
    EXPECT_NE(w.server->last().outbox, 0u);
}

TEST(Effects, RepeatedWhileRunningShareOneAnswerOnTheNewestSession)
{
    DispatchFixture w;
    const auto id = w.running("1", "write");
    w.submit("1", "write");
    auto newer = std::make_shared<FakeCaller>("server");
    w.dispatcher->detach(*w.server);
    w.dispatcher->attach(newer);
    w.submit("1", "write", "{}", {}, newer.get());
    w.poll();
    EXPECT_THAT(w.files.invoked, SizeIs(1)) << "never twice";
    EXPECT_EQ(w.dispatcher->stats().attached, 2u);
    w.complete(id);
    ASSERT_TRUE(w.until([&] { return !newer->results.empty(); }));
    EXPECT_THAT(newer->results, SizeIs(1));
    EXPECT_THAT(w.server->results, IsEmpty());
}

TEST(Effects, RepeatedBeforeTheRowIsWrittenRunOnce)
{
    DispatchFixture w;
    w.submit("1", "write");
    w.submit("1", "write");
    ASSERT_TRUE(w.until([&] { return w.files.invoked.size() == 1; }));
    w.poll();
    EXPECT_THAT(w.files.invoked, SizeIs(1));
    EXPECT_EQ(w.in_flight(), 1u);
}

TEST(Effects, RepeatedAfterTheEndGetTheOldAnswer)
{
    DispatchFixture w;
    w.complete(w.running("1", "write"), reply(R"({"n":1})"));
    ASSERT_TRUE(w.results(1));
    w.submit("1", "write");
    ASSERT_TRUE(w.results(2));
    EXPECT_THAT(w.files.invoked, SizeIs(1));
    EXPECT_EQ(w.server->last().data, R"({"n":1})");
    EXPECT_EQ(w.server->last().outbox, w.server->results[0].outbox);
    EXPECT_EQ(w.dispatcher->stats().replayed, 1u);
    EXPECT_EQ(w.in_flight(), 0u);
}

TEST(Effects, FinalErrorsAndUnknownOnesAreReplayedAsWell)
{
    DispatchFixture w;
    w.complete(w.running("1", "write"), reply(R"({"code":"X","message":"no"})", AGH_E_INTERNAL));
    w.complete(w.running("2", "write"),
               reply(R"({"code":"Y","message":"half"})", AGH_E_INTERNAL, AGH_REPLY_UNKNOWN));
    ASSERT_TRUE(w.results(2));
    w.submit("1", "write");
    w.submit("2", "write");
    ASSERT_TRUE(w.results(4));
    EXPECT_EQ(w.server->results[2].code, "X");
    EXPECT_EQ(w.server->results[3].outcome, Outcome::unknown);
    EXPECT_THAT(w.files.invoked, SizeIs(2));
}

TEST(Effects, UnderAnIdOfOtherContentAreRefused)
{
    DispatchFixture w;
    const auto id = w.running("1", "write", R"({"x":1})");
    w.submit("1", "write", R"({"x":2})");
    EXPECT_EQ(w.server->last().code, "ID_REUSED") << "while it runs";
    w.submit("1", "files.sync", R"({"x":1})");
    EXPECT_EQ(w.server->last().code, "ID_REUSED") << "another action";
    w.complete(id);
    ASSERT_TRUE(w.results(3));
    w.submit("1", "write", R"({"x":2})");
    ASSERT_TRUE(w.results(4));
    EXPECT_EQ(w.server->last().code, "ID_REUSED") << "and after: never the old answer";
    EXPECT_EQ(w.server->last().outcome, Outcome::error);
    EXPECT_THAT(w.files.invoked, SizeIs(1));
    w.dispatcher->submit(
        *w.server,
        {.id = "1", .action = "write", .params = R"({"x":1})", .target = "elsewhere", .timeout = {}});
    ASSERT_TRUE(w.results(5));
    EXPECT_EQ(w.server->last().code, "ID_REUSED") << "another target";
}

TEST(Effects, ThatWereNotStartedMayRunUnderTheSameId)
{
    DispatchFixture w;
    w.complete(w.running("1", "write"), reply("", AGH_E_INTERNAL, AGH_REPLY_NOT_STARTED));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().outbox, 0u) << "nothing to remember";
    w.files.on_invoke = [](const agh_request&, agh_error&) { return agh_status{AGH_E_BUSY}; };
    w.submit("1", "write");
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().code, "BUSY");
    w.files.on_invoke = {};
    w.complete(w.running("1", "write"));
    ASSERT_TRUE(w.results(3));
    EXPECT_EQ(w.server->last().outcome, Outcome::success);
    EXPECT_THAT(w.files.invoked, SizeIs(3));
}

TEST(Effects, WithoutAnIdOrWithoutAJournalAreNotPutDown)
{
    DispatchFixture w;
    w.submit("", "write");
    EXPECT_THAT(w.files.invoked, SizeIs(1));
    w.server->policy_.journal = false;
    w.submit("1", "write");
    w.submit("1", "write");
    EXPECT_THAT(w.files.invoked, SizeIs(3));
    for (const auto& i : w.files.invoked) w.complete(i.id);
    ASSERT_TRUE(w.results(3));
    EXPECT_EQ(w.server->last().outbox, 0u);
    EXPECT_EQ(w.journal->stats().commits, 0u);
}

TEST(Effects, AreRefusedWhenTheJournalIsFull)
{
    DispatchFixture w{{.rows = 1}};
    w.complete(w.running("1", "write"));
    ASSERT_TRUE(w.results(1));
    w.submit("2", "write");
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().code, "BUSY");
    EXPECT_EQ(w.server->last().outcome, Outcome::not_started);
    EXPECT_THAT(w.server->last().detail, HasSubstr("journal.rows"));
    EXPECT_THAT(w.files.invoked, SizeIs(1));
    w.submit("3", "read");
    EXPECT_THAT(w.files.invoked, SizeIs(2)) << "what has no effects goes on";
    EXPECT_EQ(w.in_flight(), 1u);
}

TEST(Effects, AreRefusedWhenTheDiskRefusesAndResultsStillSent)
{
    auto broken = std::make_shared<std::atomic<bool>>(false);
    DispatchFixture w{{.before_commit = [broken] {
        if (*broken) throw std::runtime_error{"I/O error"};
    }}};
    const auto id = w.running("1", "write");
    *broken = true;
    w.submit("2", "write");
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().code, "INTERNAL");
    EXPECT_EQ(w.server->last().outcome, Outcome::not_started);
    EXPECT_THAT(w.server->last().message, HasSubstr("I/O error"));
    w.complete(id, reply("7"));
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().data, "7");
    EXPECT_EQ(w.server->last().outbox, 0u);
    *broken = false;
    w.submit("1", "write");
    ASSERT_TRUE(w.results(3));
    EXPECT_EQ(w.server->last().data, "7") << "remembered, not run again";
    EXPECT_THAT(w.files.invoked, SizeIs(1));
}

TEST(Effects, OfAPersonAtThisMachineRunThoughTheDiskRefuses)
{
    auto broken = std::make_shared<std::atomic<bool>>(false);
    DispatchFixture w{{.before_commit = [broken] {
        if (*broken) throw std::runtime_error{"I/O error"};
    }}};
    w.server->policy_.by_operator = true;
    *broken = true;
    w.complete(w.running("1", "write"), reply("7"));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().data, "7");
    EXPECT_EQ(w.server->last().outbox, 0u);
    w.submit("2", "write");
    EXPECT_TRUE(w.until([&] { return w.files.invoked.size() == 2; }));
    w.complete(w.files.invoked.back().id, reply(R"({"code":"X"})", AGH_E_INTERNAL));
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().code, "X");
    EXPECT_EQ(w.in_flight(), 0u);
}

TEST(Effects, WithoutARowKeepTheirParametersUntilInvokeReturns)
{
    DispatchFixture w{{.before_commit = [] { throw std::runtime_error{"I/O error"}; }}};
    w.server->policy_.by_operator = true;
    const std::string params = "[\"" + std::string(1000, 'x') + "\"]";
    std::string read_after_complete;
    w.files.on_invoke = [&](const agh_request& r, agh_error&) {
        w.complete(r.id);
        read_after_complete = view(r.params);
        return AGH_PENDING;
    };
    w.submit("1", "write", params);
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().outcome, Outcome::success);
    EXPECT_EQ(read_after_complete, params);
    EXPECT_EQ(w.in_flight(), 0u);
}

TEST(Effects, ThatChangedNothingDoNotFillTheJournal)
{
    DispatchFixture w{{.rows = 4}};
    for (int i = 0; i < 20; ++i) {
        w.complete(w.running(std::to_string(i), "write"),
                   reply(R"({"code":"FILE_NOT_FOUND","message":"File not found"})", AGH_E_NOT_FOUND));
        ASSERT_TRUE(w.results(static_cast<std::size_t>(i) + 1));
        ASSERT_EQ(w.server->last().code, "FILE_NOT_FOUND");
        w.dispatcher->delivered(*w.server, w.server->last().outbox);
        ASSERT_TRUE(w.until([&] { return w.journal->stats().undelivered == 0; }));
    }
    w.files.on_invoke = [](const agh_request&, agh_error& error) { // refused at once: nothing was done either
        std::snprintf(error.code, sizeof error.code, "NO_SUCH_PRINTER");
        return AGH_E_INTERNAL;
    };
    for (int i = 20; i < 40; ++i) {
        w.submit(std::to_string(i), "write");
        ASSERT_TRUE(w.results(static_cast<std::size_t>(i) + 1));
        ASSERT_EQ(w.server->last().code, "NO_SUCH_PRINTER");
        w.dispatcher->delivered(*w.server, w.server->last().outbox);
        ASSERT_TRUE(w.until([&] { return w.journal->stats().undelivered == 0; }));
    }
}

TEST(Effects, InterruptedByARestartAreToldAndNotRunAgain)
{
    DispatchFixture w;
    w.running("1", "write");
    w.restart();
    w.dispatcher->connected(*w.server);
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().code, "INTERRUPTED");
    EXPECT_EQ(w.server->last().outcome, Outcome::interrupted);
    EXPECT_NE(w.server->last().outbox, 0u);
    w.submit("1", "write");
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().code, "INTERRUPTED");
    EXPECT_THAT(w.files.invoked, SizeIs(1));
}

TEST(Effects, InterruptedAndIdempotentRunAgainAndKnowIt)
{
    DispatchFixture w;
    w.running("1", "files.sync");
    w.restart();
    w.submit("1", "files.sync");
    ASSERT_TRUE(w.until([&] { return w.files.invoked.size() == 2; }));
    EXPECT_EQ(w.files.invoked[1].flags, AGH_REQUEST_REPEAT);
    w.complete(w.files.invoked[1].id, reply("5"));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().data, "5");
    w.restart();
    w.submit("1", "files.sync");
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().data, "5") << "and then it is final";
    EXPECT_THAT(w.files.invoked, SizeIs(2));
}

TEST(Effects, EndedByAStoppingPluginRunAgainIfTheyAreIdempotent)
{
    DispatchFixture w;
    for (const char* action : {"files.sync", "write"}) {
        const std::string id = std::string{"of "} + action;
        const auto request = w.running(id, action);
        w.server->here = false;
        w.complete(request,
                   reply(R"({"code":"INTERRUPTED","message":"m"})", AGH_E_INTERNAL, AGH_REPLY_UNKNOWN));
        ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
        w.server->here = true;
    }
    w.restart();
    const auto before = w.files.invoked.size();
    w.submit("of files.sync", "files.sync");
    ASSERT_TRUE(w.until([&] { return w.files.invoked.size() == before + 1; }));
    w.complete(w.files.invoked.back().id, reply("5"));
    ASSERT_TRUE(w.results(1));
    EXPECT_EQ(w.server->last().data, "5");
    w.submit("of write", "write");
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().code, "INTERRUPTED");
    EXPECT_THAT(w.files.invoked, SizeIs(before + 1));
}

TEST(Effects, PastTheirDeadlineAreAnsweredOnceAndPutDownAsTheyEnd)
{
    DispatchFixture w;
    const auto id = w.running("1", "write", "{}", 1s);
    w.pass(1s);
    ASSERT_EQ(w.server->results.size(), 1u);
    EXPECT_EQ(w.server->last().code, "TIMEOUT");
    EXPECT_EQ(w.server->last().outcome, Outcome::unknown);
    EXPECT_EQ(w.complete(id, reply("9")), AGH_E_DEADLINE);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_TRUE(wait_for([&] { return w.journal->stats().undelivered == 0; }))
        << "the peer has had its answer";
    EXPECT_THAT(w.server->results, SizeIs(1));
    w.submit("1", "write");
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().data, "9") << "but who asks again learns what happened";
    EXPECT_THAT(w.files.invoked, SizeIs(1));
}

TEST(Effects, AskedForAgainAfterTheDeadlineGetTheRealEnd)
{
    DispatchFixture w;
    const auto id = w.running("1", "write", "{}", 1s);
    w.pass(1s);
    w.submit("1", "write");
    w.complete(id, reply("9"));
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().data, "9");
    EXPECT_NE(w.server->last().outbox, 0u);
}

TEST(Effects, ThatNeverEndArePutDownAsUnknown)
{
    DispatchFixture w;
    w.running("1", "write", "{}", 1s);
    w.pass(1s);
    w.pass(30s);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_THAT(w.files.unhealthy, SizeIs(1));
    w.submit("1", "write");
    ASSERT_TRUE(w.results(2));
    EXPECT_EQ(w.server->last().outcome, Outcome::unknown);
    EXPECT_THAT(w.files.invoked, SizeIs(1)) << "unknown is final";
}

TEST(Effects, CancelledBeforeTheRowIsWrittenLeaveNothing)
{
    DispatchFixture w;
    w.submit("1", "write");
    w.dispatcher->cancel(*w.server, "1");
    ASSERT_EQ(w.server->results.size(), 1u);
    EXPECT_EQ(w.server->last().code, "CANCELLED");
    EXPECT_EQ(w.server->last().outcome, Outcome::not_started);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_THAT(w.files.invoked, IsEmpty());
    EXPECT_EQ(w.journal->stats().rows, 0u);
    EXPECT_THAT(w.server->results, SizeIs(1));
    w.running("1", "write");
    EXPECT_THAT(w.files.invoked, SizeIs(1)) << "the same id may run";
}

TEST(Effects, PastTheirDeadlineBeforeTheRowIsWrittenAreNotBegun)
{
    DispatchFixture w;
    w.submit("1", "write", "{}", 1s);
    w.now += 1s;
    w.dispatcher->tick();
    ASSERT_EQ(w.server->results.size(), 1u);
    EXPECT_EQ(w.server->last().code, "TIMEOUT");
    EXPECT_EQ(w.server->last().outcome, Outcome::not_started);
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    EXPECT_THAT(w.files.invoked, IsEmpty());
    EXPECT_EQ(w.journal->stats().rows, 0u);
}

TEST(Effects, OfAPluginThatWentAwayAreUnknownAndFinal)
{
    DispatchFixture w;
    w.running("1", "write");
    w.submit("2", "write"); // its row is being written
    w.dispatcher->plugin_gone(w.files, "killed by signal 9");
    ASSERT_TRUE(w.results(2));
    ASSERT_TRUE(w.until([&] { return w.in_flight() == 0; }));
    const auto& [one, two] = w.server->results[0].id == "1"
                                 ? std::pair{w.server->results[0], w.server->results[1]}
                                 : std::pair{w.server->results[1], w.server->results[0]};
    EXPECT_EQ(one.outcome, Outcome::unknown);
    EXPECT_EQ(two.outcome, Outcome::not_started);
    w.submit("1", "write");
    ASSERT_TRUE(w.results(3));
    EXPECT_EQ(w.server->last().outcome, Outcome::unknown);
    EXPECT_THAT(w.files.invoked, SizeIs(1));
    w.running("2", "write");
    EXPECT_THAT(w.files.invoked, SizeIs(2));
}

} // namespace

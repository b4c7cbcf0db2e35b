// Handles of HTTP requests: once a connection is gone, every call on its handle does nothing. Also the
// strand.
#include "tests/unit/hub/parts.hpp"

using namespace agenthost::hub_test;

namespace {

class ExchangesTest : public PartsTest {
protected:
    Exchange open(Conn conn)
    {
        Exchange exchange;
        enter([&] { exchange = exchanges.open(conn); });
        return exchange;
    }
    void close(Conn conn)
    {
        enter([&] { exchanges.closed(conn); });
    }
};

TEST_F(ExchangesTest, AHandleOfAGoneConnectionIsInert)
{
    const Exchange gone = open(1);
    close(1);
    for (const Exchange& exchange : {gone, Exchange{}}) {
        bool called = false;
        enter([&] {
            EXPECT_FALSE(exchange.there());
            exchange.set_caller("nobody");
            EXPECT_EQ(exchange.caller(), "");
            exchange.answer(json_answer(200, "{}"));
            exchange.refuse(400, "X", "x");
            exchange.busy();
            exchange.begin(json_answer(200, "{}"), 1);
            exchange.finish();
            exchange.cut(1011, "x");
            exchange.receive(10, [&](const std::string&) { called = true; });
            exchange.receive(nullptr, 10, {}, [&](const BodyEnd&) { called = true; });
            exchange.on_drain([&] { called = true; });
            exchange.on_closed([&] { called = true; });
            exchange.keep(nullptr);
        });
        enter([&] {
            exchanges.body(exchange.id(), {});
            EXPECT_TRUE(exchanges.progress(exchange.id(), 1));
            exchanges.closed(exchange.id());
            exchanges.drain();
            EXPECT_TRUE(exchanges.empty());
        });
        EXPECT_FALSE(called);
    }
    EXPECT_TRUE(daemon.answers.empty());
    EXPECT_TRUE(daemon.closed.empty());
    EXPECT_TRUE(daemon.receiving.empty());
}

TEST_F(ExchangesTest, ABodyIsDeliveredOnceAndOnlyWhenComplete)
{
    std::vector<std::string> bodies;
    const auto receive = [&](Conn conn, const BodyEnd& end) {
        const Exchange exchange = open(conn);
        enter([&] { exchange.receive(10, [&](const std::string& body) { bodies.push_back(body); }); });
        enter([&] { exchanges.body(conn, end); });
        enter([&] { exchanges.body(conn, end); });
    };
    receive(1, {.data = "one"});
    receive(2, {.status = AGH_E_CLOSED, .data = "two"});
    EXPECT_THAT(bodies, testing::ElementsAre("one"));
}

TEST_F(ExchangesTest, AnAnswerCancelsTheDrainCallback)
{
    const Exchange answered = open(1), waiting = open(2);
    enter([&] {
        for (const Exchange& e : {answered, waiting}) e.on_drain([e] { e.refuse(503, "INTERRUPTED", "x"); });
        answered.answer(json_answer(200, "{}"));
    });
    enter([&] { exchanges.drain(); });
    enter([&] { exchanges.drain(); });
    EXPECT_EQ(status(1), 200);
    EXPECT_EQ(status(2), 503);
}

TEST_F(ExchangesTest, TheEndOfAConnectionIsReportedOnce)
{
    int ended = 0;
    const Exchange exchange = open(1);
    enter([&] { exchange.on_closed([&] { ++ended; }); });
    close(1);
    close(1);
    EXPECT_EQ(ended, 1);
}

TEST(HubStrand, RunsEffectsInOrderAfterTheLockIsReleased)
{
    std::vector<std::string> done;
    Strand strand{[&](const std::exception& e) { done.push_back(std::string{"failed "} + e.what()); }};
    strand.run([&] {
        strand.post([&] {
            done.push_back("first");
            strand.run([&] { strand.post([&] { done.push_back("last"); }); }); // an effect may come back in
            done.push_back("still the first");
        });
        strand.post([] { throw std::runtime_error{"second"}; });
        strand.post([&] { done.push_back("third"); });
        done.push_back("under the lock");
    });
    EXPECT_THAT(done, testing::ElementsAre("under the lock", "first", "still the first", "failed second",
                                           "third", "last"));
}

TEST(HubStrand, RunsOneThreadAtATimeAndKeepsTheOrder)
{
    Strand strand{[](const std::exception&) {}};
    int decided = 0; // under the lock
    std::vector<int> carried_out;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i)
                strand.run([&] { strand.post([&, n = decided++] { carried_out.push_back(n); }); });
        });
    }
    for (auto& thread : threads) thread.join();
    ASSERT_EQ(carried_out.size(), 2'000U);
    EXPECT_TRUE(std::is_sorted(carried_out.begin(), carried_out.end()));
}

} // namespace

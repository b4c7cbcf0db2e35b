#include "host/session/delivery_proof.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using agenthost::host::DeliveryProof;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {

struct DeliveryProofTest : ::testing::Test {
    void run()
    {
        io.restart();
        io.run_for(60s);
    }
    void pong(const std::string& payload)
    {
        proof.pong(payload, [this](std::uint64_t row) { delivered.push_back(row); });
    }
    boost::asio::io_context io;
    std::vector<std::string> pings;
    std::vector<std::uint64_t> delivered;
    DeliveryProof proof{io.get_executor(),
                        [this](std::string payload) { pings.push_back(std::move(payload)); }};
};

TEST_F(DeliveryProofTest, AsksOnceForResultsThatFollowEachOther)
{
    for (std::uint64_t row = 1; row <= 3; ++row) proof.written(10, row, false);
    EXPECT_THAT(pings, IsEmpty());
    run();
    ASSERT_EQ(pings.size(), 1u);
    EXPECT_TRUE(proof.waiting());
    pong(pings[0]);
    EXPECT_THAT(delivered, ElementsAre(1, 2, 3));
    EXPECT_FALSE(proof.waiting());
}

TEST_F(DeliveryProofTest, DoesNotAskForFramesWithoutARow)
{
    proof.written(5000, 0, false);
    run();
    EXPECT_THAT(pings, IsEmpty());
    EXPECT_EQ(proof.largest().bytes, 5000u);
}

TEST_F(DeliveryProofTest, AsksAgainForWhatCameAfterThePing)
{
    proof.ping();
    proof.written(10, 1, true);
    run();
    EXPECT_EQ(pings.size(), 1u) << "one ping at a time";
    pong(pings[0]);
    EXPECT_THAT(delivered, IsEmpty()) << "the ping was sent before the result";
    ASSERT_EQ(pings.size(), 2u);
    pong(pings[1]);
    EXPECT_THAT(delivered, ElementsAre(1));
}

TEST_F(DeliveryProofTest, ForgetsEverythingWithTheConnection)
{
    proof.written(10, 1, false);
    proof.reset();
    run();
    EXPECT_THAT(pings, IsEmpty());
    EXPECT_FALSE(proof.waiting());
    proof.written(10, 2, false);
    run();
    EXPECT_EQ(pings.size(), 1u) << "the next connection asks as usual";
}

TEST_F(DeliveryProofTest, TakesNoPongOfAnEarlierConnectionForProof)
{
    proof.written(10, 1, true);
    run();
    proof.reset();
    proof.ping();
    proof.written(10, 2, true);
    run();
    ASSERT_EQ(pings.size(), 2u);
    pong(pings[0]);
    EXPECT_THAT(delivered, IsEmpty());
    EXPECT_EQ(pings.size(), 2u);
    pong(pings[1]);
    EXPECT_THAT(delivered, IsEmpty()) << "this ping was sent before the result";
    ASSERT_EQ(pings.size(), 3u);
    pong(pings[2]);
    EXPECT_THAT(delivered, ElementsAre(2));
}

TEST_F(DeliveryProofTest, CountsASkippedResultWithTheNextPong)
{
    proof.skipped(7);
    proof.ask();
    ASSERT_EQ(pings.size(), 1u);
    pong(pings[0]);
    EXPECT_THAT(delivered, ElementsAre(7));
}

} // namespace
